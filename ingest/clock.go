package ingest

import (
	"time"

	"golive/media"
)

// Kind tells audio from video where nothing else about a track matters.
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
	// maxStep is the longest time between two units of a kind that is not odd. A
	// longer one is taken when the other kind has come as far.
	maxStep = 3 * media.Second
	// maxApart is how far apart the two kinds may be and still share a base.
	maxApart = media.Second
	// persistent is how many odd units in a row, agreeing with each other, make a
	// jump of the base.
	persistent = 3
	// stuckVideo and stuckAudio are how many units in a row may be at least lag
	// later than the wire says before that is a jump too. Audio runs on without a
	// gap meanwhile, so it can wait until the clock knows how long a frame lasts.
	stuckVideo = 10
	stuckAudio = 150
	lag        = 200 * media.Millisecond
	// arrivalTolerance is how much the distance between two units on the wire and that
	// between their arrivals may differ, if the one is to confirm the other.
	arrivalTolerance = 3 * media.Second / 2
	// longestStep bounds what maxStep can grow to for a slide show.
	longestStep = 60 * media.Second
)

// Stamp is a unit's place on the session's timeline.
type Stamp struct {
	DTS, PTS media.Ticks
	// Discontinuity says that the publisher's clock jumped here. DTS runs on all
	// the same.
	Discontinuity bool
}

// Clock puts one session's time in order. It takes the times that a protocol gave,
// unwrapped, and returns times that grow with each unit of a kind. A clock that
// starts anywhere stays there. Repairs are counted; nothing is thrown away, for a
// picture with an odd time is as good as its neighbours.
//
// A picture is presented at its time on the wire plus its composition time, and
// decoded early enough for that; see videoTimes. The times of audio are counted
// in samples and follow the wire in the long run; see audioTimes. The clock is
// the only owner of both: a demuxer gives it the times as they were sent.
//
// It looks at no clock of its own. It is used by one goroutine; the zero value
// is ready.
type Clock struct {
	kinds    [2]timeline
	video    videoTimes
	audio    audioTimes
	epoch    int
	repaired RepairCounts
}

// timeline is the state of one kind: how its time on the wire becomes ticks, and
// how far it has come.
type timeline struct {
	seen  bool
	kind  Kind
	track *media.Track
	at    time.Time   // when the last unit was read
	wire  media.Ticks // its time on the wire
	base  media.Ticks // what is added to wire
	out   media.Ticks // where the last unit was put

	epoch int         // when base was last changed, as a count of such changes
	limit media.Ticks // maxStep, or more for a slide show

	odd    int         // units in a row that jumped and agree
	oddAt  media.Ticks // the last of them, on the wire
	oddGap media.Ticks // the largest distance between them

	late   int         // units in a row that were put at least lag after their time
	lateBy media.Ticks // how much the last of them was
}

// arrival is how a unit's time came to the clock.
type arrival struct {
	composition media.Ticks
	at          time.Time // when it was read
	// moved says that the time on the wire is not that of the unit before.
	moved bool
	// fresh says that the timeline begins here or has a new base: no distance to
	// the unit before is known.
	fresh bool
}

// Repaired counts the repairs, indexed by Repair.
func (c *Clock) Repaired() RepairCounts { return c.repaired }

// Next returns the place of the next unit of a track, whose decoding time on the wire
// is dts, whose presentation is composition later, and which was read at arrived.
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
		a.composition = 0 // no audio is reordered: this is an offset below the wire's unit
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
		a.fresh = gap && k == Audio // its count of samples begins anew
		t.wire = dts
		return c.inStep(t, o, a)
	case o.seen && near(o.wire, dts) && (o.base == t.base || o.epoch > t.epoch):
		// It is where the other kind is: a gap in what was sent; or the other kind
		// has jumped, and this one goes there too.
		c.follow(t, o, dts)
		a.fresh = true
		return c.place(t, a, false)
	}
	return c.jumped(t, o, dts, a)
}

// confirmed reports whether a gap of d on the wire is one: that much time has passed
// since the unit before was read. A slide show, or a track that was away.
func confirmed(d media.Ticks, waited time.Duration) bool {
	off := d - media.TicksFromDuration(waited)
	return d > maxStep && -arrivalTolerance <= off && off <= arrivalTolerance
}

// change takes the parameters of a new track.
func (c *Clock) change(t *timeline, k Kind, track *media.Track) {
	t.kind, t.track = k, track
	if k == Video {
		c.video.declare(track)
	} else {
		c.audio.declare(track)
	}
}

// first finds the base of the first unit of a kind: the other's, or if that makes
// no sense, one beside its latest unit.
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
			// The sound ran on evenly: where that is, its pictures are.
			at = max(t.out+1, t.due()+o.lateBy)
		}
		c.rebase(t, at)
		a.fresh = true
		return c.place(t, a, true)
	}
	return c.place(t, a, false)
}

// jumped places a unit whose time is odd: where it was expected, until the jump
// has persisted.
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
		// The other kind went on while this one was away.
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

// follow puts t on o's base; dts is near o's time.
func (c *Clock) follow(t, o *timeline, dts media.Ticks) {
	t.wire = dts
	t.base, t.epoch = o.base, o.epoch
	t.odd, t.late = 0, 0
}

// rebase makes the present unit of t fall on at.
func (c *Clock) rebase(t *timeline, at media.Ticks) {
	t.base += at - t.due()
	c.epoch++
	t.epoch = c.epoch
	t.odd, t.late = 0, 0
	c.repaired[RepairRebased]++
}

// due is the time that the wire gave the present unit.
func (t *timeline) due() media.Ticks { return t.base + t.wire }

// expected is where the next unit of t is, if nothing is odd.
func (c *Clock) expected(t *timeline) media.Ticks {
	if t.kind == Audio {
		return c.audio.expected(t.out)
	}
	return t.out + c.video.step()
}

// earliest is the first time at which the next unit of t can be put: pictures can
// be close to each other, but sound lasts as long as it does.
func (c *Clock) earliest(t *timeline) media.Ticks {
	if t.kind == Audio {
		return c.audio.expected(t.out)
	}
	return t.out
}

// place puts the present unit on the timeline.
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

// near reports whether two times on the wire are of one base.
func near(a, b media.Ticks) bool { return !distant(a, b, maxApart) }
