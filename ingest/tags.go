package ingest

import (
	"errors"
	"fmt"
	"time"

	"golive/container/flv"
	"golive/media"
)

// maxUnsupported is how many video units in a row of a codec that is not carried end a
// session that carried others before: some cameras send a few by mistake.
const maxUnsupported = 50

// TagWriter feeds a Session from FLV tags: RTMP's messages are such tags, and browsers
// send them over a WebSocket. It is used by one goroutine.
type TagWriter struct {
	session *Session
	demux   *flv.Demuxer
	times   flv.Timestamps

	unsupported                       int // video units in a row that cannot be carried
	saidAudio, saidSyntax, saidTracks bool
}

// NewTagWriter returns what writes to s.
func NewTagWriter(s *Session) *TagWriter {
	w := &TagWriter{session: s, demux: flv.NewDemuxer()}
	s.each = w.checkTracks
	return w
}

// Video writes the unit in the body of a video tag, if it has one. The timestamp is the
// tag's, 32 bits of milliseconds; arrived is when its last byte was read. What cannot be
// used is skipped and counted; an error ends the session.
func (w *TagWriter) Video(timestamp uint32, body []byte, arrived time.Time) error {
	w.session.Received(arrived)
	u, ok, err := w.demux.Video(0, body)
	if err != nil {
		return w.unusable(Video, err)
	}
	// Only what can be understood keeps a session alive.
	w.session.Alive(arrived)
	if !ok {
		w.session.pace.video = true
		return nil
	}
	w.unsupported = 0
	return w.unit(w.times.Video(timestamp), u, arrived)
}

// Audio does the same for an audio tag, which may have several units.
func (w *TagWriter) Audio(timestamp uint32, body []byte, arrived time.Time) error {
	w.session.Received(arrived)
	u, ok, err := w.demux.Audio(0, body)
	if err != nil {
		return w.unusable(Audio, err)
	}
	w.session.Alive(arrived)
	if !ok {
		return nil
	}
	for base := w.times.Audio(timestamp); ok; u, ok = w.demux.MoreAudio() {
		if err := w.unit(base, u, arrived); err != nil {
			return err
		}
	}
	return nil
}

// unit writes a unit whose times count from base.
func (w *TagWriter) unit(base media.Ticks, u media.AccessUnit, arrived time.Time) error {
	u.DTS += base
	u.PTS += base
	u.Arrived = arrived
	return w.session.Write(u)
}

// unusable skips a tag that has no unit. The error ends the session.
func (w *TagWriter) unusable(kind Kind, err error) error {
	s := w.session
	unsupported, isUnsupported := errors.AsType[*flv.UnsupportedError](err)
	switch {
	case errors.Is(err, flv.ErrNoConfig):
		s.Skip(SkipNoConfig)
		if kind == Audio {
			s.advice.sound.Unconfigured(s.sink)
		}
	case isUnsupported && kind == Video:
		s.Skip(SkipUnsupported)
		w.unsupported++
		if s.videoUnits() == 0 || w.unsupported >= maxUnsupported {
			return err
		}
	case isUnsupported:
		s.Skip(SkipUnsupported)
		if !w.saidAudio {
			w.saidAudio = true
			s.log.Warn("audio is dropped", "codec", unsupported.Codec, "reason", unsupported.Reason)
		}
		s.advice.sound.Refused(s.sink, Describe(err))
	default:
		s.Skip(SkipSyntax)
		if !w.saidSyntax {
			w.saidSyntax = true
			s.log.Warn("a unit was skipped; more will only be counted", "err", err)
		}
	}
	return nil
}

// checkTracks warns of tracks that are not used.
func (w *TagWriter) checkTracks() {
	video, audio := w.demux.ExtraTracks()
	if video+audio == 0 || w.saidTracks {
		return
	}
	w.saidTracks = true
	w.session.log.Info("more tracks than one of a kind: the first is used", "video_tracks", video+1, "audio_tracks", audio+1)
	w.session.warn(Warning{
		Code: WarnExtraTracks,
		Text: fmt.Sprintf("%d video and %d audio tracks are sent: only the first of each is broadcast", video+1, audio+1),
	})
}
