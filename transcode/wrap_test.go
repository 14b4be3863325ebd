package transcode

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/media"
)

// The source's times pass a time at which a clock with fewer bits than media.Ticks wraps, in
// small steps: the child's clock, which begins with the session, or the source's own.
func TestJob_ContinuesWhenClocksWrap(t *testing.T) {
	const (
		before   = 2 * media.Second
		childEnd = -before - childOffset
	)
	for name, test := range map[string]struct{ first, wrap media.Ticks }{
		"31 bits of milliseconds in the child":  {0, 1<<31*media.Millisecond + childEnd},
		"32 bits of milliseconds in the child":  {0, 1<<32*media.Millisecond + childEnd},
		"32 bits of milliseconds in the source": {1<<32*media.Millisecond - before, 0},
		"33 bits of ticks in the source":        {1<<33 - before, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, ladderOf(lowRung()))
			units := clip(t, "4")
			var all []media.AccessUnit
			const steps = 5 // of at most 10 days
			for i := range media.Ticks(steps) {
				if test.wrap > 0 {
					all = append(all, shifted(units, test.first+test.wrap*i/steps)...)
				}
			}
			all = append(all, shifted(units, test.first+test.wrap)...)
			half := len(units) / 2
			for i := 0; i < len(all); i += half {
				b.write(all[i:min(i+half, len(all))]...)
				b.await(t, "the rung has taken all units", func() bool { return !b.job.queue.waits() })
			}
			b.finish(t)
			if diff := cmp.Diff(inOrder(pictureTimes(all, false)), pictureTimes(b.units("low", true), false)); diff != "" {
				t.Errorf("pictures (-source +rung):\n%s", diff)
			}
			if n := b.job.Status().Restarts; n > 0 {
				t.Errorf("%d restarts, want none", n)
			}
		})
	}
}
