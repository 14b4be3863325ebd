//go:build e2e

package ladder

import (
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

// The broadcaster encodes the ladder: the first track is the source, the second one a rendition
// that is cut where the source is.
func TestMultitrack_EachTrackIsARendition(t *testing.T) {
	t.Parallel()
	file := sources.Enhanced(t, harness.Clip{
		Video: harness.H264 + " -b:v 800k", Audio: harness.AAC, Plain: true, Seconds: 8,
		More: []string{harness.H264 + " -s 320x180 -b:v 300k"},
	})
	s := harness.Start(t, harness.Options{})
	harness.Launch(t, nil, s.Program(), "publish", "--file", file, s.PublishURL("show"))
	s.WaitForState("show", "live", 15*time.Second)
	s.WaitForPlaylist("show", "video1/index.m3u8", 15*time.Second)
	report := s.Check("show", 10*time.Second)
	text, err := harness.Get(t.Context(), s.PlaylistURL("show"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"RESOLUTION=640x360,", "source/index.m3u8", "RESOLUTION=320x180,", "video1/index.m3u8"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if n := len(report.Renditions); n != 2 {
		t.Errorf("%d renditions were checked", n)
	}
	b, err := s.Broadcast(t.Context(), "show")
	if err != nil {
		t.Error(err)
	}
	for _, w := range b.Warnings {
		if w.Code == "extra_tracks" || w.Code == "key_frames_not_aligned" {
			t.Errorf("warning %s", w.Code)
		}
	}
}
