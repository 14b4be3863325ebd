package flv

import (
	"bytes"

	"golive/codec/aac"
	"golive/media"
)

// adtsState reads frames that have their ADTS headers, which FLV does not want
// (E.4.2.2) and some encoders send, with an AudioSpecificConfig or without one.
// The header is what the frame was coded with, so it counts for more.
type adtsState struct {
	header aac.ADTSHeader
	// layout is the program config element that explains a channel configuration
	// of 0. Not every frame repeats it.
	layout []byte
	track  *media.Track // of header and layout; nil before the first frame
	err    error        // why there is no track for header

	// What is left of the body, and when the next frame of it is due: at base, and
	// so many samples later.
	reader  aac.ADTSReader
	base    media.Ticks
	samples int64
}

// forget makes the next frame look at its header anew.
func (s *adtsState) forget() { s.header, s.track, s.err = aac.ADTSHeader{}, nil, nil }

// beginADTS takes the first frame of a body of ADTS frames.
func (a *audioState) beginADTS(dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error) {
	a.adts.reader, a.adts.base, a.adts.samples = aac.NewADTSReader(data), dts, 0
	u, ok, err = a.nextADTS()
	if !ok && err == nil {
		err = syntax("ADTS frame", 0, "no frame that can be told apart")
	}
	return u, ok, err
}

// nextADTS takes the next frame of the body.
func (a *audioState) nextADTS() (u media.AccessUnit, ok bool, err error) {
	s := &a.adts
	var frame []byte
	for len(frame) == 0 {
		h, raw, ok := s.reader.Next()
		if !ok {
			return u, false, nil
		}
		if frame, err = a.retrack(h, raw); err != nil {
			s.reader = aac.ADTSReader{}
			return u, false, err
		}
	}
	dts := s.base
	if s.samples > 0 {
		dts += media.Ticks(s.samples * int64(media.Second) / int64(s.track.SampleRate))
	}
	s.samples += int64(s.track.SamplesPerUnit)
	return media.AccessUnit{Track: s.track, DTS: dts, PTS: dts, Key: true, Data: frame}, true, nil
}

// retrack makes s.track the track of a frame, and returns the frame without what the track
// says of it.
func (a *audioState) retrack(h aac.ADTSHeader, raw []byte) (frame []byte, err error) {
	s := &a.adts
	explained := h.Configuration == 0 && aac.HasProgramConfig(raw)
	if h == s.header && !explained {
		return raw, s.err
	}
	if h.Configuration == 0 && !explained && a.track != nil &&
		a.track.ObjectType == h.ObjectType && a.track.SampleRate == h.SampleRate {
		// The AudioSpecificConfig explains it.
		s.header, s.layout, s.track, s.err = h, nil, a.track, nil
		return raw, nil
	}
	c, frame, err := aac.ParseADTS(h, raw)
	if err != nil {
		s.header, s.track, s.err = h, nil, audioError(err)
		return nil, s.err
	}
	if layout := raw[:len(raw)-len(frame)]; h != s.header || !bytes.Equal(layout, s.layout) {
		t := newAudioTrack(c)
		switch {
		case sameSound(t, s.track): // only the comment in the layout changed
		case sameSound(t, a.track):
			s.track = a.track // with what an AudioSpecificConfig knows of HE-AAC
		default:
			s.track = t
		}
		s.header, s.layout, s.err = h, bytes.Clone(layout), nil
	}
	return frame, nil
}

// sameSound reports whether ADTS headers tell the same of both tracks, of which b
// may be nil.
func sameSound(a, b *media.Track) bool {
	return b != nil && a.ObjectType == b.ObjectType && a.SampleRate == b.SampleRate &&
		a.Channels == b.Channels && bytes.Equal(a.ProgramConfig, b.ProgramConfig)
}
