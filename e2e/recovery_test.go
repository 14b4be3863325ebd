//go:build e2e

package e2e

import (
	"testing"
	"time"

	"golive/e2e/harness"
)

// FIELD row 58: streams whose IDR pictures are far between, or never come again.
func TestChromium_Row58_PlaysStreamsWithoutIDRPictures(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []string
		warning string
	}{
		{"open GOP", []string{"-x264-params", "open-gop=1:keyint=60:min-keyint=60:scenecut=0:bframes=3"}, "open_gop"},
		{"intra refresh", []string{"-x264-params", "intra-refresh=1:keyint=60:bframes=0"}, "intra_refresh"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := harness.Start(t, harness.Options{})
			source := sources.FLV(t, append([]string{"-t", "40"}, c.options...)...)
			p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
			harness.PublishLooped(t, source, s.PublishURL("show"))
			p.WaitForPicture(20 * time.Second)
			p.MustPlay(20 * time.Second)
			if !p.Playback().Same {
				t.Error("the page was reloaded")
			}
		})
	}
}
