//go:build e2e

package e2e

import (
	"testing"
	"time"

	"golive/e2e/harness"
)

// FIELD 4 row 58: IDR pictures come once, and then recovery points.
func TestChromium_Row58_PlaysOpenGroupsOfPictures(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	source := sources.FLV(t, "-t", "40", "-x264-params", "open-gop=1:keyint=60:min-keyint=60:scenecut=0:bframes=3")
	harness.PublishLooped(t, source, s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	harness.Pause(t.Context(), 5*time.Second)
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.MustPlay(15 * time.Second)
	if !p.Playback().Same {
		t.Error("the page was reloaded")
	}
}
