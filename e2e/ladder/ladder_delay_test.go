//go:build e2e && field

package ladder

import (
	"slices"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// addedDelay is how much later than the same part of the source a part of a rung may be listed.
const addedDelay = 400 * time.Millisecond

// A viewer of a rung sees it hardly later than one of the source.
func TestLadder_RungsAreListedSoonAfterTheirSource(t *testing.T) {
	for _, c := range []struct{ name, reordered string }{{"without B-frames", "0"}, {"with B-frames", "2"}} {
		t.Run(c.name, func(t *testing.T) {
			s := harness.Start(t, harness.Options{Config: largeLadder})
			harness.PublishLooped(t, beeping(t, "-vf", "scale=1280:720:flags=bicubic", "-b:v", "1500k", "-bf", c.reordered), s.PublishURL("show"))
			waitForRungs(t, s, "show", 4)
			f := harness.Follow(t, s.PlaylistURL("show"), hlscheck.Options{LowLatency: true, Discard: true, Behind: time.Second})
			harness.Pause(t.Context(), 40*time.Second)
			recording := f.Stop()
			listed := map[[2]int64]time.Time{}
			source := recording.Renditions[0]
			for _, p := range source.Parts {
				listed[[2]int64{p.MSN, int64(p.Index)}] = p.Listed
			}
			for _, r := range recording.Renditions[1:] {
				var added []time.Duration
				for i, p := range r.Parts {
					if at, ok := listed[[2]int64{p.MSN, int64(p.Index)}]; ok && i > 8 { // the first were listed before both were followed
						added = append(added, p.Listed.Sub(at))
					}
				}
				if len(added) < 100 {
					t.Errorf("%s has %d parts of the %d of %s", r.Name, len(added), len(source.Parts), source.Name)
					continue
				}
				slices.Sort(added)
				p95 := added[len(added)*95/100]
				t.Logf("%s after %s: median %v, p95 %v, at most %v", r.Name, source.Name, added[len(added)/2], p95, added[len(added)-1])
				if harness.Strict() && p95 > addedDelay {
					t.Errorf("%s: p95 of the added delay is %v", r.Name, p95)
				}
			}
		})
	}
}
