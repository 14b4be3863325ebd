package aac

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ADTSHeader holds the fields of an ADTS header that describe the stream. The headers of
// one stream are equal.
type ADTSHeader struct {
	// ObjectType is 1 (Main) to 4 (LTP); 2 is AAC-LC, or the core of HE-AAC.
	ObjectType int
	// SampleRate is in Hz.
	SampleRate int
	// Configuration is the channel configuration; 0 means that a program
	// config element at the beginning of the frame describes the channels.
	Configuration int
}

// adtsFrame is a parsed ADTS frame header (ISO 14496-3 section 1.A.2.2).
type adtsFrame struct {
	header ADTSHeader
	size   int // of the frame with its header, in bytes
	begin  int // offset of the raw data blocks
	blocks int
	crc    bool
}

// parseADTS parses the header of the ADTS frame at the beginning of b, which may hold less
// than the whole frame.
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
		f.begin += 2 * f.blocks // the offsets of all blocks but the first, and the CRC
	}
	return f, f.size > f.begin
}

// StartsADTS reports whether b begins with a whole ADTS frame.
func StartsADTS(b []byte) bool {
	f, ok := parseADTS(b)
	return ok && f.size <= len(b)
}

// IsADTS reports whether b consists of one or more whole ADTS frames. A raw frame cannot
// be mistaken for one: its first bits are the id of its first element, and a sync word
// would be the id that ends a frame.
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

// ADTSReader extracts the raw frames from ADTS frames. It ignores a truncated frame at the
// end.
type ADTSReader struct {
	rest  []byte
	frame adtsFrame
	data  []byte // of frame
	block int    // index of the next block in it
}

// NewADTSReader returns a reader of b. The frames that it returns alias b.
func NewADTSReader(b []byte) ADTSReader { return ADTSReader{rest: b} }

// Next returns the next raw frame; ok is false if there is none.
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
		// Blocks whose boundaries are unknown are dropped with their frame.
		r.block = r.frame.blocks
		return h, nil, false
	}
	return r.frame.header, raw, true
}

// cut returns the current raw data block. Only frames with a CRC have the offsets of the
// second and later blocks; if there are several, each is followed by its own CRC.
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

// ParseADTS returns the configuration of a stream of ADTS frames with the header h and the
// raw frame raw. If the channel configuration is 0, raw begins with a program config
// element; frame is the rest of it. The error is a *SyntaxError or an *UnsupportedError.
//
// ADTS headers do not signal HE-AAC: it is reported as AAC-LC.
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

// ParseADTSConfig parses an ADTS header that an encoder sent in place of an
// AudioSpecificConfig; ok is false if b is none.
func ParseADTSConfig(b []byte) (h ADTSHeader, ok bool) {
	if len(b) < ADTSHeaderSize || !HasSyncWord(b) {
		return h, false
	}
	f, _ := parseADTS(b)
	return f.header, f.header.ObjectType != 0
}

// String returns a description of the header for messages.
func (h ADTSHeader) String() string {
	return fmt.Sprintf("object type %d, %d Hz, channel configuration %d", h.ObjectType, h.SampleRate, h.Configuration)
}
