package harness

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Viewer samples the state of a page's video until it is stopped.
type Viewer struct {
	page    *Page
	cancel  context.CancelFunc
	stopped chan struct{}

	mu   sync.Mutex
	seen []Sample
}

// Sample is the state at one time.
type Sample struct {
	At time.Time
	Playback
}

// View starts a Viewer, which samples the video five times a second.
func (p *Page) View() *Viewer {
	ctx, cancel := context.WithCancel(p.ctx)
	v := &Viewer{page: p, cancel: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(v.stopped)
		for ctx.Err() == nil {
			if now, err := p.playback(); err == nil {
				if now.Time < v.Last().Time && !p.Rebuilds {
					p.logFailure() // the player was rebuilt: write its log
				}
				v.mu.Lock()
				v.seen = append(v.seen, Sample{At: time.Now(), Playback: now})
				v.mu.Unlock()
			}
			Pause(ctx, 200*time.Millisecond)
		}
	}()
	p.tb.Cleanup(func() { v.Stop() })
	return v
}

// Last returns the newest sample; zero before the first.
func (v *Viewer) Last() Sample {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.seen) == 0 {
		return Sample{}
	}
	return v.seen[len(v.seen)-1]
}

// WaitFor waits until a sample has met a condition.
func (v *Viewer) WaitFor(what string, limit time.Duration, condition func(Playback) bool) {
	v.page.tb.Helper()
	meets := func(s Sample) bool { return condition(s.Playback) }
	Until(v.page.tb, what, limit, func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return slices.ContainsFunc(v.seen, meets)
	})
}

// Stop stops the Viewer and returns its samples.
func (v *Viewer) Stop() []Sample {
	v.cancel()
	<-v.stopped
	return v.seen
}

// Report summarises the samples of a Viewer.
type Report struct {
	Played        float64       // seconds of media
	Longest       time.Duration // longest stall
	Stalled       time.Duration // sum of all stalls of more than half a second
	Back, Reloads int           // times that the playback position went back; page reloads
	Steps         []string      // each step back, as "12.34 to 12.10 at 20:36:58.166"
	Faults        []string
}

// Summarise summarises the samples of a Viewer.
func Summarise(seen []Sample) (r Report) {
	if len(seen) == 0 {
		return r
	}
	moved := seen[0]
	for i, now := range seen {
		if !now.Same {
			r.Reloads++
		}
		if now.Fault != "" {
			r.Faults = append(r.Faults, now.Fault)
		}
		if now.Time == moved.Time && i < len(seen)-1 {
			continue
		}
		if stalled := now.At.Sub(moved.At); stalled > 500*time.Millisecond {
			r.Longest = max(r.Longest, stalled)
			r.Stalled += stalled
		}
		if now.Time < moved.Time {
			r.Back++
			r.Steps = append(r.Steps, fmt.Sprintf("%.3f to %.3f at %s", moved.Time, now.Time, now.At.Format("15:04:05.000")))
		}
		moved = now
	}
	r.Played = seen[len(seen)-1].Time - seen[0].Time
	return r
}
