package ingest

import (
	"math"
	"time"

	"golive/media"
)

// recentPlaces is the number of pictures of the default video track whose places are kept: about a
// second at 60 frames per second.
const recentPlaces = 64

// extraTimelines are the timelines of the additional video tracks.
//
// They make no decisions of their own: a picture is placed where the default track's picture with
// the same received time was placed, including repairs and jumps, or where such a picture would
// be placed if it came now. So pictures of one moment, above all key frames, have the same
// presentation time in all tracks.
type extraTimelines struct {
	tracks []*extraTimeline

	// The places of the latest pictures of the default track.
	places [recentPlaces]place
	next   int // index of the oldest, modulo recentPlaces
	jumps  int // number of discontinuities of the default track
}

// place is where a picture of the default track was placed.
type place struct {
	known    bool
	received media.Ticks // its received time
	placed   media.Ticks // its place in decoding order
	origin   media.Ticks // its presentation time without the composition time
}

// extraTimeline is the state of one track.
type extraTimeline struct {
	number int
	track  *media.Track
	times  kindTimeline // only seen, wire and placed are used
	video  videoTimes
	jumps  int // extraTimelines.jumps at the latest picture
}

// record records the place of a picture of the default track.
func (e *extraTimelines) record(wire, placed media.Ticks, s Stamp, composition media.Ticks) {
	e.places[e.next%recentPlaces] = place{true, wire, placed, s.PTS - composition}
	e.next++
	if s.Discontinuity {
		e.jumps++
	}
}

// find returns the first place after a time that belongs to the received time wire.
func (e *extraTimelines) find(wire, after media.Ticks) (found place) {
	for i := 1; i <= min(e.next, recentPlaces); i++ {
		p := e.places[(e.next-i)%recentPlaces]
		if p.placed <= after {
			break
		}
		if p.received == wire {
			found = p
		}
	}
	return found
}

// track returns the state of a track.
func (e *extraTimelines) track(number int) *extraTimeline {
	for _, t := range e.tracks {
		if t.number == number {
			return t
		}
	}
	t := &extraTimeline{number: number, jumps: e.jumps}
	e.tracks = append(e.tracks, t)
	return t
}

// nextExtra is Next for the additional video tracks.
func (c *Timeline) nextExtra(track *media.Track, dts, composition media.Ticks, arrived time.Time) Stamp {
	if c.extra == nil {
		c.extra = &extraTimelines{}
	}
	t := c.extra.track(track.Number)
	if t.track != track {
		t.track = track
		t.video.declare(track)
	}
	if !t.times.seen {
		t.video.decodeLead = c.video.decodeLead
	}
	composition = t.video.checkComposition(composition, &c.repaired)
	at, origin := c.placeExtra(t, dts, arrived)
	if t.times.seen {
		if at <= t.times.placed {
			c.repaired[RepairNudged]++
			at = t.times.placed + max(t.video.step()/2, 1)
		}
		t.video.count = 1
		t.video.timeAdvanced(at - t.times.placed)
	}
	s := t.video.stampPicture(&t.times, at, origin+composition, &c.repaired)
	s.Discontinuity = t.times.seen && t.jumps != c.extra.jumps
	t.times.seen, t.times.wire, t.jumps = true, dts, c.extra.jumps
	return s
}

// placeExtra returns the place of a picture of an additional track, and its presentation
// time without the composition time.
func (c *Timeline) placeExtra(t *extraTimeline, dts media.Ticks, arrived time.Time) (at, origin media.Ticks) {
	after := media.Ticks(math.MinInt64)
	if t.times.seen {
		after = t.times.placed
	}
	if p := c.extra.find(dts, after); p.known {
		return p.placed, p.origin
	}
	first, audio := &c.kinds[Video], &c.kinds[Audio]
	if !first.seen {
		base, _ := c.firstBase(audio, dts)
		return base + dts, base + dts
	}
	step := dts - t.times.wire
	inOrder, _ := first.follows(audio, dts, arrived)
	switch {
	case inOrder:
		at = first.base + dts
	case first.joins(audio, dts):
		at = audio.base + dts
	case first.outliers > 0 && sameBase(first.outlierAt, dts):
		at = c.expected(first) // as the default track's next picture
	case t.times.seen && 0 <= step && step <= maxStep:
		at = t.times.placed + step // far behind the default track, which has jumped
	default:
		at = c.expected(first)
	}
	return at, at
}
