package ingest

import (
	"fmt"
	"math"
	"time"

	"golive/media"
)

const (
	// slice is how often a Guard looks at its sums, in the stream's own time, and
	// averaged how many it averages over: the bytes of a key frame come at once, and
	// belong to its whole group.
	slice    = media.Second
	averaged = 6
	// A warning comes with the third average in a row that is over a limit, for
	// slices do not hold groups exactly; the end when ten were.
	noticed   = 3
	tolerated = 10
)

// Guard holds one session to its limits. It sees each unit before the Sink does,
// and knows nothing but what it sees: sizes, decoding times, pictures.
//
// It looks at no clock of its own. It is used by one goroutine.
type Guard struct {
	// What each unit is compared with or added to stands together, first: the rest
	// is seldom in a processor's cache.
	ends     media.Ticks // when the present slice does
	bytes    int64       // of the present slice
	frames   int64
	most     [2]int64      // what a run of slices may hold: bytes, pictures
	duration time.Duration // 0 is no limit
	track    *media.Track  // the video track whose size was looked at
	video    media.Ticks   // when the latest picture was

	limits LimitsConfig
	began  time.Time
	// The slices before the present one.
	past  [2][averaged]int64
	whole int    // slices that passed, at most averaged
	at    int    // where the next goes
	over  [2]int // averages in a row over the limit

	key       media.Ticks // when the latest key frame was
	keySeen   bool
	gopWarned bool // of the present group
}

// The rates that are averaged.
const (
	rateBytes = iota
	rateFrames
)

// Finding is a limit that a Guard saw a session reach.
type Finding struct {
	// Err names the limit and what was measured.
	Err *LimitError
	// Final says that the session is to end; otherwise it is a warning.
	Final bool
}

// NewGuard makes the guard of a session.
func NewGuard(limits LimitsConfig) *Guard {
	g := &Guard{
		limits: limits, duration: limits.Duration, most: [2]int64{math.MaxInt64, math.MaxInt64}, ends: math.MinInt64,
	}
	if limits.Bitrate > 0 {
		g.most[rateBytes] = int64(limits.Bitrate) / 8 * averaged
	}
	if limits.FrameRate > 0 {
		// Clocks differ a little, and a slice may begin with a picture and end with one.
		g.most[rateFrames] = int64(limits.FrameRate) * averaged * 102 / 100
	}
	return g
}

// Check looks at the next unit; nil, as nearly always, when there is nothing to
// say.
func (g *Guard) Check(u *media.AccessUnit) (found *Finding) {
	if u.DTS >= g.ends {
		found = g.turn(u)
	}
	g.bytes += int64(len(u.Data))
	if u.Track == g.track || u.Track.Video() {
		g.frames++
		g.video = u.DTS
		if u.Key || u.Track != g.track {
			found = worse(found, g.picture(u))
		}
	}
	switch {
	case g.bytes > g.most[rateBytes]:
		return g.excess(rateBytes, g.bytes, 1, true)
	case g.frames > g.most[rateFrames]:
		return g.excess(rateFrames, g.frames, 1, true)
	case g.duration > 0 && u.Arrived.Sub(g.began) >= g.duration:
		return final(LimitDuration, "the session has lasted "+text(u.Arrived.Sub(g.began)), text(g.duration))
	}
	return found
}

// turn looks at the sums when a slice has ended, and begins the one that u belongs
// to. What a gap brought is nothing.
func (g *Guard) turn(u *media.AccessUnit) *Finding {
	if g.began.IsZero() {
		g.began, g.ends = u.Arrived, u.DTS+slice
		return nil
	}
	sums := [2]int64{g.bytes, g.frames}
	g.bytes, g.frames = 0, 0
	passed := (u.DTS-g.ends)/slice + 1
	g.ends += passed * slice
	for range min(passed, averaged) {
		for rate, n := range sums {
			g.past[rate][g.at] = n
		}
		g.at = (g.at + 1) % averaged
		g.whole = min(g.whole+1, averaged)
		sums = [2]int64{}
	}
	var found *Finding
	if g.keySeen {
		found = g.group(g.video)
	}
	if g.whole < averaged {
		return found // the weight of a key frame is not spread yet
	}
	return worse(worse(found, g.rate(rateBytes)), g.rate(rateFrames))
}

