package rtmp

import (
	"encoding/binary"
	"errors"
	"slices"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/media"
)

// hopeless is how many video units in a row of a codec that is not carried end a
// session that carried others before: some cameras send a few by mistake.
const hopeless = 50

// media writes one audio or video message to the sink.
func (s *session) media(m chunk.Message) error {
	p := s.publication
	if p == nil {
		return nil
	}
	if !s.carries(m.Stream) {
		s.skip(ingest.SkipIdle)
		return nil
	}
	if s.link.arrived.Sub(p.tallied) >= tallyEvery {
		s.tally(p)
	}
	var (
		kind = ingest.Audio
		u    media.AccessUnit
		ok   bool
		err  error
	)
	if m.Type == chunk.TypeVideo {
		kind = ingest.Video
		u, ok, err = p.demux.Video(0, m.Body)
	} else {
		u, ok, err = p.demux.Audio(0, m.Body)
	}
	if err != nil {
		return p.unusable(kind, err)
	}
	// Only what can be understood keeps a session alive.
	s.link.media = s.link.arrived
	if !ok {
		p.pace.video = p.pace.video || kind == ingest.Video
		return nil
	}
	if kind == ingest.Video {
		p.badVideo = 0
		return s.unit(kind, m.Timestamp, u)
	}
	// A message of frames with ADTS headers may hold several.
	for ok && err == nil {
		err = s.unit(kind, m.Timestamp+uint32(u.DTS/media.Millisecond), u)
		u, ok = p.demux.MoreAudio()
	}
	return err
}

// unit writes one unit to the sink, whose decoding time on the wire is ms.
func (s *session) unit(kind ingest.Kind, ms uint32, u media.AccessUnit) error {
	p := s.publication
	if !p.begun {
		s.begin(p)
	}
	p.pace.note(kind, ms)
	stamp := p.clock.Next(u.Track, ms, u.PTS-u.DTS, s.link.arrived)
	u.DTS, u.PTS = stamp.DTS, stamp.PTS
	u.Discontinuity = u.Discontinuity || stamp.Discontinuity
	u.Arrived = s.link.arrived
	if u.DTS >= p.throttle.next {
		if err := s.hold(p, u.DTS); err != nil {
			return err
		}
	}
	if found := p.guard.Check(&u); found != nil {
		if err := s.limit(found); err != nil {
			return err
		}
	}
	if kind == ingest.Video {
		if to, ok := p.sink.(ingest.Warner); ok {
			p.pictures.Check(&u, to)
		}
		p.fresh.Video++
	} else {
		p.fresh.Audio++
		if u.Track != p.sound.Track {
			p.sound.Began(p.sink, u.Track)
		}
	}
	if err := p.sink.WriteUnit(u); err != nil {
		return &decision{err: err}
	}
	return nil
}

// limit warns of a limit, once for each, or gives the error that ends the session.
func (s *session) limit(found *ingest.Finding) error {
	if found.Final {
		return &decision{err: found.Err}
	}
	p := s.publication
	s.server.metrics.LimitReached(found.Err.Limit, false)
	if !slices.Contains(p.saidLimits, found.Err.Limit) {
		p.saidLimits = append(p.saidLimits, found.Err.Limit)
		p.log.Warn("limit is near or passed; more will only be counted", "limit", string(found.Err.Limit), "reason", found.Err.Reason())
		p.warn(found.Err.Warning())
	}
	return nil
}

// unusable skips a message that gives no unit. The error ends the session.
func (p *publication) unusable(kind ingest.Kind, err error) error {
	var unsupported *flv.UnsupportedError
	switch {
	case errors.Is(err, flv.ErrNoConfig):
		p.fresh.Skipped[ingest.SkipNoConfig]++
		if kind == ingest.Audio {
			p.sound.Unconfigured(p.sink)
		}
	case errors.As(err, &unsupported) && unsupported.Kind == "video":
		p.fresh.Skipped[ingest.SkipUnsupported]++
		p.badVideo++
		if p.total.Video+p.fresh.Video == 0 || p.badVideo >= hopeless {
			return err
		}
	case errors.As(err, &unsupported):
		p.fresh.Skipped[ingest.SkipUnsupported]++
		if !p.saidAudio {
			p.saidAudio = true
			p.log.Warn("audio is dropped", "codec", unsupported.Codec, "reason", unsupported.Reason)
		}
		p.sound.Refused(p.sink, describe(err))
	default:
		p.fresh.Skipped[ingest.SkipSyntax]++
		if !p.saidBad {
			p.saidBad = true
			p.log.Warn("a unit was skipped; more will only be counted", "err", err)
		}
	}
	return nil
}

// tagHeader is the size of the header of a message in an aggregate, and trailer
// that of the number after its body.
const (
	tagHeader  = 11
	tagTrailer = 4
)

// aggregate handles the messages in an aggregate message (RTMP 1.0 section
// 7.1.6), each of which looks like an FLV tag. Their times are relative to the
// first's, which is the aggregate's.
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
