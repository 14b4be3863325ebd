package ingest

import (
	"time"

	"golive/media"
)

const (
	// maxPace is the longest interval between two units of a slow publisher.
	maxPace = time.Minute
	// unknownPace is the idle timeout of a publisher of video that has sent fewer than two
	// pictures.
	unknownPace = 30 * time.Second
	// slowTimeout is the least idle timeout of a publisher whose Sink knows that it sends
	// rarely: a slide show has no audio and may keep a picture for a minute.
	slowTimeout = 90 * time.Second
	// tickEvery is the interval of Ticks to the Sink of such a publisher, firstTick the
	// time until the first Tick to any Sink.
	tickEvery = time.Second / 20
	firstTick = time.Second
)

// pace measures the interval of a publisher's units, by their received times, to tell a
// slow publisher from a silent one: pictures may be 12 s apart. The zero value is ready.
type pace struct {
	last          [2]media.Ticks // received time of the newest unit of each kind
	seen          [2]bool        //
	longest       media.Ticks    // longest interval between two units of a kind, in this minute
	longestBefore media.Ticks    // the same in the previous minute
	rotatedAt     time.Time      // when this minute began
	declared      time.Duration  // declared interval of pictures; 0 if none, or less than a second
	video         bool           // there is a video track
	paced         bool           // two pictures were received
}

// note records the received time of the next unit.
func (p *pace) note(k Kind, dts media.Ticks) {
	if step := dts - p.last[k]; step > p.longest && p.seen[k] && step <= media.TicksFromDuration(maxPace) {
		p.longest = step
	}
	if k == Video {
		p.video, p.paced = true, p.seen[k]
	}
	p.last[k], p.seen[k] = dts, true
}

// setFrameRate records the frame rate that the encoder declares, in pictures per second.
func (p *pace) setFrameRate(rate float64) {
	p.declared = 0
	if rate > 0 && rate < 1 {
		p.declared = time.Duration(min(1/rate, maxPace.Seconds()) * float64(time.Second))
		p.video = true
	}
}

// rotate starts a new minute if one has passed.
func (p *pace) rotate(now time.Time) {
	if now.Sub(p.rotatedAt) >= time.Minute {
		p.longestBefore, p.longest, p.rotatedAt = p.longest, 0, now
	}
}

// idleTimeout returns the idle timeout: idle, or more for a slow stream.
func (p *pace) idleTimeout(idle time.Duration) time.Duration {
	// An encoder with lookahead holds back a few pictures, and a muxer holds back audio
	// until the next picture.
	wait := 5 * max(p.longest, p.longestBefore).Duration() / 2
	if p.video && !p.paced {
		wait = max(unknownPace, 5*p.declared)
	}
	return max(idle, min(wait, maxPace))
}
