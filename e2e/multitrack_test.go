//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// The broadcaster encodes the ladder: the first track is the source.
func TestMultitrack_FirstTrackIsTheSource(t *testing.T) {
	t.Parallel()
	file := sources.Enhanced(t, harness.Clip{
		Video: harness.H264 + " -b:v 800k", Audio: harness.AAC, Plain: true, Seconds: 8,
		More: []string{harness.H264 + " -s 320x180 -b:v 300k"},
	})
	s := harness.Start(t, harness.Options{})
	harness.Launch(t, nil, s.Program(), "publish", "--file", file, s.PublishURL("show"))
	s.WaitForState("show", "live", 15*time.Second)
	follow, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	report := hlscheck.Check(follow, http.DefaultClient, s.PlaylistURL("show"))
	if report.Error != "" {
		t.Error(report.Error)
	}
	for _, v := range report.Violations {
		if !harness.Late(v) {
			t.Error(v)
		}
	}
	text, err := harness.Get(t.Context(), s.PlaylistURL("show"))
	if err != nil || !strings.Contains(string(text), "RESOLUTION=640x360,") {
		t.Errorf("%v\n%s", err, text)
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
