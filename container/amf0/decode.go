package amf0

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The bounds of one Decode or DecodeAll.
const (
	// MaxDepth is the deepest nesting of objects and arrays.
	MaxDepth = 16
	// MaxValues is the total number of values. The largest legitimate message is an
	// onMetaData with a file's index of key frames.
	MaxValues = 32 << 10
)

// SyntaxError reports bytes that are not AMF0.
type SyntaxError struct {
	// Offset is the offset of the problem, in bytes.
	Offset int
	// Problem describes what is wrong there.
	Problem string
}

// Error returns the problem and its offset.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("amf0: %s at offset %d", e.Problem, e.Offset)
}

// Decode reads the value at the beginning of b and returns it with the bytes
// after it. The error is a *SyntaxError.
//
// Null, undefined, unsupported and references are nil; a date is its number of
// milliseconds since 1970; XML is its text.
func Decode(b []byte) (v any, rest []byte, err error) {
	d := decoder{data: b, maxValues: MaxValues}
	v, err = d.value(0)
	return v, b[d.pos:], err
}

// DecodeAll decodes all values of b. With an error it returns the values before the invalid
// one: some commands are valid but for an argument that is not needed.
func DecodeAll(b []byte) ([]any, error) { return DecodeMax(b, MaxValues) }

// CutName returns the string at the beginning of b, the name of a command or of data, and the
// rest after it. Both are empty if b begins with something else.
func CutName(b []byte) (name string, rest []byte) {
	if len(b) == 0 || b[0] != markerString {
		return "", nil
	}
	v, rest, err := Decode(b)
	if err != nil {
		return "", nil
	}
	name, _ = v.(string)
	return name, rest
}

// DecodeMax is like DecodeAll, but fails after more than most values, counting those
// in objects and arrays.
func DecodeMax(b []byte, most int) ([]any, error) {
	d := decoder{data: b, maxValues: most}
	var vs []any
	for d.pos < len(b) {
		v, err := d.value(0)
		if err != nil {
			return vs, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}

type decoder struct {
	data      []byte
	pos       int
	values    int
	maxValues int
}

func (d *decoder) fail(format string, args ...any) error {
	return &SyntaxError{Offset: d.pos, Problem: fmt.Sprintf(format, args...)}
}

// take returns the next n bytes.
func (d *decoder) take(n int) ([]byte, error) {
	if left := len(d.data) - d.pos; n > left {
		return nil, d.fail("need %d bytes, have %d", n, left)
	}
	b := d.data[d.pos : d.pos+n]
	d.pos += n
	return b, nil
}

func (d *decoder) uint(size int) (int, error) {
	b, err := d.take(size)
	if err != nil {
		return 0, err
	}
	if size == 2 {
		return int(binary.BigEndian.Uint16(b)), nil
	}
	n := binary.BigEndian.Uint32(b)
	if n > math.MaxInt32 {
		return 0, d.fail("length %d is too large", n)
	}
	return int(n), nil
}

// text returns a string that is prefixed with a length of size bytes.
func (d *decoder) text(size int) (string, error) {
	n, err := d.uint(size)
	if err != nil {
		return "", err
	}
	b, err := d.take(n)
	return string(b), err
}

func (d *decoder) number() (float64, error) {
	b, err := d.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

func (d *decoder) value(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, d.fail("nested deeper than %d", MaxDepth)
	}
	if d.values++; d.values > d.maxValues {
		return nil, d.fail("more than %d values", d.maxValues)
	}
	marker, err := d.take(1)
	if err != nil {
		return nil, err
	}
	switch marker[0] {
	case markerNumber:
		return d.number()
	case markerBoolean:
		b, err := d.take(1)
		if err != nil {
			return nil, err
		}
		return b[0] != 0, nil
	case markerString:
		return d.text(2)
	case markerLongString, markerXML:
		return d.text(4)
	case markerNull, markerUndefined, markerUnsupported:
		return nil, nil
	case markerReference:
		_, err := d.take(2)
		return nil, err
	case markerDate:
		return d.date()
	default:
		return d.composite(marker[0], depth)
	}
}

func (d *decoder) date() (any, error) {
	ms, err := d.number()
	if err != nil {
		return nil, err
	}
	// The time zone is reserved and "should not be filled" (section 2.13).
	if _, err := d.take(2); err != nil {
		return nil, err
	}
	return ms, nil
}

func (d *decoder) composite(marker byte, depth int) (any, error) {
	switch marker {
	case markerObject:
		return d.object(depth)
	case markerTypedObject:
		if _, err := d.text(2); err != nil {
			return nil, err
		}
		return d.object(depth)
	case markerECMAArray:
		// The count is a hint: encoders write 0 or the wrong number, and an end
		// marker follows in any case (section 2.10).
		if _, err := d.take(4); err != nil {
			return nil, err
		}
		return d.object(depth)
	case markerStrictArray:
		return d.array(depth)
	}
	d.pos--
	return nil, d.fail("marker 0x%02x", marker)
}

func (d *decoder) object(depth int) (any, error) {
	o := Object{}
	for {
		name, err := d.text(2)
		if err != nil {
			return nil, err
		}
		if name == "" && d.pos < len(d.data) && d.data[d.pos] == markerObjectEnd {
			d.pos++
			return o, nil
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o = append(o, Property{Name: name, Value: v})
	}
}

func (d *decoder) array(depth int) (any, error) {
	n, err := d.uint(4)
	if err != nil {
		return nil, err
	}
	// Each element takes at least its marker.
	if left := len(d.data) - d.pos; n > left {
		return nil, d.fail("array of %d elements in %d bytes", n, left)
	}
	vs := []any{}
	for range n {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}
