package rtmp

import (
	"encoding/binary"

	"golive/ingest"
	"golive/ingest/rtmp/chunk"
)

// media handles one audio or video message.
func (s *session) media(m chunk.Message) error {
	p := s.publication
	if p == nil {
		return nil
	}
	if !s.carries(m.Stream) {
		p.Skip(ingest.SkipIdle)
		return nil
	}
	if m.Type == chunk.TypeVideo {
		return p.tags.Video(m.Timestamp, m.Body, s.conn.Arrived())
	}
	return p.tags.Audio(m.Timestamp, m.Body, s.conn.Arrived())
}

// tagHeader is the size of the header of a message in an aggregate, and tagTrailer that of
// the number after its body.
const (
	tagHeader  = 11
	tagTrailer = 4
)

// aggregate handles the messages in an aggregate message (RTMP 1.0 section 7.1.6), which
// have the form of FLV tags. Their timestamps are relative to that of the first, which is
// the aggregate's.
//
//	+------+------+-----------+----------+-----------+------+---------+
//	| type | size | timestamp | its high | stream id | body | size of |
//	|  1   |  3   |     3     | byte, 1  |     3     |      | all, 4  |
//	+------+------+-----------+----------+-----------+------+---------+
func (s *session) aggregate(m chunk.Message) error {
	var shift uint32
	for b, first := m.Body, true; len(b) >= tagHeader; first = false {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		time := uint32(b[7])<<24 | uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6])
		if first {
			shift = m.Timestamp - time
		}
		if size > len(b)-tagHeader {
			s.skip(ingest.SkipSyntax)
			return nil
		}
		sub := chunk.Message{
			Type: b[0], ChunkStream: m.ChunkStream, Stream: m.Stream, Timestamp: time + shift,
			Body: b[tagHeader : tagHeader+size : tagHeader+size],
		}
		switch {
		case size == 0:
			s.skip(ingest.SkipEmpty)
		case sub.Type == chunk.TypeVideo || sub.Type == chunk.TypeAudio:
			if err := s.media(sub); err != nil {
				return err
			}
		case sub.Type == chunk.TypeDataAMF0:
			s.data(sub)
		default:
			s.skip(ingest.SkipUnknown)
		}
		b = b[tagHeader+size:]
		b = b[min(len(b), tagTrailer):]
	}
	return nil
}

// userControl answers pings (RTMP 1.0 section 7.1.7) and ignores the rest, the
// undocumented events 31 and 32 included.
func (s *session) userControl(body []byte) {
	const pingRequest = 6
	if len(body) >= 6 && binary.BigEndian.Uint16(body) == pingRequest {
		s.sendUserControl(pingResponse, binary.BigEndian.Uint32(body[2:]))
	}
}
