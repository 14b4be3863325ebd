package ingest

import (
	"time"

	"golive/media"
)

const (
	// The bounds of composition times. No encoder reorders pictures over more.
	maxComposition = 10 * media.Second
	minComposition = -2 * media.Second
	// reach is the largest plausible change of the composition time. A larger one is
	// accepted if the following pictures agree.
	reach = media.Second
	// guessedStep is the assumed distance between pictures until it is known.
	guessedStep = media.Second / 30
	// standing is how long the received time may stand still before pictures are placed by
	// their arrival.
	standing = 500 * time.Millisecond
	// recentPictures is the number of previous pictures that a picture's presentation time
	// is compared with.
	recentPictures = 8
)

// videoTimes stamps pictures. The presentation time is the received time plus the
// composition time. There are two repairs.
//
// Pictures that share a received time are spread over the expected interval to the next
// one; no picture is delayed for it. If the received time stands still they are placed by
// their arrival.
//
// Decoding is moved earlier permanently if a picture would be presented before it is
// decoded, which MPEG-TS cannot express.
type videoTimes struct {
	guess media.Ticks // distance between pictures until it is measured

	stamp  media.Ticks // the current received time on the timeline
	first  media.Ticks // the composition time of the first picture with that time
	line   media.Ticks // where the first picture with that time was placed
	since  time.Time   // when that picture arrived
	count  int64       // pictures with that time
	shares int64       // pictures with the previous time; 0 until known
	grid   media.Ticks // usual distance between two received times; 0 until known
	shared int         // received times until sharing is no longer expected

	composition media.Ticks // the last plausible one
	any         bool
	odd         int // consecutive implausible composition times that agree
	oddAt       media.Ticks

	lead media.Ticks // how much earlier decoding is
	dts  media.Ticks // of the last picture

	// A picture that is presented later than the next in order is followed by others that
	// are presented before it: open is set until the one after edge has come.
	open      bool
	edge, top media.Ticks // top is the latest presentation so far
	recent    [recentPictures]media.Ticks
	at        int
}

// declare uses the frame rate of a track's parameters if it is plausible.
func (v *videoTimes) declare(t *media.Track) {
	v.guess = guessedStep
	if t.FrameRate >= 5 && t.FrameRate <= 300 {
		v.guess = media.Ticks(float64(media.Second) / t.FrameRate)
	}
}

// plausible returns the composition time c, or the previous one if c is an outlier.
func (v *videoTimes) plausible(c media.Ticks, repaired *RepairCounts) media.Ticks {
	possible := minComposition <= c && c <= maxComposition
	near := max(reach, 16*v.step())
	if possible && (!v.any || !distant(c, v.composition, near)) {
		v.any, v.odd = true, 0
		v.composition = c
		return c
	}
	if possible && v.odd > 0 && !distant(c, v.oddAt, near) {
		v.odd++
	} else {
		v.odd = 1
	}
	v.oddAt = c
	if possible && v.odd >= persistent {
		v.odd, v.composition = 0, c
		return c
	}
	repaired[RepairOutlier]++
	return v.composition
}

// step returns the usual distance between two pictures.
func (v *videoTimes) step() media.Ticks {
	if v.grid == 0 {
		return v.guess
	}
	return max(v.grid/media.Ticks(v.shares), 1)
}

// expect places a picture at the expected time, ignoring its received time.
func (v *videoTimes) expect(t *timeline, composition media.Ticks, repaired *RepairCounts) Stamp {
	at := t.out + v.step()
	return v.present(t, at, at+composition, repaired)
}

// place places the current picture of t.
func (v *videoTimes) place(t *timeline, a arrival, repaired *RepairCounts) Stamp {
	due := t.due()
	switch {
	case !t.seen || a.fresh:
		v.begin(due, a)
		v.count = 1
	case due == v.stamp:
		v.count++
		return v.share(t, a, repaired)
	default:
		v.advanced(due - v.stamp)
		v.begin(due, a)
	}
	if t.seen && due <= t.out {
		// A small step back, or the previous pictures were placed too late: catch up.
		repaired[RepairNudged]++
		v.line = t.out + max(v.step()/2, 1)
	}
	presented := v.line + a.composition
	if v.shared > 0 && presented <= v.top {
		presented = v.free(presented)
	}
	return v.present(t, v.line, presented, repaired)
}

