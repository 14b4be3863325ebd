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
	// maxApart is the largest distance between the two kinds at which they share a base.
	maxApart = media.Second
	// persistent is the number of consecutive outliers, consistent with each other, that
	// make a jump of the base.
	persistent = 3
	// stuckVideo and stuckAudio are the number of consecutive units that may be placed at
	// least lag after their received time before that is a jump too. Audio continues
	// without a gap meanwhile, so it can wait until the duration of a frame is known.
	stuckVideo = 10
	stuckAudio = 150
	lag        = 200 * media.Millisecond
	// arrivalTolerance is the largest difference between the distance of two received times
	// and that of the arrivals at which the arrivals confirm the received times.
	arrivalTolerance = 3 * media.Second / 2
	// longestStep bounds the growth of maxStep for a slide show.
	longestStep = 60 * media.Second
)

// Stamp holds a unit's times on the session's timeline.
type Stamp struct {
	DTS, PTS media.Ticks
	// Discontinuity is set if the publisher's clock jumped here. DTS continues in any case.
	Discontinuity bool
}

// Clock repairs the times of one session. It takes received times, unwrapped by the
// protocol, and returns times that increase with each unit of a kind. The first time is
// kept, whatever it is. Repairs are counted; no unit is dropped for its time.
//
// A picture is presented at its received time plus its composition time, and decoded early
// enough for that; see videoTimes. The times of audio are counted in samples and follow the
// received times in the long run; see audioTimes. Only Clock repairs times: a demuxer
// passes them on as they were sent.
//
// It does not read a clock. It is used by one goroutine; the zero value is ready.
type Clock struct {
	kinds    [2]timeline
	video    videoTimes
	audio    audioTimes
	epoch    int
	repaired RepairCounts
}

// timeline is the state of one kind: the mapping of its received times, and its progress.
type timeline struct {
	seen  bool
	kind  Kind
	track *media.Track
	at    time.Time   // when the last unit arrived
	wire  media.Ticks // the received time of the last unit
	base  media.Ticks // offset from received times to the timeline
	out   media.Ticks // where the last unit was placed

	epoch int         // number of the last change of base
	limit media.Ticks // maxStep, or more for a slide show

	odd    int         // consecutive outliers, consistent with each other
	oddAt  media.Ticks // received time of the last of them
	oddGap media.Ticks // the largest distance between them

	late   int         // consecutive units placed at least lag after their time
	lateBy media.Ticks // delay of the last of them
}

// arrival is what is known of a received unit beside its DTS.
type arrival struct {
	composition media.Ticks
	at          time.Time // when it arrived
	// moved is set if the received time differs from that of the previous unit.
	moved bool
	// fresh is set if the timeline begins here or has a new base: the distance to the
	// previous unit is not known.
	fresh bool
}

// Repaired returns the numbers of repairs.
func (c *Clock) Repaired() RepairCounts { return c.repaired }

// Next returns the stamp of the next unit of a track: dts is its received decoding time,
// composition its composition time, arrived when it was received.
func (c *Clock) Next(track *media.Track, dts, composition media.Ticks, arrived time.Time) Stamp {
	k := kindOf(track)
	t, o := &c.kinds[k], &c.kinds[k.other()]
	if track != t.track {
		c.change(t, k, track)
	}
	a := arrival{composition: composition, at: arrived, moved: dts != t.wire}
	if k == Video {
		a.composition = c.video.plausible(composition, &c.repaired)
	} else if a.composition < 0 || a.composition > media.Millisecond {
		a.composition = 0 // audio is not reordered: only a fraction of a millisecond is valid
	}
	if !t.seen {
		t.at = arrived
		c.first(t, o, dts)
		a.fresh = true
		return c.place(t, a, false)
	}
	d := dts - t.wire
	waited := arrived.Sub(t.at)
	t.at = arrived
	gap := confirmed(d, waited) && o.epoch <= t.epoch
	switch {
	case -maxStep <= d && d <= t.limit || gap:
		a.fresh = gap && k == Audio // restart the count of samples
		t.wire = dts
		return c.inStep(t, o, a)
	case o.seen && near(o.wire, dts) && (o.base == t.base || o.epoch > t.epoch):
		// It is close to the other kind: a gap in what was sent, or the other kind has
		// jumped and this one follows.
		c.follow(t, o, dts)
		a.fresh = true
		return c.place(t, a, false)
	}
	return c.jumped(t, o, dts, a)
}

// confirmed reports whether a gap of d in received times is real: as much time has passed
// since the previous unit arrived. It is a slide show, or a track that paused.
func confirmed(d media.Ticks, waited time.Duration) bool {
	off := d - media.TicksFromDuration(waited)
	return d > maxStep && -arrivalTolerance <= off && off <= arrivalTolerance
}

