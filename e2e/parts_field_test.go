//go:build e2e && field

package e2e

import (
	"slices"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// A part is listed when its last picture has arrived, so that its first one waits no longer than the
// part lasts.
func TestParts_AreListedWhenTheyAreComplete(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	f := harness.Follow(t, s.MediaURL("show"), hlscheck.Options{LowLatency: true, Discard: true})
	sent := publish(t, numberedPictures(t, 50*time.Second), s.PublishURL("show"))
	began := <-sent.began
	harness.Pause(t.Context(), 40*time.Second)
	r := f.Stop().Renditions[0]
	var end, longest time.Duration
	var late []time.Duration
	for i, p := range r.Parts {
		end += p.Duration
		longest = max(longest, p.Duration)
		if i > 20 { // the first playlist came when there was a part already
			late = append(late, p.Listed.Sub(began)-end)
		}
	}
	if len(late) < 100 || r.Missed > 0 {
		t.Fatalf("%d parts were seen, %d segments missed", len(r.Parts), r.Missed)
	}
	slices.Sort(late)
	p95 := late[len(late)*95/100]
	t.Logf("%d parts of at most %v: listed %v after their end at the median, %v at p95, %v at most", len(late), longest, late[len(late)/2], p95, late[len(late)-1])
	if harness.Strict() && p95 > 5*time.Millisecond {
		t.Errorf("p95 is %v", p95)
	}
}
