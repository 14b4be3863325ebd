package ingest

import (
	"fmt"
	"math"
	"time"

	"golive/media"
)

const (
	// rateInterval is the interval, in stream time, over which bytes and pictures are
	// counted. An average is over averagedIntervals of them: the bytes of a key frame come at
	// once and have to be spread over its group of pictures.
	rateInterval      = media.Second
	averagedIntervals = 6
	// A session is warned at the third consecutive average over a limit, since intervals
	// and groups of pictures do not coincide, and ended after the tenth.
	warnAfter = 3
	endAfter  = 10
)

// LimitChecker checks the units of one session against the limits: their sizes, decoding times and
// pictures.
//
// It does not read a clock. It is used by one goroutine.
type LimitChecker struct {
	// The fields that every unit needs come first, so that they share a cache line.
	intervalEnd media.Ticks // end of the current interval
	bytes       int64       // in the current interval
	frames      int64
	maxSums     [2]int64      // limits of bytes and pictures in an average
	duration    time.Duration // 0 means no limit
	track       *media.Track  // the video track whose size was checked
	video       media.Ticks   // DTS of the latest picture

	limits LimitsConfig
	began  time.Time
	// The previous intervals.
	past          [2][averagedIntervals]int64
	pastIntervals int    // number of previous intervals, at most averagedIntervals
	pastNext      int    // index of the next one in past
	overLimit     [2]int // consecutive averages over the limit

	key       media.Ticks // DTS of the latest key frame
	keySeen   bool
	gopWarned bool // about the current group of pictures

	extra []*extraFrames
}

// extraFrames are the pictures of an additional video track. Its bytes are counted with all
// others; its groups of pictures are not checked.
type extraFrames struct {
	number    int
	track     *media.Track // whose size was checked
	frames    int64        // in the current interval
	past      [averagedIntervals]int64
	overLimit int
}

// The rates that are averaged.
const (
	rateBytes = iota
	rateFrames
)

// LimitFinding is a limit that a session reached.
type LimitFinding struct {
	// Err names the limit and the measured value.
	Err *LimitError
	// Final is set if the session must end; otherwise it is a warning.
	Final bool
}

// NewLimitChecker returns a LimitChecker for one session.
func NewLimitChecker(limits LimitsConfig) *LimitChecker {
	c := &LimitChecker{
		limits: limits, duration: limits.Duration, maxSums: [2]int64{math.MaxInt64, math.MaxInt64}, intervalEnd: math.MinInt64,
	}
	if limits.Bitrate > 0 {
		c.maxSums[rateBytes] = int64(limits.Bitrate) / 8 * averagedIntervals
	}
	if limits.FrameRate > 0 {
		// Clocks differ a little, and an interval may begin and end with a picture.
		c.maxSums[rateFrames] = int64(limits.FrameRate) * averagedIntervals * 102 / 100
	}
	return c
}

// Check checks the next unit. It returns nil if no limit is reached.
func (c *LimitChecker) Check(u *media.AccessUnit) (found *LimitFinding) {
	if u.DTS >= c.intervalEnd {
		found = c.endInterval(u)
	}
	c.bytes += int64(len(u.Data))
	switch {
	case u.Track.Number != 0:
		found = moreSevere(found, c.checkExtra(u))
	case u.Track == c.track || u.Track.Video():
		c.frames++
		c.video = u.DTS
		if u.Key || u.Track != c.track {
			found = moreSevere(found, c.checkPicture(u))
		}
	}
	switch {
	case c.bytes > c.maxSums[rateBytes]:
		return c.rateFinding(rateBytes, c.bytes, 1, true)
	case c.frames > c.maxSums[rateFrames]:
		return c.rateFinding(rateFrames, c.frames, 1, true)
	case c.duration > 0 && u.Arrived.Sub(c.began) >= c.duration:
		return finalFinding(LimitDuration, "the session has lasted "+formatDuration(u.Arrived.Sub(c.began)), formatDuration(c.duration))
	}
	return found
}

// endInterval checks the averages at the end of an interval, and starts the interval of u.
// Intervals in a gap count as empty.
func (c *LimitChecker) endInterval(u *media.AccessUnit) *LimitFinding {
	if c.began.IsZero() {
		c.began, c.intervalEnd = u.Arrived, u.DTS+rateInterval
		return nil
	}
	sums := [2]int64{c.bytes, c.frames}
	c.bytes, c.frames = 0, 0
	next := c.pastNext
	passed := (u.DTS-c.intervalEnd)/rateInterval + 1
	c.intervalEnd += passed * rateInterval
	for range min(passed, averagedIntervals) {
		for rate, n := range sums {
			c.past[rate][c.pastNext] = n
		}
		c.pastNext = (c.pastNext + 1) % averagedIntervals
		c.pastIntervals = min(c.pastIntervals+1, averagedIntervals)
		sums = [2]int64{}
	}
	for _, t := range c.extra {
		t.end(next, passed)
	}
	var found *LimitFinding
	if c.keySeen {
		found = c.checkGOP(c.video)
	}
	if c.pastIntervals < averagedIntervals {
		return found // the bytes of a key frame are not averaged yet
	}
	for rate := range c.past {
		found = moreSevere(found, c.checkRate(rate, &c.past[rate], &c.overLimit[rate]))
	}
	for _, t := range c.extra {
		found = moreSevere(found, c.checkRate(rateFrames, &t.past, &t.overLimit))
	}
	return found
}

