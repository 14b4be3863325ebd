package ingest

import (
	"time"

	"golive/media"
)

const (
	// The bounds of composition times. No encoder reorders pictures over more.
	maxComposition = 10 * media.Second
	minComposition = -2 * media.Second
	// reach is how far a composition time may be from the one before. A longer one
	// is taken when the pictures after it agree.
	reach = media.Second
	// guessedStep is the distance between pictures that is taken until it is known.
	guessedStep = media.Second / 30
	// standing is how long the wire's time stands still before pictures are put where
	// they arrive.
	standing = 500 * time.Millisecond
	// recentPictures is how many are compared with a picture that may have the same
	// time of presentation.
	recentPictures = 8
)

// videoTimes gives pictures their times: the presentation is the wire's time plus
// the composition time. Two things are moved.
//
// Pictures that share a time on the wire are spread over the interval to the next,
// as far as the intervals before tell: nothing waits for it. If time stands still,
// they go where they arrive.
//
// Decoding is moved earlier for good if a picture would be presented before it is
// decoded, which MPEG-TS cannot say.
type videoTimes struct {
	guess media.Ticks // distance between pictures until it is known

	stamp  media.Ticks // the present time of the wire, as ticks
	first  media.Ticks // the composition time of the first picture with that time
	line   media.Ticks // where the first picture with that time was put
	since  time.Time   // when it arrived
	count  int64       // pictures with that time
	shares int64       // pictures with the time before; 0 until it is known
	grid   media.Ticks // the usual distance between two times of the wire; likewise
	shared int         // times that pass until sharing is forgotten

	composition media.Ticks // the last plausible one
	any         bool
	odd         int // composition times in a row that are not plausible and agree
	oddAt       media.Ticks

	lead media.Ticks // how far decoding is moved
	dts  media.Ticks // of the last picture

	// A picture that is presented later than the next in order announces others that
	// come in between: open is true until the one after edge has come.
	open      bool
	edge, top media.Ticks // top is the latest presentation so far
	recent    [recentPictures]media.Ticks
	at        int
}

// declare takes the frame rate from a track's parameters, where it makes sense.
func (v *videoTimes) declare(t *media.Track) {
	v.guess = guessedStep
	if t.FrameRate >= 5 && t.FrameRate <= 300 {
		v.guess = media.Ticks(float64(media.Second) / t.FrameRate)
	}
}

// plausible returns the composition time, or in place of an odd one the one before.
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

// step is the usual distance between two pictures.
func (v *videoTimes) step() media.Ticks {
	if v.grid == 0 {
		return v.guess
	}
	return max(v.grid/media.Ticks(v.shares), 1)
}

// expect puts a picture where it is expected, whatever its time on the wire.
func (v *videoTimes) expect(t *timeline, composition media.Ticks, repaired *RepairCounts) Stamp {
	at := t.out + v.step()
	return v.present(t, at, at+composition, repaired)
}

// place puts the present picture of t on the timeline.
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
		// A small step back, or pictures before it were put too late: catch up.
		repaired[RepairNudged]++
		v.line = t.out + max(v.step()/2, 1)
	}
	presented := v.line + a.composition
	if v.shared > 0 && presented <= v.top {
		presented = v.free(presented)
	}
	return v.present(t, v.line, presented, repaired)
}

// begin notes a new time of the wire.
func (v *videoTimes) begin(due media.Ticks, a arrival) {
	v.stamp, v.line, v.first, v.since = due, due, a.composition, a.at
}

// advanced notes the distance to a new time of the wire. The grid is close to the
// shortest: what follows a gap is not spread over the next.
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

// share puts a picture that has the wire time of the one before.
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

// arrived returns the place after last of a picture that came at now: an even one,
// for networks and encoders deliver in bursts.
func (v *videoTimes) arrived(last, now media.Ticks) media.Ticks {
	next := last + v.step()
	if now-next > media.TicksFromDuration(standing) {
		return now
	}
	return next + min(max((now-next)/16, -v.step()/2), v.step()/2)
}

// free returns a time at which no other picture is presented. Of reordered pictures
// that share one, the first to be decoded has it.
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

// taken says whether one of the last pictures is presented at that time.
func (v *videoTimes) taken(at media.Ticks) bool {
	for _, p := range v.recent {
		if !distant(p, at, media.Millisecond/2) {
			return true
		}
	}
	return false
}

// present gives a picture its stamp: at is its place in decoding order.
func (v *videoTimes) present(t *timeline, at, presented media.Ticks, repaired *RepairCounts) Stamp {
	const tolerance = 2 * media.Millisecond // of times that were rounded
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
		// Decoding was moved: the distances are shorter until that is made up for.
		dts = v.dts + max(1, (min(presented, dts+step)-v.dts)/4)
	}
	v.dts = dts
	t.out = at
	return Stamp{DTS: dts, PTS: max(presented, dts)}
}