// change applies the parameters of a new track.
func (c *Clock) change(t *timeline, k Kind, track *media.Track) {
	t.kind, t.track = k, track
	if k == Video {
		c.video.declare(track)
	} else {
		c.audio.declare(track)
	}
}

// first sets the base for the first unit of a kind: the base of the other kind, or if that
// is not plausible, one that places the unit beside the other kind's latest unit.
func (c *Clock) first(t, o *timeline, dts media.Ticks) {
	t.limit = maxStep
	t.wire = dts
	switch {
	case !o.seen:
	case near(o.wire, dts):
		c.follow(t, o, dts)
	default:
		t.base = o.out - dts
		c.repaired[RepairJoined]++
	}
}

// inStep places a unit whose time is plausible.
func (c *Clock) inStep(t, o *timeline, a arrival) Stamp {
	t.odd = 0
	t.lateBy = c.earliest(t) - t.due()
	if t.lateBy < lag || !a.moved {
		t.late = 0
		return c.place(t, a, false)
	}
	// A step back. If it lasts, the base has moved.
	t.late++
	stuck := stuckVideo
	if t.kind == Audio {
		stuck = stuckAudio
	}
	switch {
	case o.epoch > t.epoch && near(o.wire, t.wire):
		c.follow(t, o, t.wire)
		a.fresh = true
	case t.late >= stuck:
		at := c.expected(t)
		if t.kind == Video && o.late > 0 && o.base == t.base {
			// Audio continued evenly: place the pictures beside it.
			at = max(t.out+1, t.due()+o.lateBy)
		}
		c.rebase(t, at)
		a.fresh = true
		return c.place(t, a, true)
	}
	return c.place(t, a, false)
}

// jumped places an outlier: at the expected time, until the jump has persisted.
func (c *Clock) jumped(t, o *timeline, dts media.Ticks, a arrival) Stamp {
	d := dts - t.oddAt
	if t.odd > 0 && 0 <= d && d <= longestStep {
		t.odd++
		t.oddGap = max(t.oddGap, d)
	} else {
		t.odd, t.oddGap = 1, 0
	}
	t.oddAt = dts
	votes := t.odd
	if o.odd > 0 && near(o.oddAt, dts) {
		votes += o.odd
	}
	if votes < persistent {
		c.repaired[RepairOutlier]++
		if t.kind == Audio {
			t.out = c.audio.expected(t.out)
			return c.audio.put(t.out)
		}
		return c.video.expect(t, a.composition, &c.repaired)
	}
	at := c.expected(t)
	if o.seen && o.odd == 0 && o.out-at > maxApart {
		// The other kind continued while this one paused.
		at = o.out
		c.repaired[RepairJoined]++
	}
	if t.oddGap > t.limit {
		t.limit = min(2*t.oddGap, longestStep)
	}
	t.wire = dts
	c.rebase(t, at)
	a.fresh = true
	return c.place(t, a, true)
}

// follow makes t use the base of o; dts is near o's time.
func (c *Clock) follow(t, o *timeline, dts media.Ticks) {
	t.wire = dts
	t.base, t.epoch = o.base, o.epoch
	t.odd, t.late = 0, 0
}

// rebase changes the base of t so that the current unit is at at.
func (c *Clock) rebase(t *timeline, at media.Ticks) {
	t.base += at - t.due()
	c.epoch++
	t.epoch = c.epoch
	t.odd, t.late = 0, 0
	c.repaired[RepairRebased]++
}

// due returns the received time of the current unit on the timeline.
func (t *timeline) due() media.Ticks { return t.base + t.wire }

// expected returns the expected time of the next unit of t.
func (c *Clock) expected(t *timeline) media.Ticks {
	if t.kind == Audio {
		return c.audio.expected(t.out)
	}
	return t.out + c.video.step()
}

// earliest returns the first time at which the next unit of t can be placed. Pictures may
// be close to each other; audio frames do not overlap.
func (c *Clock) earliest(t *timeline) media.Ticks {
	if t.kind == Audio {
		return c.audio.expected(t.out)
	}
	return t.out
}

// place places the current unit on the timeline.
func (c *Clock) place(t *timeline, a arrival, discontinuity bool) (s Stamp) {
	if t.kind == Audio {
		s = c.audio.place(t, a, &c.repaired)
	} else {
		s = c.video.place(t, a, &c.repaired)
	}
	t.seen = true
	s.Discontinuity = discontinuity
	return s
}

// near reports whether two received times have the same base.
func near(a, b media.Ticks) bool { return !distant(a, b, maxApart) }
