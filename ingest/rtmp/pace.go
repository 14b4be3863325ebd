package rtmp

import (
	"fmt"
	"time"

	"golive/ingest"
	"golive/media"
)

const (
	// slowest is the longest time between two units that a publisher is waited for.
	slowest = time.Minute
	// unknownPace is how long a publisher of pictures is waited for that has sent fewer
	// than two of them.
	unknownPace = 30 * time.Second
)

// pace is how far apart a publisher's units are, by the times that it gave them. What
// is slow is not silent: pictures may be 12 s apart. The zero value is ready.
type pace struct {
	last    [2]uint32     // the time of the newest unit of each kind, in milliseconds
	seen    [2]bool       //
	longest uint32        // between two units of a kind, in this minute
	before  uint32        // the same of the minute before
	turned  time.Time     // when this minute began
	told    time.Duration // what the encoder says is between two pictures; 0 is nothing, or less than a second
	video   bool          // there is a video track
	paced   bool          // two pictures came
}

// note takes the time of the next unit.
func (p *pace) note(k ingest.Kind, ms uint32) {
	if step := ms - p.last[k]; step > p.longest && p.seen[k] && step <= uint32(slowest/time.Millisecond) {
		p.longest = step
	}
	if k == ingest.Video {
		p.video, p.paced = true, p.seen[k]
	}
	p.last[k], p.seen[k] = ms, true
}

// say takes the frame rate that the encoder says it has, in pictures per second.
func (p *pace) say(rate float64) {
	p.told = 0
	if rate > 0 && rate < 1 {
		p.told = time.Duration(min(1/rate, slowest.Seconds()) * float64(time.Second))
		p.video = true
	}
}

// turn forgets what is older than a minute or two.
func (p *pace) turn(now time.Time) {
	if now.Sub(p.turned) >= time.Minute {
		p.before, p.longest, p.turned = p.longest, 0, now
	}
}

// patience returns how long no media may come: idle, or more for a slow stream.
func (p *pace) patience(idle time.Duration) time.Duration {
	// An encoder that looks ahead keeps a few pictures before it sends the first, and a
	// muxer keeps the sound until the next picture.
	wait := 5 * time.Duration(max(p.longest, p.before)) * time.Millisecond / 2
	if p.video && !p.paced {
		wait = max(unknownPace, 5*p.told)
	}
	return max(idle, min(wait, slowest))
}

// patience returns how long the publisher may send no media. While it sends a long
// message on a slow line, that is as long as for the slowest stream.
func (s *session) patience() time.Duration {
	idle := s.server.cfg.IdleTimeout
	if s.chunks.Unfinished() && time.Since(s.link.arrived) < idle {
		return max(idle, slowest)
	}
	return s.publication.pace.patience(idle)
}

const (
	// lookAhead is how often that is looked at, in the stream's own time.
	lookAhead = 100 * media.Millisecond
	// restWindow is the time over which the rests are summed up.
	restWindow = 5 * time.Second
)

// throttle holds a publisher to real time: who sends faster is read more slowly. Media
// that is late, as after a stall of the network, may catch up. The zero value is ready.
type throttle struct {
	next   media.Ticks // the DTS from which the clock is looked at again
	base   media.Ticks // the DTS at began
	began  time.Time
	since  time.Time     // when the window began in which the rests are summed up
	rested time.Duration // in it
	holds  bool          // the publisher is ahead
	warned bool
}

// look returns how long to wait before the unit with that DTS is used.
func (t *throttle) look(dts media.Ticks, now time.Time, ahead time.Duration) time.Duration {
	if t.began.IsZero() {
		t.began, t.since, t.base = now, now, dts
	}
	t.next = dts + lookAhead
	rest := (dts - t.base).Duration() - now.Sub(t.began) - ahead
	t.holds = rest > 0
	return max(rest, 0)
}

// note takes a rest, which may be 0, and reports whether the publisher is to be warned,
// or the warning to be cleared.
func (t *throttle) note(rest time.Duration, now time.Time) (warn, over bool) {
	t.rested += rest
	switch {
	case !t.warned && t.rested > restWindow*2/5:
		t.warned, warn = true, true
	case now.Sub(t.since) < restWindow:
		return false, false
	case t.warned && t.rested < restWindow/20:
		t.warned, over = false, true
	}
	t.rested, t.since = 0, now
	return warn, over
}

// hold waits until the unit with that DTS may be used: at real time, or as
// long before it as ahead allows. It ends at once when the session is cut.
func (s *session) hold(p *publication, dts media.Ticks) error {
	now := time.Now()
	ahead := s.server.cfg.Limits.Ahead
	rest := p.throttle.look(dts, now, ahead)
	warn, over := p.throttle.note(rest, now)
	switch {
	case warn:
		p.log.Info("media comes faster than real time and is read more slowly")
		p.warn(ingest.Warning{Code: ingest.WarnFasterThanRealTime, Text: fmt.Sprintf(
			"media comes faster than real time; from %v ahead on it is read at real time: set the encoder to real time, as ffmpeg's -re does", ahead)})
	case over:
		p.clearWarning(ingest.WarnFasterThanRealTime)
	}
	if rest == 0 {
		return nil
	}
	if err := s.flush(); err != nil { // it may be a while
		return err
	}
	s.link.rest(rest)
	return nil
}
