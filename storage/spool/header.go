package spool

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"golive/media"
	"golive/storage"
)

// A file is a prelude, a header and the segment's bytes:
//
//	"golive 1"                                    8 bytes, the format's version
//	length of the header, big endian              4 bytes
//	CRC-32C of the header, big endian             4 bytes
//	header, JSON
//	the segment's bytes
const (
	magic       = "golive 1"
	preludeSize = len(magic) + 8
	// maxHeader bounds what is read of a file to describe it. A part takes about
	// 150 bytes of the header.
	maxHeader = 1 << 20
)

// header describes a segment in full.
type header struct {
	Broadcast       string      `json:"broadcast"`
	Rendition       string      `json:"rendition"`
	Offered         time.Time   `json:"offered"`
	Session         string      `json:"session"`
	MSN             int64       `json:"msn"`
	Start           media.Ticks `json:"start"`
	Duration        media.Ticks `json:"duration"`
	Size            int64       `json:"size"`
	ProgramDateTime time.Time   `json:"program_date_time"`
	Discontinuity   bool        `json:"discontinuity,omitempty"`
	Independent     bool        `json:"independent,omitempty"`
	Parts           []part      `json:"parts"`
	// Body is how many bytes follow the header, and Sum their CRC-32C.
	Body int64  `json:"body"`
	Sum  uint32 `json:"sum"`
}

type part struct {
	Offset      int64       `json:"offset"`
	Size        int64       `json:"size"`
	Start       media.Ticks `json:"start"`
	Duration    media.Ticks `json:"duration"`
	Independent bool        `json:"independent,omitempty"`
	Gap         bool        `json:"gap,omitempty"`
	Number      int64       `json:"number"`
	Arrived     time.Time   `json:"arrived"`
}

// checksum continues a CRC-32C, which the processor computes at memory speed.
func checksum(sum uint32, b []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b)
}

func newHeader(broadcast, rendition string, seg *media.Segment, slabs [][]byte, offered time.Time) *header {
	h := &header{
		Broadcast:       broadcast,
		Rendition:       rendition,
		Offered:         offered,
		Session:         seg.Session,
		MSN:             seg.MSN,
		Start:           seg.Start,
		Duration:        seg.Duration,
		Size:            seg.Size,
		ProgramDateTime: seg.ProgramDateTime,
		Discontinuity:   seg.Discontinuity,
		Independent:     seg.Independent,
		Parts:           make([]part, len(seg.Parts)),
	}
	for i, p := range seg.Parts {
		h.Parts[i] = part{p.Offset, p.Size, p.Start, p.Duration, p.Independent, p.Gap, p.Number, p.Arrived}
	}
	for _, slab := range slabs {
		h.Body += int64(len(slab))
		h.Sum = checksum(h.Sum, slab)
	}
	return h
}

// segment is what the header describes; its parts have no bytes.
func (h *header) segment() *media.Segment {
	s := &media.Segment{
		Session:         h.Session,
		MSN:             h.MSN,
		Parts:           make([]*media.Part, len(h.Parts)),
		Start:           h.Start,
		Duration:        h.Duration,
		Size:            h.Size,
		ProgramDateTime: h.ProgramDateTime,
		Discontinuity:   h.Discontinuity,
		Independent:     h.Independent,
	}
	for i, p := range h.Parts {
		s.Parts[i] = &media.Part{
			Session:     h.Session,
			MSN:         h.MSN,
			Index:       i,
			Offset:      p.Offset,
			Size:        p.Size,
			Start:       p.Start,
			Duration:    p.Duration,
			Independent: p.Independent,
			Gap:         p.Gap,
			Number:      p.Number,
			Arrived:     p.Arrived,
		}
	}
	return s
}

// check says whether the names can be part of an object's key.
func (h *header) check() error {
	for _, name := range []string{h.Broadcast, h.Rendition, h.Session} {
		if strings.Contains(name, "/") {
			return fmt.Errorf("%w: name with a slash", storage.ErrKey)
		}
		if err := storage.CheckKey(name); err != nil {
			return err
		}
	}
	return nil
}

// encode is the beginning of the file, before the segment's bytes.
func (h *header) encode() ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(text) > maxHeader {
		return nil, fmt.Errorf("header has %d bytes, at most %d are allowed", len(text), maxHeader)
	}
	b := append(make([]byte, 0, preludeSize+len(text)), magic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	b = binary.BigEndian.AppendUint32(b, checksum(0, text))
	return append(b, text...), nil
}

// headerSize reads the prelude.
func headerSize(prelude []byte) (int, error) {
	if len(prelude) < preludeSize {
		return 0, fmt.Errorf("need %d bytes of prelude, have %d", preludeSize, len(prelude))
	}
	if string(prelude[:len(magic)]) != magic {
		return 0, errors.New("it does not begin as a spooled segment does")
	}
	n := binary.BigEndian.Uint32(prelude[len(magic):])
	if n > maxHeader {
		return 0, fmt.Errorf("header of %d bytes, at most %d are allowed", n, maxHeader)
	}
	return int(n), nil
}

// decode reads the beginning of a file of size bytes: prelude and header.
func decode(begin []byte, size int64) (*header, error) {
	n, err := headerSize(begin)
	if err != nil {
		return nil, err
	}
	if len(begin) < preludeSize+n {
		return nil, fmt.Errorf("need %d bytes of header at offset %d, have %d", n, preludeSize, len(begin)-preludeSize)
	}
	text := begin[preludeSize : preludeSize+n]
	if checksum(0, text) != binary.BigEndian.Uint32(begin[len(magic)+4:]) {
		return nil, errors.New("wrong checksum of the header")
	}
	h := new(header)
	if err := json.Unmarshal(text, h); err != nil {
		return nil, err
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	if want := int64(preludeSize+n) + h.Body; h.Body < 0 || size != want {
		return nil, fmt.Errorf("file of %d bytes, need %d", size, want)
	}
	return h, nil
}
