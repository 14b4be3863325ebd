package ingest

import (
	"time"

	"golive/media"
)

// Kind is video or audio.
type Kind uint8

// The kinds.
const (
	Video Kind = iota
	Audio
)

func (k Kind) other() Kind { return 1 - k }

// kindOf returns the kind of a track.
func kindOf(t *media.Track) Kind {
	if t.Video() {
		return Video
	}
	return Audio
}

const (
	// maxStep is the longest plausible time between two units of a kind. A longer one is
	// accepted if the other kind has advanced as far.
	maxStep = 3 * media.Second
	// maxBaseDistance is the largest distance between the two kinds at which they share a base.
	maxBaseDistance = media.Second
	// maxDelay is the same for the first unit of a kind, and for sound after a pause, if both kinds
	// have a common clock: sound may be converted by a program that starts slowly.
	maxDelay = 10 * media.Second
	// minJumpUnits is the number of consecutive outliers, consistent with each other, that
	// make a jump of the base.
	minJumpUnits = 3
	// maxLateVideo and maxLateAudio are the number of consecutive units that may be placed at
	// least lag after their received time before that is a jump too. Audio continues
	// without a gap meanwhile, so it can wait until the duration of a frame is known.
	maxLateVideo  = 10
	maxLateAudio  = 150
	lateThreshold = 200 * media.Millisecond
	// arrivalTolerance is the largest difference between the distance of two received times
	// and that of the arrivals at which the arrivals confirm the received times.
	arrivalTolerance = 3 * media.Second / 2
	// maxSlideStep bounds the growth of maxStep for a slide show.
	maxSlideStep = 60 * media.Second
)

// Stamp holds a unit's times on the session's timeline.
type Stamp struct {
	DTS, PTS media.Ticks
	// Discontinuity is set if the publisher's clock jumped here. DTS continues in any case.
	Discontinuity bool
}

// Timeline repairs the times of one session. It takes received times, unwrapped by the
// protocol, and returns times that increase with each unit of a kind. The first time is
// kept, whatever it is. Repairs are counted; no unit is dropped for its time.
//
// A picture is presented at its received time plus its composition time, and decoded early
// enough for that; see videoTimes. The times of audio are counted in samples and follow the
// received times in the long run; see audioTimes. Only Clock repairs times: a demuxer
// passes them on as they were sent.
//
// Additional video tracks follow the default one; see extraTimelines.
//
// It does not read a clock. It is used by one goroutine; the zero value is ready.
type Timeline struct {
	// commonClock is Request.CommonClock.
	commonClock bool

	kinds    [2]kindTimeline
	video    videoTimes
	audio    audioTimes
	epoch    int
	repaired RepairCounts
	// extra are the times of additional video tracks; nil before there is one.
	extra *extraTimelines
}

// kindTimeline is the state of one kind: the mapping of its received times, and its progress.
type kindTimeline struct {
	seen   bool
	kind   Kind
	track  *media.Track
	at     time.Time   // when the last unit arrived
	wire   media.Ticks // the received time of the last unit
	base   media.Ticks // offset from received times to the timeline
	placed media.Ticks // where the last unit was placed

	epoch int         // number of the last change of base
	limit media.Ticks // maxStep, or more for a slide show

	outliers   int         // consecutive outliers, consistent with each other
	outlierAt  media.Ticks // received time of the last of them
	outlierGap media.Ticks // the largest distance between them

	lateUnits int         // consecutive units placed at least lag after their time
	lateBy    media.Ticks // delay of the last of them
}

// arrival is what is known of a received unit beside its DTS.
type arrival struct {
	composition media.Ticks
	at          time.Time // when it arrived
	// timeChanged is set if the received time differs from that of the previous unit.
	timeChanged bool
	// newBase is set if the timeline begins here or has a new base: the distance to the
	// previous unit is not known.
	newBase bool
}

// Repaired returns the numbers of repairs.
func (c *Timeline) Repaired() RepairCounts { return c.repaired }

