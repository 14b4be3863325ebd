package hlscheck

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// box is a box of MP4 (ISO 14496-12 section 4.2). Boxes are split here, so that no size is
// trusted, and mp4ff reads those that are needed.
type box struct {
	kind string
	// at is where it begins in the file.
	at int
	// raw is the whole box, body the rest after its header.
	raw, body []byte
}

// cutBox returns the first box of data, which begins at offset at of the file.
func cutBox(data []byte, at int) (b box, rest []byte, err error) {
	const header, largeHeader = 8, 16
	if len(data) < header {
		return box{}, nil, fmt.Errorf("%d bytes at offset %d are no box", len(data), at)
	}
	size, from := uint64(binary.BigEndian.Uint32(data)), header
	kind := string(data[4:8])
	switch {
	case size == 1 && len(data) >= largeHeader:
		size, from = binary.BigEndian.Uint64(data[header:]), largeHeader
	case size == 0: // to the end of the file
		size = uint64(len(data))
	}
	if size < uint64(from) || size > uint64(len(data)) {
		return box{}, nil, fmt.Errorf("box %q at offset %d has %d bytes, and there are %d", kind, at, size, len(data))
	}
	return box{kind, at, data[:size], data[from:size]}, data[size:], nil
}

// boxes returns the boxes of a file or of a box's body.
func boxes(data []byte, at int) (list []box, err error) {
	for len(data) > 0 {
		b, rest, err := cutBox(data, at)
		if err != nil {
			return list, err
		}
		list, data, at = append(list, b), rest, at+len(b.raw)
	}
	return list, nil
}

// children returns the boxes in b that are of the kinds, in order.
func (b box) children(kinds ...string) (list []box, err error) {
	all, err := boxes(b.body, b.at+len(b.raw)-len(b.body))
	if err != nil {
		return nil, fmt.Errorf("in %s: %w", b.kind, err)
	}
	for _, c := range all {
		for _, kind := range kinds {
			if c.kind == kind {
				list = append(list, c)
			}
		}
	}
	return list, nil
}

// child returns the box at the end of a path of kinds.
func (b box) child(path ...string) (box, error) {
	for _, kind := range path {
		list, err := b.children(kind)
		if err != nil {
			return box{}, err
		}
		if len(list) == 0 {
			return box{}, fmt.Errorf("%s has no %s", b.kind, kind)
		}
		b = list[0]
	}
	return b, nil
}

// decodeBox reads a box with mp4ff.
func decodeBox[T mp4.Box](b box) (decoded T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: mp4ff panics: %v", b.kind, r)
		}
	}()
	read, err := mp4.DecodeBoxSR(uint64(b.at), bits.NewFixedSliceReader(b.raw))
	if err != nil {
		return decoded, fmt.Errorf("%s: %w", b.kind, err)
	}
	decoded, ok := read.(T)
	if !ok {
		return decoded, fmt.Errorf("%s: mp4ff reads a %T", b.kind, read)
	}
	return decoded, nil
}

// decodeChild reads the box at the end of a path.
func decodeChild[T mp4.Box](b box, path ...string) (decoded T, err error) {
	c, err := b.child(path...)
	if err != nil {
		return decoded, err
	}
	return decodeBox[T](c)
}

// errNoMovie is the error of fragments without an initialization segment.
var errNoMovie = errors.New("no moov before the first moof: the initialization segment is missing")
