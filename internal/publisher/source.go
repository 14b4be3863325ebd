package publisher

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
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
	var audio, video span
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
		case tag.Type == flv.TagAudio && !configures(tag):
			audio.add(at)
		case tag.Type == flv.TagVideo && !configures(tag):
			video.add(at)
		case tag.Type != flv.TagAudio && tag.Type != flv.TagVideo:
			continue
		}
		s.tags = append(s.tags, loopTag{kind: tag.Type, at: at, body: tag.Body})
	}
	s.period = max(audio.duration(), video.duration())
	if s.period == 0 {
		return nil, ErrEmptySource
	}
	s.loop(min(firstOf(audio), firstOf(video)))
	return &s, nil
}

func firstOf(s span) int64 {
	if s.frames == 0 {
		return 1<<63 - 1
	}
	return s.first
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

	packetConfig = 0
	packetEnd    = 2
)

func configures(t flv.Tag) bool   { return packetType(t) == packetConfig }
func endsSequence(t flv.Tag) bool { return packetType(t) == packetEnd }

// packetType returns the packet type of an AVC, HEVC or AAC tag, or -1 for other formats.
func packetType(t flv.Tag) int {
	b := t.Body
	if len(b) == 0 {
		return -1
	}
	switch {
	case t.Type == flv.TagVideo && b[0]&enhancedVideo != 0, t.Type == flv.TagAudio && b[0]>>4 == enhancedAudio:
		return int(b[0] & 0x0f)
	case t.Type == flv.TagVideo && (b[0]&0x0f == 7 || b[0]&0x0f == 12) && len(b) > 1, t.Type == flv.TagAudio && b[0]>>4 == 10 && len(b) > 1:
		return int(b[1])
	}
	return -1
}
