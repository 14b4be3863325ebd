package ingest

import "golive/media"

// Kind tells audio from video where nothing else about a track matters.
type Kind uint8

// The kinds.
const (
	Video Kind = iota
	Audio
)

func (k Kind) other() Kind { return 1 - k }

const (
	// maxStep is the longest time between two units of a kind that is not odd, in
	// milliseconds. A longer one is taken when the other kind has come as far.
	maxStep = 3000
	// maxApart is how far apart the two kinds may be, in milliseconds, and still
	// share a base.
	maxApart = 1000
	// persistent is how many odd units in a row, agreeing with each other, make a
	// jump of the base.
	persistent = 3
	// stuck is how many units in a row may be nudged before that is a jump too, if
	// they are at least lag behind.
	stuck = 10
	lag   = 200 * media.Millisecond
	// maxComposition is the longest plausible composition time.
	maxComposition = 5 * media.Second
	// guessedStep is the distance between units until two were seen.
	guessedStep = 20 * media.Millisecond
	// longestStep bounds what maxStep can grow to for a slide show.
	longestStep = 60_000
)

// Stamp is a unit's place on the session's timeline.
type Stamp struct {
	DTS, PTS media.Ticks
	// Discontinuity says that the publisher's clock jumped here. DTS runs on all
	// the same.
	Discontinuity bool
}

// Clock puts one session's time in order. It takes the wire's 32-bit
// milliseconds and gives 64-bit ticks that grow with each unit of a kind, and
// never wrap. Clean input keeps its distances exactly, and its beginning: a
// clock that starts anywhere stays there. Repairs are counted; nothing is thrown
// away, for a picture with an odd time is as good as its neighbours.
//
// It looks at no clock of its own. It is used by one goroutine; the zero value
// is ready.
type Clock struct {
	kinds    [2]timeline
	epoch    int
	repaired RepairCounts
}

// timeline is the state of one kind.
type timeline struct {
	seen bool
	raw  uint32      // the last time on the wire
	wire int64       // the same, unwrapped, in milliseconds
	base media.Ticks // what is added to wire
	out  media.Ticks // the last DTS that was given
	step media.Ticks // the last good distance between two DTS

	epoch int   // when base was last changed, as a count of such changes
	limit int64 // maxStep, or more for a slide show

	odd    int    // units in a row that jumped and agree
	oddRaw uint32 // the last of them
	oddGap int64  // the largest distance between them
	nudged int    // units in a row that were nudged

	reorder media.Ticks // how far decoding is moved before presentation
}

// Repaired counts the repairs, indexed by Repair.
func (c *Clock) Repaired() RepairCounts { return c.repaired }

// Next is the place of the next unit of kind k, whose decoding time on the wire
// is ms and whose presentation is composition later.
func (c *Clock) Next(k Kind, ms uint32, composition media.Ticks) Stamp {
	t, o := &c.kinds[k], &c.kinds[k.other()]
	if composition > maxComposition || composition < -maxComposition {
		c.repaired[RepairOutlier]++
		composition = 0
	}
	if !t.seen {
		c.first(t, o, ms)
		return t.stamp(c, composition, false)
	}
	d := distance(t.raw, ms)
	switch {
	case -maxStep <= d && d <= t.limit:
		t.raw, t.wire = ms, t.wire+d
		return c.inStep(t, o, composition)
	case o.seen && near(o.raw, ms) && (o.base == t.base || o.epoch > t.epoch):
		// It is where the other kind is: a gap in what was sent; or the other kind
		// has jumped, and this one goes there too.
		c.follow(t, o, ms)
		return t.stamp(c, composition, false)
	}
	return c.jumped(t, o, ms, composition)
}

// first places the first unit of a kind: on the other's base, or if that makes no
// sense, beside its latest unit.
func (c *Clock) first(t, o *timeline, ms uint32) {
	t.limit, t.step = maxStep, guessedStep
	t.raw, t.wire = ms, int64(ms)
	switch {
	case !o.seen:
	case near(o.raw, ms):
		c.follow(t, o, ms)
	default:
		t.base = o.out - media.TicksFromMillis(t.wire)
		c.repaired[RepairJoined]++
	}
}

