package flv

import (
	"fmt"

	"golive/codec/mp3"
	"golive/media"
)

// mp3State reads MP3, whose frames have all that a decoder must know.
type mp3State struct {
	header mp3.Header   // of the last frame
	track  *media.Track // made from header; nil before the first frame

	// The rest of the body, and the time of its next frame: samples after base.
	rest    []byte
	base    media.Ticks
	samples int64
}

// configure implements soundReader: nothing is to be configured.
func (*mp3State) configure([]byte, int) error { return nil }

// unit implements soundReader.
func (a *mp3State) unit(dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error) {
	a.rest, a.base, a.samples = data, dts, 0
	return a.next()
}

// minMP3Rate is the lowest sample rate of MPEG-2, which MPEG-TS and MP4 have. MPEG-2.5 is in no
// standard.
const minMP3Rate = 16000

// next implements soundReader.
func (a *mp3State) next() (u media.AccessUnit, ok bool, err error) {
	if len(a.rest) == 0 {
		return u, false, nil
	}
	data := a.rest
	a.rest = nil
	h, size, err := mp3.ParseHeader(data)
	switch {
	case err != nil:
		return u, false, &SyntaxError{Op: "MP3 frame", Err: err}
	case size > len(data):
		return u, false, syntax("MP3 frame", 0, "need %d bytes, have %d", size, len(data))
	case h.SampleRate < minMP3Rate:
		return u, false, &UnsupportedError{Kind: kindAudio, Codec: fmt.Sprintf("MP3 of %d Hz", h.SampleRate), Reason: "set the sample rate to 44.1 or 48 kHz"}
	}
	if a.track == nil || h != a.header {
		a.header, a.track = h, newMP3Track(h)
	}
	dts := a.base + media.Ticks(a.samples*int64(media.Second)/int64(h.SampleRate))
	a.rest, a.samples = data[size:], a.samples+int64(h.Samples)
	return media.AccessUnit{Track: a.track, DTS: dts, PTS: dts, Key: true, Data: data[:size:size]}, true, nil
}

// mp3Codec is the name of Apple's authoring specification, which hls.js knows, too. The object
// type of MP4 would be "mp4a.6B", which it takes for something that browsers cannot play.
const mp3Codec = "mp4a.40.34"

func newMP3Track(h mp3.Header) *media.Track {
	return &media.Track{
		Codec:          media.MP3,
		CodecString:    mp3Codec,
		SampleRate:     h.SampleRate,
		Channels:       h.Channels,
		SamplesPerUnit: h.Samples,
	}
}