// rate compares an average with its limit.
func (g *Guard) rate(rate int) *Finding {
	var sum int64
	for _, n := range g.past[rate] {
		sum += n
	}
	if sum <= g.most[rate] {
		g.over[rate] = 0
		return nil
	}
	switch g.over[rate]++; {
	case g.over[rate] > tolerated:
		return g.excess(rate, sum, averaged, true)
	case g.over[rate] == noticed:
		return g.excess(rate, sum, averaged, false)
	}
	return nil
}

// excess is what there is to say of n bytes or pictures in so many slices.
func (g *Guard) excess(rate int, n, spans int64, end bool) *Finding {
	perSecond := float64(n) / float64(spans)
	e := &LimitError{LimitFrameRate, fmt.Sprintf("the frame rate is %.4g/s", perSecond), fmt.Sprintf("%d/s", g.limits.FrameRate)}
	if rate == rateBytes {
		e = &LimitError{LimitBitrate, "the bit rate is " + megabits(8*perSecond), megabits(float64(g.limits.Bitrate))}
	}
	return &Finding{Err: e, Final: end}
}

// picture looks at a picture that begins a group, or has new parameters.
func (g *Guard) picture(u *media.AccessUnit) *Finding {
	if u.Track != g.track {
		if f := g.size(u.Track); f != nil {
			return f
		}
		g.track = u.Track
	}
	if !u.Key {
		return nil
	}
	f := g.group(u.DTS)
	g.key, g.keySeen, g.gopWarned = u.DTS, true, false
	return f
}

func (g *Guard) size(t *media.Track) *Finding {
	if most := g.limits.Width; most > 0 && t.Width > most {
		return final(LimitWidth, fmt.Sprintf("the picture is %d×%d pixels", t.Width, t.Height), fmt.Sprintf("a width of %d", most))
	}
	if most := g.limits.Height; most > 0 && t.Height > most {
		return final(LimitHeight, fmt.Sprintf("the picture is %d×%d pixels", t.Width, t.Height), fmt.Sprintf("a height of %d", most))
	}
	return nil
}

// group looks at how long the present group of pictures lasts at now, the time of
// its latest picture or of the key frame that ends it.
func (g *Guard) group(now media.Ticks) *Finding {
	if !g.keySeen {
		// Nothing goes out before a key frame.
		g.key, g.keySeen = now, true
		return nil
	}
	long := (now - g.key).Duration().Round(readable)
	measured := func() string { return "no key frame came for " + text(long) }
	if most := g.limits.GOPMax; most > 0 && long > most {
		return final(LimitGOPMax, measured(), text(most))
	}
	if from := g.limits.GOPWarn; from > 0 && long > from && !g.gopWarned {
		g.gopWarned = true
		return warning(LimitGOPWarn, measured()+": set the encoder's key frame interval to 2 s", text(from))
	}
	return nil
}

// worse is the one of two findings that has to be told.
func worse(a, b *Finding) *Finding {
	if a == nil || b != nil && b.Final {
		return b
	}
	return a
}

func final(l Limit, measured, allowed string) *Finding {
	return &Finding{Err: &LimitError{l, measured, allowed}, Final: true}
}

func warning(l Limit, measured, allowed string) *Finding {
	return &Finding{Err: &LimitError{l, measured, allowed}}
}

func megabits(bits float64) string { return fmt.Sprintf("%.4g Mbit/s", bits/1e6) }

// readable is how exactly times are told, and compared where people set them.
const readable = 100 * time.Millisecond

func text(d time.Duration) string { return d.Round(readable).String() }
