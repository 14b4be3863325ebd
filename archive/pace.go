package archive

import "time"

const (
	// paceWindow is the duration of media over which the pace is measured.
	paceWindow = 30 * time.Second
	// paceWarning is the ratio from which a warning is logged: not far above it the queue only
	// grows.
	paceWarning = 0.7
)

// pace compares how long uploads take with the duration of their media. Renditions
// are put one after the other but last at the same time: the longest counts.
type pace struct {
	took     time.Duration
	segments int
	media    map[string]time.Duration // by rendition
}

// add counts a segment. If the window was full before it, add returns the ratio over
// that window, and the segment begins a new one.
func (p *pace) add(rendition string, took, duration time.Duration) (ratio float64, segments int, full bool) {
	if p.media == nil {
		p.media = make(map[string]time.Duration)
	}
	if media := p.media[rendition]; media >= paceWindow {
		ratio, segments, full = p.took.Seconds()/media.Seconds(), p.segments, true
		p.took, p.segments = 0, 0
		clear(p.media)
	}
	p.took += took
	p.segments++
	p.media[rendition] += duration
	return ratio, segments, full
}