// Next returns the stamp of the next unit of a track: dts is its received decoding time,
// composition its composition time, arrived when it was received.
func (c *Timeline) Next(track *media.Track, dts, composition media.Ticks, arrived time.Time) Stamp {
	if track.Number != 0 {
		return c.nextExtra(track, dts, composition, arrived)
	}
	s := c.next(track, dts, composition, arrived)
	if c.extra != nil && track.Video() {
		c.extra.record(dts, c.kinds[Video].placed, s, c.video.composition)
	}
	return s
}

// next is Next for audio and for the default video track.
func (c *Timeline) next(track *media.Track, dts, composition media.Ticks, arrived time.Time) Stamp {
	k := kindOf(track)
	t, o := &c.kinds[k], &c.kinds[k.other()]
	if track != t.track {
		c.setTrack(t, k, track)
	}
	a := arrival{composition: composition, at: arrived, timeChanged: dts != t.wire}
	if k == Video {
		a.composition = c.video.checkComposition(composition, &c.repaired)
	} else if a.composition < 0 || a.composition > media.Millisecond {
		a.composition = 0 // audio is not reordered: only a fraction of a millisecond is valid
	}
	if !t.seen {
		t.at = arrived
		c.setFirstBase(t, o, dts)
		a.newBase = true
		return c.place(t, a, false)
	}
	inOrder, gap := t.follows(o, dts, arrived)
	t.at = arrived
	switch {
	case inOrder:
		a.newBase = gap && k == Audio // restart the count of samples
		t.wire = dts
		return c.placeInOrder(t, o, a)
	case t.joins(o, dts) || c.isLate(t, o, dts):
		c.shareBase(t, o, dts)
		a.newBase = true
		return c.place(t, a, false)
	}
	return c.placeOutlier(t, o, dts, a)
}

// follows reports whether a received time is plausible after the previous one, or after a real
// gap.
func (t *kindTimeline) follows(o *kindTimeline, dts media.Ticks, arrived time.Time) (inOrder, gap bool) {
	d := dts - t.wire
	gap = confirmed(d, arrived.Sub(t.at)) && o.epoch <= t.epoch
	return -maxStep <= d && d <= t.limit || gap, gap
}

// joins reports whether a received time is close to the other kind's: there was a gap in what
// was sent, or the other kind has jumped and this one follows.
func (t *kindTimeline) joins(o *kindTimeline, dts media.Ticks) bool {
	return o.seen && sameBase(o.wire, dts) && (o.base == t.base || o.epoch > t.epoch)
}

// isLate reports whether sound with a received time is late after a pause, which it is if both kinds
// have a common clock and the pictures went on meanwhile.
func (c *Timeline) isLate(t, o *kindTimeline, dts media.Ticks) bool {
	return c.commonClock && t.kind == Audio && o.seen && o.base == t.base &&
		t.wire < dts && dts <= o.wire && o.wire-dts <= maxDelay
}

// confirmed reports whether a gap of d in received times is real: as much time has passed
// since the previous unit arrived. It is a slide show, or a track that paused.
func confirmed(d media.Ticks, waited time.Duration) bool {
	off := d - media.TicksFromDuration(waited)
	return d > maxStep && -arrivalTolerance <= off && off <= arrivalTolerance
}

// setTrack applies the parameters of a new track.
func (c *Timeline) setTrack(t *kindTimeline, k Kind, track *media.Track) {
	t.kind, t.track = k, track
	if k == Video {
		c.video.declare(track)
	} else {
		c.audio.declare(track)
	}
}

// setFirstBase sets the base for the first unit of a kind.
func (c *Timeline) setFirstBase(t, o *kindTimeline, dts media.Ticks) {
	t.limit = maxStep
	t.wire = dts
	base, joined := c.firstBase(o, dts)
	t.base = base
	switch {
	case joined:
		c.repaired[RepairJoined]++
	case o.seen:
		t.epoch = o.epoch
	}
}

// firstBase returns the base for the first unit of a kind: the base of the other kind, or if
// that is not plausible, one that places the unit beside the other kind's latest unit: then joined
// is set.
func (c *Timeline) firstBase(o *kindTimeline, dts media.Ticks) (base media.Ticks, joined bool) {
	distance := maxBaseDistance
	if c.commonClock {
		distance = maxDelay
	}
	switch {
	case !o.seen:
		return 0, false
	case !apart(o.wire, dts, distance):
		return o.base, false
	}
	return o.placed - dts, true
}

