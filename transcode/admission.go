package transcode

import (
	"cmp"

	"golive/media"
)

// load is the load of a job: its rungs, and what they cost.
type load struct {
	job    *Job
	number int // jobs are numbered in the order of their arrival
	source source
	// wanted are the rungs that the source allows, from the cheapest. The first allowed ones are
	// made.
	wanted  []Rung
	allowed int
	// shed is the number of rungs that were shed. The remaining ones were never allowed.
	shed int
}

// The costs of decoding and encoding, in processor cores for a million pixels a second. They are
// estimates, which the node corrects by a measured factor.
const (
	decodeCost = 0.004
	scaleCost  = 0.001 // in the source's pixels
	audioCost  = 0.01  // in cores
)

// encodeCost returns the cost of a preset of x264.
func encodeCost(preset string) float64 {
	const veryfast = 0.013
	switch preset {
	case "ultrafast":
		return veryfast * 0.4
	case "superfast":
		return veryfast * 0.7
	case "veryfast":
		return veryfast
	case "faster":
		return veryfast * 1.7
	case "fast":
		return veryfast * 2.2
	case "medium":
		return veryfast * 2.7
	}
	return veryfast * 5
}

// cost returns the cores that the first n wanted rungs need.
func (l *load) cost(n int) float64 {
	total, pictures := 0.0, false
	s := l.source
	for _, r := range l.wanted[:n] {
		if s.audio != nil && !s.passesAudio(r) {
			total += audioCost
		}
		if r.AudioOnly {
			continue
		}
		pictures = true
		p := plan{source: s}
		total += p.encodeCost(r) + l.pixels()*scaleCost
	}
	if pictures {
		decode := l.pixels() * decodeCost
		if s.video.Codec != media.H264 {
			decode *= 1.5
		}
		total += decode
	}
	return total
}

// pixels returns how many million pixels the source has per second.
func (l *load) pixels() float64 {
	const million = 1e6
	return float64(l.source.video.Width) * float64(l.source.video.Height) * l.source.rate() / million
}

// affordable returns how many of the wanted rungs the free cores can encode. factor corrects the
// estimated costs.
func (l *load) affordable(free, factor float64) int {
	n := len(l.wanted)
	for n > 0 && l.cost(n)*factor > free {
		n--
	}
	return n
}

// topRung returns the most expensive rung that is made.
func (l *load) topRung() (r Rung, ok bool) {
	if l.allowed == 0 {
		return r, false
	}
	return l.wanted[l.allowed-1], true
}

// nextToShed returns the load whose top rung is shed next: the one with the most expensive top
// rung, and the newest of those.
func nextToShed(loads []*load) *load {
	return pick(loads, func(l *load) (Rung, bool) { return l.topRung() }, func(a, b *load, ra, rb Rung) int {
		return cmp.Or(compareRungs(rb, ra), cmp.Compare(b.number, a.number))
	})
}

// nextToRestore returns the load of which a rung is restored next: the one with the cheapest
// missing rung, and the oldest of those.
func nextToRestore(loads []*load) *load {
	next := func(l *load) (r Rung, ok bool) {
		if l.allowed == len(l.wanted) {
			return r, false
		}
		return l.wanted[l.allowed], true
	}
	return pick(loads, next, func(a, b *load, ra, rb Rung) int {
		return cmp.Or(compareRungs(ra, rb), cmp.Compare(a.number, b.number))
	})
}

// pick returns the first load in an order of the loads and their rungs, or nil if none has a rung.
func pick(loads []*load, rung func(*load) (Rung, bool), order func(a, b *load, ra, rb Rung) int) *load {
	var best *load
	var bestRung Rung
	for _, l := range loads {
		if r, ok := rung(l); ok && (best == nil || order(l, best, r, bestRung) < 0) {
			best, bestRung = l, r
		}
	}
	return best
}

// compareRungs orders rungs by their cost.
func compareRungs(a, b Rung) int {
	return cmp.Or(cmp.Compare(a.Height, b.Height), cmp.Compare(a.VideoBitrate, b.VideoBitrate))
}
