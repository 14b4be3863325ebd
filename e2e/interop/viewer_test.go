//go:build e2e || interop

package interop

import (
	"context"
	"sync"
	"time"
)

// viewer keeps an eye on a page's video until it is stopped.
type viewer struct {
	page    *page
	cancel  context.CancelFunc
	stopped chan struct{}

	mu   sync.Mutex
	seen []sight
}

// sight is what was seen at a moment.
type sight struct {
	at time.Time
	playback
}

// view looks at the page's video five times a second.
func (p *page) view() *viewer {
	ctx, cancel := context.WithCancel(p.ctx)
	v := &viewer{page: p, cancel: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(v.stopped)
		for ctx.Err() == nil {
			if now, err := p.playback(); err == nil {
				if now.Time < v.last().Time && !p.rebuilds {
					p.bury() // the player began anew: while its log tells why
				}
				v.mu.Lock()
				v.seen = append(v.seen, sight{at: time.Now(), playback: now})
				v.mu.Unlock()
			}
			pause(ctx, 200*time.Millisecond)
		}
	}()
	p.t.Cleanup(func() { v.stop() })
	return v
}

// last is the newest sight; zero before the first.
func (v *viewer) last() sight {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.seen) == 0 {
		return sight{}
	}
	return v.seen[len(v.seen)-1]
}

// stop ends the viewing and returns what was seen.
func (v *viewer) stop() []sight {
	v.cancel()
	<-v.stopped
	return v.seen
}

// report sums a viewing up.
type report struct {
	played        float64       // seconds of media
	longest       time.Duration // in which the picture stood still
	still         time.Duration // of all times of more than half a second
	back, reloads int           // the picture's time went back; the page was loaded again
	faults        []string
}

func sumUp(seen []sight) (r report) {
	if len(seen) == 0 {
		return r
	}
	moved := seen[0]
	for i, now := range seen {
		if !now.Same {
			r.reloads++
		}
		if now.Fault != "" {
			r.faults = append(r.faults, now.Fault)
		}
		if now.Time == moved.Time && i < len(seen)-1 {
			continue
		}
		if stood := now.at.Sub(moved.at); stood > 500*time.Millisecond {
			r.longest = max(r.longest, stood)
			r.still += stood
		}
		if now.Time < moved.Time {
			r.back++
		}
		moved = now
	}
	r.played = seen[len(seen)-1].Time - seen[0].Time
	return r
}
