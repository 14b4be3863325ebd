package ingest

import (
	"time"

	"golive/media"
)

const (
	// slowest is the longest time between two units that a publisher is waited for.
	slowest = time.Minute
	// unknownPace is how long a publisher of pictures is waited for that has sent fewer
	// than two of them.
	unknownPace = 30 * time.Second
	// slowTimeout is how long a publisher whose Sink knows it to send seldom may be
	// silent, if idle_timeout is not longer: a slide show has no sound, and keeps a
	// picture for a minute.
	slowTimeout = 90 * time.Second
	// tickEvery is how often the Sink of such a publisher is told the time, and firstTick
	// when a Sink is first.
	tickEvery = time.Second / 20
	firstTick = time.Second
)

// pace is how far apart a publisher's units are, by the times that it gave them. What
// is slow is not silent: pictures may be 12 s apart. The zero value is ready.
type pace struct {
	last    [2]media.Ticks // the time of the newest unit of each kind
	seen    [2]bool        //
	longest media.Ticks    // between two units of a kind, in this minute
	before  media.Ticks    // the same of the minute before
	turned  time.Time      // when this minute began
	told    time.Duration  // what the encoder says is between two pictures; 0 is nothing, or less than a second
	video   bool           // there is a video track
	paced   bool           // two pictures came
}

// note takes the time of the next unit.
func (p *pace) note(k Kind, dts media.Ticks) {
	if step := dts - p.last[k]; step > p.longest && p.seen[k] && step <= media.TicksFromDuration(slowest) {
		p.longest = step
	}
	if k == Video {
		p.video, p.paced = true, p.seen[k]
	}
	p.last[k], p.seen[k] = dts, true
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
	wait := 5 * max(p.longest, p.before).Duration() / 2
	if p.video && !p.paced {
		wait = max(unknownPace, 5*p.told)
	}
	return max(idle, min(wait, slowest))
}
