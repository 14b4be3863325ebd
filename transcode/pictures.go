package transcode

import (
	"slices"
	"sync"
	"time"

	"golive/media"
)

// maxPictures is how many pictures a child may hold: a minute at 60 a second.
const maxPictures = 4096

// fedPicture is a picture that was written to the child.
type fedPicture struct {
	pts     media.Ticks
	arrived time.Time
	// lost is set if pictures before it were dropped.
	lost bool
}

// pictures are the pictures that were written to the child, in decoding order. The times of the
// child's output are rounded to milliseconds; each belongs to one of these pictures.
type pictures struct {
	mu  sync.Mutex
	fed []fedPicture
}

func (p *pictures) add(f fedPicture) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.fed) >= maxPictures {
		p.fed = append(p.fed[:0], p.fed[len(p.fed)/2:]...)
	}
	p.fed = append(p.fed, f)
}

// find returns the picture whose time is nearest to at, of those presented after a time.
func (p *pictures) find(at, after media.Ticks) (found fedPicture, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Decoding order differs from presentation order by less than that.
	const window = 10 * media.Second
	best := 2 * media.Millisecond // outputs are rounded to 1 ms
	for i := len(p.fed) - 1; i >= 0 && p.fed[i].pts > at-window; i-- {
		if f := p.fed[i]; f.pts > after && distance(f.pts, at) <= best {
			found, best, ok = f, distance(f.pts, at), true
		}
	}
	return found, ok
}

func distance(a, b media.Ticks) media.Ticks { return max(a-b, b-a) }

// oldest returns the arrival time of the first picture that is presented after a time.
func (p *pictures) oldest(after media.Ticks) (arrived time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range slices.Backward(p.fed) {
		switch {
		case f.pts > after:
			arrived, ok = f.arrived, true
		case f.pts < after-media.Second:
			return arrived, ok
		}
	}
	return arrived, ok
}
