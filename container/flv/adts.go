package flv

import (
	"bytes"

	"golive/codec/aac"
	"golive/media"
)

// adtsState reads frames with ADTS headers, which FLV does not allow (E.4.2.2) but some
// encoders send, with or without an AudioSpecificConfig. The header describes the frame
// itself, so it takes precedence.
type adtsState struct {
	header aac.ADTSHeader
	// layout is the program config element for a channel configuration of 0. Not every
	// frame repeats it.
	layout []byte
	track  *media.Track // made from header and layout; nil before the first frame
	err    error        // why there is no track for header

	// The rest of the body, and the time of its next frame: samples after base.
	reader  aac.ADTSReader
	base    media.Ticks
	samples int64
}

// reset makes the next frame parse its header again.
func (s *adtsState) reset() { s.header, s.track, s.err = aac.ADTSHeader{}, nil, nil }

// beginADTS returns the first unit of a body of ADTS frames.
func (a *aacState) beginADTS(dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error) {
	a.adts.reader, a.adts.base, a.adts.samples = aac.NewADTSReader(data), dts, 0
	u, ok, err = a.next()
	if !ok && err == nil {
		err = syntax("ADTS frame", 0, "no complete frame")
	}
	return u, ok, err
}

// next implements soundReader.
func (a *aacState) next() (u media.AccessUnit, ok bool, err error) {
	s := &a.adts
	var frame []byte
	for len(frame) == 0 {
		h, raw, ok := s.reader.Next()
		if !ok {
			return u, false, nil
		}
		if frame, err = a.setTrack(h, raw); err != nil {
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

// setTrack sets the track for a frame, and returns the frame without its program config
// element.
func (a *aacState) setTrack(h aac.ADTSHeader, raw []byte) (frame []byte, err error) {
	s := &a.adts
	explained := h.Configuration == 0 && aac.HasProgramConfig(raw)
	if h == s.header && !explained {
		return raw, s.err
	}
	if h.Configuration == 0 && !explained && a.track != nil &&
		a.track.ObjectType == h.ObjectType && a.track.SampleRate == h.SampleRate {
		// The AudioSpecificConfig describes the channels.
		s.header, s.layout, s.track, s.err = h, nil, a.track, nil
		return raw, nil
	}
	c, frame, err := aac.ParseADTS(h, raw)
	if err != nil {
		s.header, s.track, s.err = h, nil, audioError(err)
		return nil, s.err
	}
	if layout := raw[:len(raw)-len(frame)]; s.track == nil || h != s.header || !bytes.Equal(layout, s.layout) {
		t := newAudioTrack(c)
		switch {
		case sameAudio(t, s.track): // only the comment in the layout changed
		case sameAudio(t, a.track):
			s.track = a.track // an AudioSpecificConfig may signal HE-AAC
		default:
			s.track = t
		}
		s.header, s.layout, s.err = h, bytes.Clone(layout), nil
	}
	return frame, nil
}

// sameAudio reports whether the tracks have the same ADTS header and layout; b may be nil.
func sameAudio(a, b *media.Track) bool {
	return b != nil && a.ObjectType == b.ObjectType && a.SampleRate == b.SampleRate &&
		a.Channels == b.Channels && bytes.Equal(a.ProgramConfig, b.ProgramConfig)
}
