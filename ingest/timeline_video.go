package ingest

import (
	"time"

	"golive/media"
)

const (
	// The bounds of composition times. No encoder reorders pictures over more.
	maxComposition = 10 * media.Second
	minComposition = -2 * media.Second
	// maxCompositionStep is the largest plausible change of the composition time. A larger one is
	// accepted if the following pictures agree.
	maxCompositionStep = media.Second
	// defaultStep is the assumed distance between pictures until it is known.
	defaultStep = media.Second / 30
	// stallThreshold is how long the received time may stand still before pictures are placed by
	// their arrival.
	stallThreshold = 500 * time.Millisecond
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
	initialStep media.Ticks // distance between pictures until it is measured

	stamp           media.Ticks // the current received time on the timeline
	first           media.Ticks // the composition time of the first picture with that time
	firstPlaced     media.Ticks // where the first picture with that time was placed
	firstArrived    time.Time   // when that picture arrived
	count           int64       // pictures with that time
	usualCount      int64       // pictures with the previous time; 0 until known
	interval        media.Ticks // usual distance between two received times; 0 until known
	sharingExpected int         // received times until sharing is no longer expected

	composition     media.Ticks // the last plausible one
	compositionSeen bool
	outliers        int // consecutive implausible composition times that agree
	outlierAt       media.Ticks

	decodeLead media.Ticks // how much earlier decoding is
	dts        media.Ticks // of the last picture

	// A picture that is presented later than the next in order is followed by others that
	// are presented before it: open is set until the one after edge has come.
	reordering bool
	// changed is set for the first picture of a track: that it is presented later than the next
	// in order is another composition time, and no reordering.
	changed                bool
	reorderEdge, latestPTS media.Ticks // latestPTS is the latest presentation so far
	recent                 [recentPictures]media.Ticks
	recentNext             int
}

// declare uses the frame rate of a track's parameters if it is plausible.
func (v *videoTimes) declare(t *media.Track) {
	v.initialStep, v.changed = defaultStep, true
	if t.FrameRate >= 5 && t.FrameRate <= 300 {
		v.initialStep = media.Ticks(float64(media.Second) / t.FrameRate)
	}
}

// checkComposition returns the composition time c, or the previous one if c is an outlier.
func (v *videoTimes) checkComposition(c media.Ticks, repaired *RepairCounts) media.Ticks {
	possible := minComposition <= c && c <= maxComposition
	near := max(maxCompositionStep, 16*v.step())
	if possible && (!v.compositionSeen || !apart(c, v.composition, near)) {
		v.compositionSeen, v.outliers = true, 0
		v.composition = c
		return c
	}
	if possible && v.outliers > 0 && !apart(c, v.outlierAt, near) {
		v.outliers++
	} else {
		v.outliers = 1
	}
	v.outlierAt = c
	if possible && v.outliers >= minJumpUnits {
		v.outliers, v.composition = 0, c
		return c
	}
	repaired[RepairOutlier]++
	return v.composition
}

// step returns the usual distance between two pictures.
func (v *videoTimes) step() media.Ticks {
	if v.interval == 0 {
		return v.initialStep
	}
	return max(v.interval/media.Ticks(v.usualCount), 1)
}

// placeExpected places a picture at the expected time, ignoring its received time.
func (v *videoTimes) placeExpected(t *kindTimeline, composition media.Ticks, repaired *RepairCounts) Stamp {
	at := t.placed + v.step()
	return v.stampPicture(t, at, at+composition, repaired)
}

// place places the current picture of t.
func (v *videoTimes) place(t *kindTimeline, a arrival, repaired *RepairCounts) Stamp {
	due := t.received()
	switch {
	case !t.seen || a.newBase:
		v.startTime(due, a)
		v.count = 1
	case due == v.stamp:
		v.count++
		return v.placeShared(t, a, repaired)
	default:
		v.timeAdvanced(due - v.stamp)
		v.startTime(due, a)
	}
	if t.seen && due <= t.placed {
		// A small step back, or the previous pictures were placed too late: catch up.
		repaired[RepairNudged]++
		v.firstPlaced = t.placed + max(v.step()/2, 1)
	}
	presented := v.firstPlaced + a.composition
	if v.sharingExpected > 0 && presented <= v.latestPTS {
		presented = v.freePTS(presented)
	}
	return v.stampPicture(t, v.firstPlaced, presented, repaired)
}