// checkRate compares an average over past intervals with its limit. over counts consecutive
// averages over the limit.
func (c *LimitChecker) checkRate(rate int, past *[averagedIntervals]int64, over *int) *LimitFinding {
	var sum int64
	for _, n := range past {
		sum += n
	}
	if sum <= c.maxSums[rate] {
		*over = 0
		return nil
	}
	switch *over++; {
	case *over > endAfter:
		return c.rateFinding(rate, sum, averagedIntervals, true)
	case *over == warnAfter:
		return c.rateFinding(rate, sum, averagedIntervals, false)
	}
	return nil
}

// end ends an interval, and adds passed-1 empty ones; next is the index of the first in past.
func (t *extraFrames) end(next int, passed media.Ticks) {
	for i := range int(min(passed, averagedIntervals)) {
		t.past[(next+i)%averagedIntervals] = t.frames
		t.frames = 0
	}
}

// checkExtra checks a picture of an additional video track.
func (c *LimitChecker) checkExtra(u *media.AccessUnit) *LimitFinding {
	var t *extraFrames
	for _, known := range c.extra {
		if known.number == u.Track.Number {
			t = known
		}
	}
	if t == nil {
		t = &extraFrames{number: u.Track.Number}
		c.extra = append(c.extra, t)
	}
	if t.track != u.Track {
		if f := c.checkSize(u.Track); f != nil {
			return f
		}
		t.track = u.Track
	}
	if t.frames++; t.frames > c.maxSums[rateFrames] {
		return c.rateFinding(rateFrames, t.frames, 1, true)
	}
	return nil
}

// rateFinding returns the finding for n bytes or pictures in the given number of intervals.
func (c *LimitChecker) rateFinding(rate int, n, spans int64, end bool) *LimitFinding {
	perSecond := float64(n) / float64(spans)
	e := &LimitError{LimitFrameRate, fmt.Sprintf("the frame rate is %.4g/s", perSecond), fmt.Sprintf("%d/s", c.limits.FrameRate)}
	if rate == rateBytes {
		e = &LimitError{LimitBitrate, "the bit rate is " + megabits(8*perSecond), megabits(float64(c.limits.Bitrate))}
	}
	return &LimitFinding{Err: e, Final: end}
}

// checkPicture checks a picture that is a key frame or has new parameters.
func (c *LimitChecker) checkPicture(u *media.AccessUnit) *LimitFinding {
	if u.Track != c.track {
		if f := c.checkSize(u.Track); f != nil {
			return f
		}
		c.track = u.Track
	}
	if !u.Key {
		return nil
	}
	f := c.checkGOP(u.DTS)
	c.key, c.keySeen, c.gopWarned = u.DTS, true, false
	return f
}

func (c *LimitChecker) checkSize(t *media.Track) *LimitFinding {
	if most := c.limits.Width; most > 0 && t.Width > most {
		return finalFinding(LimitWidth, fmt.Sprintf("the picture is %d×%d pixels", t.Width, t.Height), fmt.Sprintf("a width of %d", most))
	}
	if most := c.limits.Height; most > 0 && t.Height > most {
		return finalFinding(LimitHeight, fmt.Sprintf("the picture is %d×%d pixels", t.Width, t.Height), fmt.Sprintf("a height of %d", most))
	}
	return nil
}

// checkGOP checks the duration of the current group of pictures up to now, the time of its
// latest picture or of the key frame that ends it.
func (c *LimitChecker) checkGOP(now media.Ticks) *LimitFinding {
	if !c.keySeen {
		// Nothing is published before a key frame.
		c.key, c.keySeen = now, true
		return nil
	}
	long := (now - c.key).Duration().Round(durationPrecision)
	measured := func() string { return "no key frame was received for " + formatDuration(long) }
	if most := c.limits.GOPMax; most > 0 && long > most {
		return finalFinding(LimitGOPMax, measured(), formatDuration(most))
	}
	if from := c.limits.GOPWarn; from > 0 && long > from && !c.gopWarned {
		c.gopWarned = true
		return warningFinding(LimitGOPWarn, measured()+": set the encoder's key frame interval to 2 s", formatDuration(from))
	}
	return nil
}

// moreSevere returns the more severe of two findings.
func moreSevere(a, b *LimitFinding) *LimitFinding {
	if a == nil || b != nil && b.Final {
		return b
	}
	return a
}

func finalFinding(l Limit, measured, allowed string) *LimitFinding {
	return &LimitFinding{Err: &LimitError{l, measured, allowed}, Final: true}
}

func warningFinding(l Limit, measured, allowed string) *LimitFinding {
	return &LimitFinding{Err: &LimitError{l, measured, allowed}}
}

func megabits(bits float64) string { return fmt.Sprintf("%.4g Mbit/s", bits/1e6) }

// durationPrecision is the precision with which durations are compared with limits and shown.
const durationPrecision = 100 * time.Millisecond

func formatDuration(d time.Duration) string { return d.Round(durationPrecision).String() }
