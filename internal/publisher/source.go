package publisher

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"golive/container/flv"
)

// source is a parsed FLV file, shared by all streams and immutable.
type source struct {
	metadata []byte // the body of the onMetaData tag; nil without one
	// period is the duration of one loop in milliseconds, including that of the last frame,
	// so that the first frame of the next loop follows without a gap.
	period int64
	tags   []loopTag // in the order in which a loop sends them
}

// loopTag is a tag and its time in the loop.
type loopTag struct {
	kind uint8 // flv.TagAudio or flv.TagVideo
	// at is when the tag is due in a loop, in milliseconds, from 0 to the period.
	at int64
	// late is 1 for tags at the end of a track that begins later than the other, which are
	// sent in the next loop: the first loop omits them.
	late int64
	body []byte
}

// span is the time span of one track's frames, in milliseconds.
type span struct {
	first, last, frames int64
}

func (s *span) add(at int64) {
	if s.frames == 0 {
		s.first = at
	}
	s.last = max(s.last, at)
	s.frames++
}

// duration returns the duration of the track, assuming that the last frame lasts as long as
// the others on average. Timestamps are rounded to milliseconds; dividing last gives the
// same result for audio and video of the same length.
func (s *span) duration() int64 {
	if s.frames < 2 {
		return 0
	}
	return ((s.last-s.first)*s.frames + (s.frames-1)/2) / (s.frames - 1)
}

func parseSource(file []byte) (*source, error) {
	var s source
	spans := map[trackKey]*span{}
	r := flv.NewReader(bytes.NewReader(file))
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("publisher: read source: %w", err)
		}
		at := int64(tag.Timestamp)
		switch {
		case tag.Type == flv.TagScript:
			if s.metadata == nil && bytes.HasPrefix(tag.Body, []byte("\x02\x00\x0aonMetaData")) {
				s.metadata = tag.Body
			}
			continue
		case len(tag.Body) == 0 || endsSequence(tag):
			continue // a loop has no end
		case tag.Type != flv.TagAudio && tag.Type != flv.TagVideo:
			continue
		case !configures(tag):
			key := trackKey{tag.Type, trackOf(tag)}
			if spans[key] == nil {
				spans[key] = &span{}
			}
			spans[key].add(at)
		}
		s.tags = append(s.tags, loopTag{kind: tag.Type, at: at, body: tag.Body})
	}
	first := int64(math.MaxInt64)
	for _, span := range spans {
		s.period, first = max(s.period, span.duration()), min(first, span.first)
	}
	if s.period == 0 {
		return nil, ErrEmptySource
	}
	s.loop(first)
	return &s, nil
}

// trackKey identifies a track.
type trackKey struct {
	kind uint8 // flv.TagAudio or flv.TagVideo
	id   uint8 // of several tracks in multitrack packets, else 0
}

// loop shifts the tags so that the first frame is at 0, and sorts them. The sort is stable, so
// that a configuration stays before its frames.
func (s *source) loop(first int64) {
	for i := range s.tags {
		t := &s.tags[i]
		t.at = max(t.at-first, 0)
		t.late, t.at = t.at/s.period, t.at%s.period
	}
	slices.SortStableFunc(s.tags, func(a, b loopTag) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		return cmp.Compare(b.late, a.late)
	})
}

// due returns when tag i is due in the given loop, relative to the stream's start; ok is
// false if that loop omits it.
func (s *source) due(loop int64, i int) (at time.Duration, ok bool) {
	t := &s.tags[i]
	return time.Duration(loop*s.period+t.at) * time.Millisecond, loop >= t.late
}

// The first bytes of the tags that hold no frame, legacy and enhanced (Adobe FLV
// 10.1 E.4.2.2 and E.4.3.2, Enhanced RTMP v2).
const (
	enhancedVideo = 0x80
	enhancedAudio = 9

	packetConfig    = 0
	packetEnd       = 2
	videoMultitrack = 6
	audioMultitrack = 5
)

func configures(t flv.Tag) bool   { return packetType(t) == packetConfig }
func endsSequence(t flv.Tag) bool { return packetType(t) == packetEnd }

// packetType returns the packet type of an enhanced, AVC, HEVC or AAC tag, or -1 for other
// formats. A ModEx packet holds a frame.
func packetType(t flv.Tag) int {
	b := t.Body
	switch {
	case isMultitrack(t):
		return int(b[1] & 0x0f)
	case isEnhanced(t):
		return int(b[0] & 0x0f)
	case t.Type == flv.TagVideo && len(b) > 1 && (b[0]&0x0f == 7 || b[0]&0x0f == 12), t.Type == flv.TagAudio && len(b) > 1 && b[0]>>4 == 10:
		return int(b[1])
	}
	return -1
}

// trackOf returns the id of the tag's track; that of the first if it has packets of several.
func trackOf(t flv.Tag) uint8 {
	const id = 6 // after the types and the FourCC
	if isMultitrack(t) && len(t.Body) > id {
		return t.Body[id]
	}
	return 0
}

func isEnhanced(t flv.Tag) bool {
	return len(t.Body) > 0 && (t.Type == flv.TagVideo && t.Body[0]&enhancedVideo != 0 || t.Type == flv.TagAudio && t.Body[0]>>4 == enhancedAudio)
}

func isMultitrack(t flv.Tag) bool {
	multitrack := byte(videoMultitrack)
	if t.Type == flv.TagAudio {
		multitrack = audioMultitrack
	}
	return isEnhanced(t) && len(t.Body) > 1 && t.Body[0]&0x0f == multitrack
}