// startTime records a new received time.
func (v *videoTimes) startTime(due media.Ticks, a arrival) {
	v.stamp, v.firstPlaced, v.first, v.firstArrived = due, due, a.composition, a.at
}

// timeAdvanced records the distance to a new received time. The grid stays close to the
// shortest distance, so that pictures after a gap are not spread over its length.
func (v *videoTimes) timeAdvanced(d media.Ticks) {
	if d > 0 {
		if v.interval == 0 || d < v.interval {
			v.interval = d
		} else {
			v.interval += min(d-v.interval, v.interval) / 8
		}
		v.usualCount = v.count
	}
	v.count = 1
	v.sharingExpected = max(v.sharingExpected-1, 0)
}

// placeShared places a picture with the received time of the previous one.
func (v *videoTimes) placeShared(t *kindTimeline, a arrival, repaired *RepairCounts) Stamp {
	const remembered = 32
	v.sharingExpected = remembered
	var at media.Ticks
	stood := a.at.Sub(v.firstArrived)
	switch n := media.Ticks(v.count - 1); {
	case stood > stallThreshold && stood > 2*v.interval.Duration():
		repaired[RepairStalled]++
		at = v.arrivalPlace(t.placed, v.firstPlaced+media.TicksFromDuration(stood))
	case v.interval == 0:
		repaired[RepairSpread]++
		at = v.firstPlaced + n*v.initialStep
	case v.count <= v.usualCount:
		repaired[RepairSpread]++
		at = v.firstPlaced + n*v.interval/media.Ticks(v.usualCount)
	default:
		repaired[RepairSpread]++
		at = t.placed + (v.firstPlaced+v.interval-t.placed)/2
	}
	at = max(at, t.placed+1)
	presented := v.stamp + a.composition
	if a.composition == v.first || stood > stallThreshold || v.firstPlaced != v.stamp {
		presented += at - v.stamp
	} else {
		presented = v.freePTS(presented)
	}
	return v.stampPicture(t, at, presented, repaired)
}

// arrivalPlace returns where to place a picture, after last, that arrived at now. The places
// are even, because networks and encoders deliver in bursts.
func (v *videoTimes) arrivalPlace(last, now media.Ticks) media.Ticks {
	next := last + v.step()
	if now-next > media.TicksFromDuration(stallThreshold) {
		return now
	}
	return next + min(max((now-next)/16, -v.step()/2), v.step()/2)
}

// freePTS returns a presentation time near at that no recent picture has. Of reordered
// pictures that share one, the first in decoding order keeps it.
func (v *videoTimes) freePTS(at media.Ticks) media.Ticks {
	step := v.step()
	for _, by := range [...]media.Ticks{step, -step / 2, step} {
		if !v.hasPTS(at) {
			break
		}
		at += by
	}
	return at
}

// hasPTS reports whether a recent picture has the presentation time at.
func (v *videoTimes) hasPTS(at media.Ticks) bool {
	for _, p := range v.recent {
		if !apart(p, at, media.Millisecond/2) {
			return true
		}
	}
	return false
}

// stampPicture returns the stamp of a picture whose place in decoding order is at.
func (v *videoTimes) stampPicture(t *kindTimeline, at, presented media.Ticks, repaired *RepairCounts) Stamp {
	const tolerance = 2 * media.Millisecond // of rounded times
	step := v.step()
	v.recent[v.recentNext%recentPictures] = presented
	v.recentNext++

	need := at - presented
	passed := at - t.placed
	switch {
	case v.changed:
		v.changed, v.reordering, v.latestPTS = false, false, presented
	case presented > v.latestPTS:
		v.reordering = presented-v.latestPTS > passed+step/2+tolerance
		v.reorderEdge, v.latestPTS = v.latestPTS, presented
	case presented <= v.reorderEdge+step+step/2 || passed > step+step/2:
		v.reordering = false
	}
	if v.reordering && at-v.reorderEdge > v.decodeLead+tolerance {
		need = max(need, at-v.reorderEdge)
	}
	if need > v.decodeLead {
		v.decodeLead = min(need, -minComposition)
		repaired[RepairReordered]++
	}
	dts := at - v.decodeLead
	if t.seen && dts <= v.dts {
		// Decoding was moved earlier: the distances are shorter until it has caught up.
		dts = v.dts + max(1, (min(presented, dts+step)-v.dts)/4)
	}
	v.dts = dts
	t.placed = at
	return Stamp{DTS: dts, PTS: max(presented, dts)}
}