// inStep places a unit whose time is plausible.
func (c *Clock) inStep(t, o *timeline, composition media.Ticks) Stamp {
	t.odd = 0
	behind := t.out - t.due()
	if behind < 0 {
		t.nudged = 0
		return t.stamp(c, composition, false)
	}
	// A small step back. If it lasts, the base has moved.
	t.nudged++
	persists := t.nudged >= stuck && behind >= lag
	switch {
	case persists && o.epoch > t.epoch && near(o.raw, t.raw):
		c.follow(t, o, t.raw)
		return t.stamp(c, composition, false)
	case persists:
		c.rebase(t, t.out+t.step)
		return t.stamp(c, composition, true)
	}
	return t.stamp(c, composition, false)
}

// jumped places a unit whose time is odd: where it was expected, until the jump
// has persisted.
func (c *Clock) jumped(t, o *timeline, ms uint32, composition media.Ticks) Stamp {
	d := distance(t.oddRaw, ms)
	if t.odd > 0 && 0 <= d && d <= longestStep {
		t.odd++
		t.oddGap = max(t.oddGap, d)
	} else {
		t.odd, t.oddGap = 1, 0
	}
	t.oddRaw = ms
	votes := t.odd
	if o.odd > 0 && near(o.oddRaw, ms) {
		votes += o.odd
	}
	if votes < persistent {
		c.repaired[RepairOutlier]++
		t.out += max(t.step, 1)
		return Stamp{DTS: t.out, PTS: t.out + max(0, t.reorder+composition)}
	}
	at := t.out + t.step
	if o.seen && o.odd == 0 && o.out-at > media.TicksFromMillis(maxApart) {
		// The other kind went on while this one was away.
		at = o.out
		c.repaired[RepairJoined]++
	}
	if t.oddGap > t.limit {
		t.limit = min(2*t.oddGap, longestStep)
	}
	t.wire += distance(t.raw, ms)
	t.raw = ms
	c.rebase(t, at)
	return t.stamp(c, composition, true)
}

// follow puts t on o's base; ms is near o's time.
func (c *Clock) follow(t, o *timeline, ms uint32) {
	t.raw, t.wire = ms, o.wire+distance(o.raw, ms)
	t.base, t.epoch = o.base, o.epoch
	t.odd, t.nudged = 0, 0
}

// rebase makes the present unit of t fall on at.
func (c *Clock) rebase(t *timeline, at media.Ticks) {
	t.base += at - t.due()
	c.epoch++
	t.epoch = c.epoch
	t.odd, t.nudged = 0, 0
	c.repaired[RepairRebased]++
}

// due is the DTS that the wire gave the present unit.
func (t *timeline) due() media.Ticks {
	return t.base + media.TicksFromMillis(t.wire) - t.reorder
}

// stamp places the present unit where the wire put it, if that is after the last.
func (t *timeline) stamp(c *Clock, composition media.Ticks, discontinuity bool) Stamp {
	if composition+t.reorder < 0 {
		// Presentation before decoding, which MPEG-TS cannot say: decode earlier, so
		// that sound and picture stay together.
		t.reorder = -composition
		c.repaired[RepairReordered]++
	}
	dts := t.due()
	switch {
	case !t.seen:
		t.seen = true
	case dts > t.out:
		t.step = min(dts-t.out, media.TicksFromMillis(maxStep))
	default:
		dts = t.out + 1
		c.repaired[RepairNudged]++
	}
	s := Stamp{DTS: dts, PTS: max(dts, t.due()+t.reorder+composition), Discontinuity: discontinuity}
	t.out = dts
	return s
}

// distance is the signed time from one wire time to the next, in milliseconds.
// Some encoders keep 24 or 31 bits: a small step over such an edge is a step.
func distance(from, to uint32) int64 {
	d := int64(int32(to - from))
	if -maxStep <= d && d <= maxStep {
		return d
	}
	for _, bits := range []int{31, 24} {
		if shift := 32 - bits; to < 1<<bits {
			if e := int64(int32((to-from)<<shift) >> shift); -maxStep <= e && e <= maxStep {
				return e
			}
		}
	}
	return d
}

// near says whether two wire times are of one base.
func near(a, b uint32) bool {
	d := distance(a, b)
	return -maxApart <= d && d <= maxApart
}
