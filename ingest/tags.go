package ingest

import (
	"errors"
	"fmt"
	"time"

	"golive/container/flv"
	"golive/media"
)

// maxUnsupported is the number of consecutive video units of an unsupported codec that ends
// a session after supported ones: some cameras send a few by mistake.
const maxUnsupported = 50

// TagWriter writes FLV tags to a Session: RTMP's audio and video messages are such tags. It
// is used by one goroutine.
type TagWriter struct {
	session *Session
	demux   *flv.Demuxer
	times   flv.Timestamps

	unsupported                             int // consecutive video units of an unsupported codec
	loggedAudio, loggedSyntax, loggedTracks bool
}

// NewTagWriter returns a TagWriter for s.
func NewTagWriter(s *Session) *TagWriter {
	w := &TagWriter{session: s, demux: flv.NewDemuxer()}
	s.afterCount = w.checkTracks
	return w
}

// Video writes the unit in the body of a video tag, if it has one. timestamp is the tag's,
// 32 bits of milliseconds; arrived is when its last byte was received. A body that cannot
// be used is skipped and counted; an error ends the session.
func (w *TagWriter) Video(timestamp uint32, body []byte, arrived time.Time) error {
	w.session.Received(arrived)
	u, ok, err := w.demux.Video(0, body)
	if err != nil {
		return w.skipTag(Video, err)
	}
	// Only valid tags keep a session alive.
	w.session.MediaReceived(arrived)
	if !ok {
		w.session.pace.video = true
		return nil
	}
	w.unsupported = 0
	return w.unit(w.times.Video(timestamp), u, arrived)
}

// Audio is like Video for an audio tag, which may have several units.
func (w *TagWriter) Audio(timestamp uint32, body []byte, arrived time.Time) error {
	w.session.Received(arrived)
	u, ok, err := w.demux.Audio(0, body)
	if err != nil {
		return w.skipTag(Audio, err)
	}
	w.session.MediaReceived(arrived)
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

// unit writes a unit whose times are relative to base.
func (w *TagWriter) unit(base media.Ticks, u media.AccessUnit, arrived time.Time) error {
	u.DTS += base
	u.PTS += base
	u.Arrived = arrived
	return w.session.Write(u)
}

// skipTag skips a tag that caused err. The error that it returns ends the session.
func (w *TagWriter) skipTag(kind Kind, err error) error {
	s := w.session
	unsupported, isUnsupported := errors.AsType[*flv.UnsupportedError](err)
	switch {
	case errors.Is(err, flv.ErrNoConfig):
		s.Skip(SkipNoConfig)
		if kind == Audio {
			s.warnings.sound.Unconfigured(s.sink)
		}
	case isUnsupported && kind == Video:
		s.Skip(SkipUnsupported)
		w.unsupported++
		if s.videoUnits() == 0 || w.unsupported >= maxUnsupported {
			return err
		}
	case isUnsupported:
		s.Skip(SkipUnsupported)
		if !w.loggedAudio {
			w.loggedAudio = true
			s.log.Warn("audio dropped", "codec", unsupported.Codec, "reason", unsupported.Reason)
		}
		s.warnings.sound.Refused(s.sink, Describe(err))
	default:
		s.Skip(SkipSyntax)
		if !w.loggedSyntax {
			w.loggedSyntax = true
			s.log.Warn("invalid unit skipped; further ones are only counted", "err", err)
		}
	}
	return nil
}

// checkTracks warns of additional tracks, which are ignored.
func (w *TagWriter) checkTracks() {
	video, audio := w.demux.ExtraTracks()
	if video+audio == 0 || w.loggedTracks {
		return
	}
	w.loggedTracks = true
	w.session.log.Info("additional tracks ignored", "video_tracks", video+1, "audio_tracks", audio+1)
	w.session.warn(Warning{
		Code: WarnExtraTracks,
		Text: fmt.Sprintf("%d video and %d audio tracks are sent: only the first of each is broadcast", video+1, audio+1),
	})
}
