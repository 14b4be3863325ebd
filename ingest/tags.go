package ingest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

	unsupported               int // consecutive video units of an unsupported codec
	loggedAudio, loggedSyntax bool
	skipped                   skippedTracks
}

// NewTagWriter returns a TagWriter for s.
func NewTagWriter(s *Session) *TagWriter {
	w := &TagWriter{session: s, demux: flv.NewDemuxer()}
	s.afterCount = w.checkTracks
	return w
}

// Video writes the units in the body of a video tag, one of each track. timestamp is the tag's,
// 32 bits of milliseconds; arrived is when its last byte was received. A body that cannot
// be used is skipped and counted; an error ends the session.
func (w *TagWriter) Video(timestamp uint32, body []byte, arrived time.Time) error {
	w.session.Received(arrived)
	u, ok, err := w.demux.Video(0, body)
	if !ok && err == nil {
		w.session.MediaReceived(arrived)
		w.session.pace.video = true
		return nil
	}
	for base, placed := media.Ticks(0), false; ok || err != nil; u, ok, err = w.demux.MoreVideo() {
		if err != nil {
			if err := w.skipTag(Video, err); err != nil {
				return err
			}
			continue
		}
		if !placed {
			base, placed = w.times.Video(timestamp), true
		}
		if u.Track.Number == 0 {
			w.unsupported = 0
		}
		if err := w.unit(base, u, arrived); err != nil {
			return err
		}
	}
	return nil
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
	case isUnsupported && unsupported.TrackID != 0:
		s.Skip(SkipUnsupported)
		w.skipped.refuse(unsupported)
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

// skippedTracks are the additional tracks that are not broadcast.
type skippedTracks struct {
	refused []*flv.UnsupportedError // video tracks, by their codec
	warned  int                     // how many tracks the broadcaster knows of
}

// refuse records that an additional video track is skipped because of its codec.
func (s *skippedTracks) refuse(e *flv.UnsupportedError) {
	same := func(other *flv.UnsupportedError) bool { return other.TrackID == e.TrackID }
	if len(s.refused) < flv.MaxVideoTracks && !slices.ContainsFunc(s.refused, same) {
		s.refused = append(s.refused, e)
	}
}

// checkTracks warns of additional tracks that are skipped.
func (w *TagWriter) checkTracks() {
	video, audio := w.demux.SkippedTracks()
	skipped := video + audio + len(w.skipped.refused)
	if skipped == w.skipped.warned {
		return
	}
	var texts []string
	if audio > 0 {
		texts = append(texts, fmt.Sprintf("%d audio tracks are sent: only the first is broadcast", audio+1))
	}
	if video > 0 {
		texts = append(texts, fmt.Sprintf("%d video tracks are sent: only the first %d are broadcast", video+flv.MaxVideoTracks, flv.MaxVideoTracks))
	}
	for _, e := range w.skipped.refused {
		texts = append(texts, fmt.Sprintf("video track %d is not broadcast: %s is not supported: %s", e.TrackID, e.Codec, e.Reason))
	}
	text := strings.Join(texts, "; ")
	if w.skipped.warned == 0 {
		w.session.log.Info("additional tracks skipped", "reason", text)
	}
	w.skipped.warned = skipped
	w.session.Warn(Warning{Code: WarnExtraTracks, Text: text})
}