// placeInOrder places a unit whose time is plausible.
func (c *Timeline) placeInOrder(t, o *kindTimeline, a arrival) Stamp {
	t.outliers = 0
	t.lateBy = c.earliest(t) - t.received()
	if t.lateBy < lateThreshold || !a.timeChanged {
		t.lateUnits = 0
		return c.place(t, a, false)
	}
	// A step back. If it lasts, the base has moved.
	t.lateUnits++
	stuck := maxLateVideo
	if t.kind == Audio {
		stuck = maxLateAudio
	}
	switch {
	case o.epoch > t.epoch && sameBase(o.wire, t.wire):
		c.shareBase(t, o, t.wire)
		a.newBase = true
	case t.lateUnits >= stuck:
		at := c.expected(t)
		if t.kind == Video && o.lateUnits > 0 && o.base == t.base {
			// Audio continued evenly: place the pictures beside it.
			at = max(t.placed+1, t.received()+o.lateBy)
		}
		c.rebase(t, at)
		a.newBase = true
		return c.place(t, a, true)
	}
	return c.place(t, a, false)
}

// placeOutlier places an outlier: at the expected time, until the jump has persisted.
func (c *Timeline) placeOutlier(t, o *kindTimeline, dts media.Ticks, a arrival) Stamp {
	d := dts - t.outlierAt
	if t.outliers > 0 && 0 <= d && d <= maxSlideStep {
		t.outliers++
		t.outlierGap = max(t.outlierGap, d)
	} else {
		t.outliers, t.outlierGap = 1, 0
	}
	t.outlierAt = dts
	votes := t.outliers
	if o.outliers > 0 && sameBase(o.outlierAt, dts) {
		votes += o.outliers
	}
	if votes < minJumpUnits {
		c.repaired[RepairOutlier]++
		if t.kind == Audio {
			t.placed = c.audio.expected(t.placed)
			return c.audio.stamp(t.placed)
		}
		return c.video.placeExpected(t, a.composition, &c.repaired)
	}
	at := c.expected(t)
	if o.seen && o.outliers == 0 && o.placed-at > maxBaseDistance {
		// The other kind continued while this one paused.
		at = o.placed
		c.repaired[RepairJoined]++
	}
	if t.outlierGap > t.limit {
		t.limit = min(2*t.outlierGap, maxSlideStep)
	}
	t.wire = dts
	c.rebase(t, at)
	a.newBase = true
	return c.place(t, a, true)
}

// shareBase makes t use the base of o; dts is near o's time.
func (c *Timeline) shareBase(t, o *kindTimeline, dts media.Ticks) {
	t.wire = dts
	t.base, t.epoch = o.base, o.epoch
	t.outliers, t.lateUnits = 0, 0
}

// rebase changes the base of t so that the current unit is at at.
func (c *Timeline) rebase(t *kindTimeline, at media.Ticks) {
	t.base += at - t.received()
	c.epoch++
	t.epoch = c.epoch
	t.outliers, t.lateUnits = 0, 0
	c.repaired[RepairRebased]++
}

// received returns the received time of the current unit on the timeline.
func (t *kindTimeline) received() media.Ticks { return t.base + t.wire }

// expected returns the expected time of the next unit of t.
func (c *Timeline) expected(t *kindTimeline) media.Ticks {
	if t.kind == Audio {
		return c.audio.expected(t.placed)
	}
	return t.placed + c.video.step()
}

// earliest returns the first time at which the next unit of t can be placed. Pictures may
// be close to each other; audio frames do not overlap.
func (c *Timeline) earliest(t *kindTimeline) media.Ticks {
	if t.kind == Audio {
		return c.audio.expected(t.placed)
	}
	return t.placed
}

// place places the current unit on the timeline.
func (c *Timeline) place(t *kindTimeline, a arrival, discontinuity bool) (s Stamp) {
	if t.kind == Audio {
		s = c.audio.place(t, a, &c.repaired)
	} else {
		s = c.video.place(t, a, &c.repaired)
	}
	t.seen = true
	s.Discontinuity = discontinuity
	return s
}

// sameBase reports whether two received times have the same base.
func sameBase(a, b media.Ticks) bool { return !apart(a, b, maxBaseDistance) }