// begin records a new received time.
func (v *videoTimes) begin(due media.Ticks, a arrival) {
	v.stamp, v.line, v.first, v.since = due, due, a.composition, a.at
}

// advanced records the distance to a new received time. The grid stays close to the
// shortest distance, so that pictures after a gap are not spread over its length.
func (v *videoTimes) advanced(d media.Ticks) {
	if d > 0 {
		if v.grid == 0 || d < v.grid {
			v.grid = d
		} else {
			v.grid += min(d-v.grid, v.grid) / 8
		}
		v.shares = v.count
	}
	v.count = 1
	v.shared = max(v.shared-1, 0)
}

// share places a picture with the received time of the previous one.
func (v *videoTimes) share(t *timeline, a arrival, repaired *RepairCounts) Stamp {
	const remembered = 32
	v.shared = remembered
	var at media.Ticks
	stood := a.at.Sub(v.since)
	switch n := media.Ticks(v.count - 1); {
	case stood > standing && stood > 2*v.grid.Duration():
		repaired[RepairStoodStill]++
		at = v.arrived(t.out, v.line+media.TicksFromDuration(stood))
	case v.grid == 0:
		repaired[RepairSpread]++
		at = v.line + n*v.guess
	case v.count <= v.shares:
		repaired[RepairSpread]++
		at = v.line + n*v.grid/media.Ticks(v.shares)
	default:
		repaired[RepairSpread]++
		at = t.out + (v.line+v.grid-t.out)/2
	}
	at = max(at, t.out+1)
	presented := v.stamp + a.composition
	if a.composition == v.first || stood > standing || v.line != v.stamp {
		presented += at - v.stamp
	} else {
		presented = v.free(presented)
	}
	return v.present(t, at, presented, repaired)
}

// arrived returns where to place a picture, after last, that arrived at now. The places
// are even, because networks and encoders deliver in bursts.
func (v *videoTimes) arrived(last, now media.Ticks) media.Ticks {
	next := last + v.step()
	if now-next > media.TicksFromDuration(standing) {
		return now
	}
	return next + min(max((now-next)/16, -v.step()/2), v.step()/2)
}

// free returns a presentation time near at that no recent picture has. Of reordered
// pictures that share one, the first in decoding order keeps it.
func (v *videoTimes) free(at media.Ticks) media.Ticks {
	step := v.step()
	for _, by := range [...]media.Ticks{step, -step / 2, step} {
		if !v.taken(at) {
			break
		}
		at += by
	}
	return at
}

// taken reports whether a recent picture has the presentation time at.
func (v *videoTimes) taken(at media.Ticks) bool {
	for _, p := range v.recent {
		if !distant(p, at, media.Millisecond/2) {
			return true
		}
	}
	return false
}

// present returns the stamp of a picture whose place in decoding order is at.
func (v *videoTimes) present(t *timeline, at, presented media.Ticks, repaired *RepairCounts) Stamp {
	const tolerance = 2 * media.Millisecond // of rounded times
	step := v.step()
	v.recent[v.at%recentPictures] = presented
	v.at++

	need := at - presented
	passed := at - t.out
	switch {
	case !t.seen:
		v.top = presented
	case presented > v.top:
		v.open = presented-v.top > passed+step/2+tolerance
		v.edge, v.top = v.top, presented
	case presented <= v.edge+step+step/2 || passed > step+step/2:
		v.open = false
	}
	if v.open && at-v.edge > v.lead+tolerance {
		need = max(need, at-v.edge)
	}
	if need > v.lead {
		v.lead = min(need, -minComposition)
		repaired[RepairReordered]++
	}
	dts := at - v.lead
	if t.seen && dts <= v.dts {
		// Decoding was moved earlier: the distances are shorter until it has caught up.
		dts = v.dts + max(1, (min(presented, dts+step)-v.dts)/4)
	}
	v.dts = dts
	t.out = at
	return Stamp{DTS: dts, PTS: max(presented, dts)}
}
