package flv

import (
	"bytes"
	"errors"
	"slices"

	"golive/codec/av1"
	"golive/media"
)

// av1State reads AV1.
type av1State struct {
	config     []byte // the last configuration record, to compare with the next
	configured bool
	track      *media.Track // nil until a sequence header is known
	header     []byte       // the sequence header, an OBU with a size
	refused    error        // why the newest sequence header has no track
}

// configure implements pictureReader.
func (v *av1State) configure(record []byte, offset int) error {
	if v.configured && bytes.Equal(record, v.config) {
		return v.refused
	}
	c, err := av1.ParseAV1C(record)
	if err != nil && !errors.Is(err, av1.ErrNoSequenceHeader) {
		return &SyntaxError{Op: "AV1 configuration", Offset: int64(offset), Err: err}
	}
	*v = av1State{config: bytes.Clone(record), configured: true}
	if c == nil {
		return nil // it may come with the first key frame
	}
	return v.setTrack(c)
}

func (v *av1State) setTrack(c *av1.Config) error {
	v.track, v.header, v.refused = nil, c.SequenceHeader, nil
	if c.BitDepth > maxBitDepth {
		v.refused = tooManyBits(media.AV1, c.BitDepth)
		return v.refused
	}
	v.track = &media.Track{
		Codec:       media.AV1,
		CodecString: c.CodecString(),
		Config:      c.Record(),
		Width:       c.Width,
		Height:      c.Height,
	}
	return nil
}

// temporalUnit describes the OBUs of a tag.
type temporalUnit struct {
	frame, key bool
	header     []byte // the sequence header, an OBU with its size
	delimiters int    // their bytes
}

// scanTemporalUnit reads the OBUs of a tag. The first frame decides whether it is a key frame.
func scanTemporalUnit(data []byte, offset int) (t temporalUnit, err error) {
	for rest := data; len(rest) > 0; {
		u, next, err := av1.Next(rest)
		if err != nil {
			return t, &SyntaxError{Op: "OBU", Offset: int64(offset + len(data) - len(rest)), Err: err}
		}
		switch u.Type {
		case av1.SequenceHeader:
			t.header = u.Data
		case av1.TemporalDelimiter:
			t.delimiters += len(u.Data)
		case av1.Frame, av1.FrameHeader:
			if !t.frame {
				t.frame, t.key = true, u.ShownKeyFrame()
			}
		default: // metadata, tile groups, padding
		}
		rest = next
	}
	return t, nil
}

// unit implements pictureReader.
func (v *av1State) unit(p picture) (u media.AccessUnit, ok bool, err error) {
	t, err := scanTemporalUnit(p.data, p.offset)
	if err != nil {
		return u, false, err
	}
	if t.header != nil && (t.key || !t.frame) && !bytes.Equal(t.header, v.header) {
		if err := v.useHeader(t.header); err != nil {
			return u, false, err
		}
	}
	switch {
	case !t.frame:
		return u, false, nil
	case v.refused != nil:
		return u, false, v.refused
	case v.track == nil && t.key && v.configured:
		return u, false, &UnsupportedError{Kind: kindVideo, Codec: "AV1 without a sequence header", Reason: "set the encoder to send its sequence header, in the configuration or with each key frame, or set it to H.264"}
	case v.track == nil:
		return u, false, ErrNoConfig
	}
	data := p.data
	if t.delimiters > 0 {
		data = withoutDelimiters(data, t.delimiters)
	}
	if t.key && t.header == nil {
		data = slices.Concat(v.header, data)
	}
	return media.AccessUnit{Track: v.track, DTS: p.dts, PTS: p.dts + p.composition, Key: t.key, Data: data}, true, nil
}

// useHeader uses a sequence header that differs from the last.
func (v *av1State) useHeader(header []byte) error {
	c, err := av1.FromSequenceHeader(header)
	if err != nil && v.track != nil {
		return nil // a decoder may be able to parse it
	}
	if err != nil {
		return &SyntaxError{Op: "sequence header", Err: err}
	}
	return v.setTrack(c)
}

// withoutDelimiters returns data, which scanTemporalUnit has passed, without its temporal
// delimiters, which have that many bytes. A temporal unit begins with one, so that there is
// nearly always nothing to copy.
func withoutDelimiters(data []byte, size int) []byte {
	if u, rest, err := av1.Next(data); err == nil && u.Type == av1.TemporalDelimiter && len(u.Data) == size {
		return rest
	}
	out := make([]byte, 0, len(data)-size)
	for rest := data; ; {
		u, next, err := av1.Next(rest)
		if err != nil {
			return out
		}
		if u.Type != av1.TemporalDelimiter {
			out = append(out, u.Data...)
		}
		rest = next
	}
}
