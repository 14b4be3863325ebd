package aac

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ADTSHeader is what ADTS headers tell of a stream. Two of one stream are equal.
type ADTSHeader struct {
	// ObjectType is 1 (Main) to 4 (LTP); 2 is AAC-LC, or the core of HE-AAC.
	ObjectType int
	// SampleRate is in Hz.
	SampleRate int
	// Configuration is the channel configuration; 0 stands for a program config
	// element at the beginning of the frame.
	Configuration int
}

// adtsFrame is an ADTS frame taken apart (ISO 14496-3 section 1.A.2.2).
type adtsFrame struct {
	header ADTSHeader
	size   int // in bytes, all of it
	begin  int // where the raw data blocks begin
	blocks int
	crc    bool
}

// parseADTS reads the header of the ADTS frame at the beginning of b, which may end
// before the frame does.
func parseADTS(b []byte) (f adtsFrame, ok bool) {
	if len(b) < ADTSHeaderSize || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return f, false
	}
	rate := int(b[2] >> 2 & 0x0f)
	if rate >= numRates {
		return f, false
	}
	f = adtsFrame{
		header: ADTSHeader{
			ObjectType:    int(b[2]>>6) + 1,
			SampleRate:    sampleRates()[rate],
			Configuration: int(b[2]&1)<<2 | int(b[3]>>6),
		},
		size:   int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5),
		begin:  ADTSHeaderSize,
		blocks: int(b[6]&3) + 1,
		crc:    b[1]&1 == 0,
	}
	if f.crc {
		f.begin += 2 * f.blocks // the places of all but the first, and the CRC
	}
	return f, f.size > f.begin
}

// StartsADTS reports whether b begins with a whole ADTS frame.
func StartsADTS(b []byte) bool {
	f, ok := parseADTS(b)
	return ok && f.size <= len(b)
}

// IsADTS reports whether b is one ADTS frame, or several, and nothing else. A raw
// frame is not taken for that: its first bits are the id of its first element, and
// a sync word would be the id that ends a frame.
func IsADTS(b []byte) bool {
	for {
		f, ok := parseADTS(b)
		switch {
		case !ok || f.size > len(b):
			return false
		case f.size == len(b):
			return true
		}
		b = b[f.size:]
	}
}

// HasSyncWord reports whether b begins with the sync word of ADTS.
func HasSyncWord(b []byte) bool { return len(b) >= 2 && b[0] == 0xff && b[1]&0xf6 == 0xf0 }

// ADTSReader takes the raw frames out of ADTS frames. It bears a frame that is cut
// off at the end.
type ADTSReader struct {
	rest  []byte
	frame adtsFrame
	data  []byte // of frame
	block int    // the next one in it
}

// NewADTSReader returns a reader of b. The frames that it gives share b's bytes.
func NewADTSReader(b []byte) ADTSReader { return ADTSReader{rest: b} }

// Next returns the next raw frame; ok is false when there is none.
func (r *ADTSReader) Next() (h ADTSHeader, raw []byte, ok bool) {
	if r.block == r.frame.blocks {
		f, ok := parseADTS(r.rest)
		if !ok || f.size > len(r.rest) {
			r.rest = nil
			return h, nil, false
		}
		r.frame, r.data, r.block = f, r.rest[:f.size], 0
		r.rest = r.rest[f.size:]
	}
	raw = r.cut()
	r.block++
	if len(raw) == 0 {
		// What cannot be told apart is lost with its frame.
		r.block = r.frame.blocks
		return h, nil, false
	}
	return r.frame.header, raw, true
}

// cut is the present raw data block. Only frames with a CRC say where the second
// and later ones begin; each of several has a CRC of its own behind it.
func (r *ADTSReader) cut() []byte {
	f, blocks := &r.frame, r.data[r.frame.begin:]
	const crcSize = 2
	switch {
	case f.blocks == 1:
		return blocks
	case !f.crc:
		return nil
	}
	place := func(i int) int {
		switch i {
		case 0:
			return 0
		case f.blocks:
			return len(blocks)
		}
		return int(binary.BigEndian.Uint16(r.data[ADTSHeaderSize+2*(i-1):]))
	}
	from, to := place(r.block), place(r.block+1)-crcSize
	if from >= to || to > len(blocks) {
		return nil
	}
	return blocks[from:to]
}

// ParseADTS returns the configuration of a stream of ADTS frames with that header,
// one of whose raw frames is given: a channel configuration of 0 is explained there,
// and the explanation is cut off; frame is what stands behind it. The error is a
// *SyntaxError or an *UnsupportedError.
//
// No ADTS header tells of HE-AAC: it counts as AAC-LC.
func ParseADTS(h ADTSHeader, raw []byte) (c *Config, frame []byte, err error) {
	if err := checkObjectType(h.ObjectType); err != nil {
		return nil, nil, err
	}
	var layout *programConfig
	if h.Configuration == 0 {
		if !HasProgramConfig(raw) {
			return nil, nil, &SyntaxError{Op: "ADTS frame", Size: len(raw), Err: errors.New("no program config element")}
		}
		layout, raw, err = cutProgramConfig(raw)
		if err != nil {
			return nil, nil, &SyntaxError{Op: "ADTS frame", Size: len(raw), Err: err}
		}
	}
	c, err = newConfig(h.ObjectType, h.SampleRate, h.Configuration, layout)
	if err != nil {
		return nil, nil, err
	}
	return c, raw, nil
}

// ParseADTSConfig reads an ADTS header that stands where an AudioSpecificConfig
// should, as some encoders send it; ok is false when b is none.
func ParseADTSConfig(b []byte) (h ADTSHeader, ok bool) {
	if len(b) < ADTSHeaderSize || !HasSyncWord(b) {
		return h, false
	}
	f, _ := parseADTS(b)
	return f.header, f.header.ObjectType != 0
}

// String names the header for messages.
func (h ADTSHeader) String() string {
	return fmt.Sprintf("object type %d, %d Hz, channel configuration %d", h.ObjectType, h.SampleRate, h.Configuration)
}
