package ingest

import (
	"fmt"
	"math"
	"time"

	"golive/media"
)

const (
	// slice is the interval, in stream time, over which bytes and pictures are counted, and
	// averaged the number of intervals in an average: the bytes of a key frame come at
	// once and have to be spread over its group of pictures.
	slice    = media.Second
	averaged = 6
	// A session is warned at the third consecutive average over a limit, since intervals
	// and groups of pictures do not coincide, and ended after the tenth.
	noticed   = 3
	tolerated = 10
)

// Guard checks the units of one session against the limits: their sizes, decoding times and
// pictures.
//
// It does not read a clock. It is used by one goroutine.
type Guard struct {
	// The fields that every unit needs come first, so that they share a cache line.
	ends     media.Ticks // end of the current interval
	bytes    int64       // in the current interval
	frames   int64
	most     [2]int64      // limits of bytes and pictures in an average
	duration time.Duration // 0 means no limit
	track    *media.Track  // the video track whose size was checked
	video    media.Ticks   // DTS of the latest picture

	limits LimitsConfig
	began  time.Time
	// The previous intervals.
	past  [2][averaged]int64
	whole int    // number of previous intervals, at most averaged
	at    int    // index of the next one in past
	over  [2]int // consecutive averages over the limit

	key       media.Ticks // DTS of the latest key frame
	keySeen   bool
	gopWarned bool // about the current group of pictures
}

// The rates that are averaged.
const (
	rateBytes = iota
	rateFrames
)

// Finding is a limit that a session reached.
type Finding struct {
	// Err names the limit and the measured value.
	Err *LimitError
	// Final is set if the session must end; otherwise it is a warning.
	Final bool
}

// NewGuard returns a Guard for one session.
func NewGuard(limits LimitsConfig) *Guard {
	g := &Guard{
		limits: limits, duration: limits.Duration, most: [2]int64{math.MaxInt64, math.MaxInt64}, ends: math.MinInt64,
	}
	if limits.Bitrate > 0 {
		g.most[rateBytes] = int64(limits.Bitrate) / 8 * averaged
	}
	if limits.FrameRate > 0 {
		// Clocks differ a little, and an interval may begin and end with a picture.
		g.most[rateFrames] = int64(limits.FrameRate) * averaged * 102 / 100
	}
	return g
}

// Check checks the next unit. It returns nil if no limit is reached.
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

// turn checks the averages at the end of an interval, and starts the interval of u.
// Intervals in a gap count as empty.
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
		return found // the bytes of a key frame are not averaged yet
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

// excess returns the finding for n bytes or pictures in the given number of intervals.
func (g *Guard) excess(rate int, n, spans int64, end bool) *Finding {
	perSecond := float64(n) / float64(spans)
	e := &LimitError{LimitFrameRate, fmt.Sprintf("the frame rate is %.4g/s", perSecond), fmt.Sprintf("%d/s", g.limits.FrameRate)}
	if rate == rateBytes {
		e = &LimitError{LimitBitrate, "the bit rate is " + megabits(8*perSecond), megabits(float64(g.limits.Bitrate))}
	}
	return &Finding{Err: e, Final: end}
}

// picture checks a picture that is a key frame or has new parameters.
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

// group checks the duration of the current group of pictures up to now, the time of its
// latest picture or of the key frame that ends it.
func (g *Guard) group(now media.Ticks) *Finding {
	if !g.keySeen {
		// Nothing is published before a key frame.
		g.key, g.keySeen = now, true
		return nil
	}
	long := (now - g.key).Duration().Round(readable)
	measured := func() string { return "no key frame was received for " + text(long) }
	if most := g.limits.GOPMax; most > 0 && long > most {
		return final(LimitGOPMax, measured(), text(most))
	}
	if from := g.limits.GOPWarn; from > 0 && long > from && !g.gopWarned {
		g.gopWarned = true
		return warning(LimitGOPWarn, measured()+": set the encoder's key frame interval to 2 s", text(from))
	}
	return nil
}

// worse returns the more severe of two findings.
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

// readable is the precision with which durations are compared with limits and shown.
const readable = 100 * time.Millisecond

func text(d time.Duration) string { return d.Round(readable).String() }
