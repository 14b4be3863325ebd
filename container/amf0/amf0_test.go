package amf0

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecode_ReadsEveryMarker(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want any
	}{
		{"number", "\x00\x40\x59\x00\x00\x00\x00\x00\x00", 100.0},
		{"true", "\x01\x01", true},
		{"false", "\x01\x00", false},
		{"string", "\x02\x00\x04live", "live"},
		{"object", "\x03\x00\x01a\x05\x00\x00\x09", Object{{"a", nil}}},
		{"null", "\x05", nil},
		{"undefined", "\x06", nil},
		{"reference", "\x07\x00\x01", nil},
		{"ECMA array with a wrong count", "\x08\x00\x00\x00\x63\x00\x01a\x01\x01\x00\x00\x09", Object{{"a", true}}},
		{"strict array", "\x0a\x00\x00\x00\x02\x05\x01\x01", []any{nil, true}},
		{"date", "\x0b\x40\x59\x00\x00\x00\x00\x00\x00\x00\x00", 100.0},
		{"long string", "\x0c\x00\x00\x00\x02hi", "hi"},
		{"unsupported", "\x0d", nil},
		{"XML", "\x0f\x00\x00\x00\x04<a/>", "<a/>"},
		{"typed object", "\x10\x00\x01T\x00\x01a\x02\x00\x01b\x00\x00\x09", Object{{"a", "b"}}},
		{"empty name inside an object", "\x03\x00\x00\x05\x00\x00\x09", Object{{"", nil}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, rest, err := Decode([]byte(tt.in + "rest"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			if string(rest) != "rest" {
				t.Errorf("rest = %q, want %q", rest, "rest")
			}
		})
	}
}

func TestDecode_RefusesInvalidAMF0(t *testing.T) {
	deep := strings.Repeat("\x0a\x00\x00\x00\x01", MaxDepth+1) + "\x05"
	deepObject := strings.Repeat("\x03\x00\x01a", 1<<16)
	many := append([]byte{markerStrictArray}, binary.BigEndian.AppendUint32(nil, MaxValues+1)...)
	many = append(many, bytes.Repeat([]byte{markerNull}, MaxValues+1)...)
	tests := []struct{ name, in, want string }{
		{"nothing", "", "need 1 bytes, have 0 at offset 0"},
		{"short number", "\x00\x01", "need 8 bytes, have 1 at offset 1"},
		{"short string", "\x02\x00\x05abc", "need 5 bytes, have 3 at offset 3"},
		{"string of 4 GiB", "\x0c\xff\xff\xff\xff", "length 4294967295 is too large at offset 5"},
		{"object without end", "\x03\x00\x01a\x05", "need 2 bytes, have 0 at offset 5"},
		{"million-element array in 5 bytes", "\x0a\x00\x0f\x42\x40\x05\x05\x05\x05\x05", "array of 1000000 elements in 5 bytes at offset 5"},
		{"arrays in arrays", deep, "nested deeper than 16 at offset 85"},
		{"objects in objects", deepObject, "nested deeper than 16 at offset 68"},
		{"too many values", string(many), "more than 32768 values at offset 32772"},
		{"AMF3", "\x11\x05", "marker 0x11 at offset 0"},
		{"movie clip", "\x04", "marker 0x04 at offset 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Decode([]byte(tt.in))
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("err = %v, want a *SyntaxError", err)
			}
			if want := "amf0: " + tt.want; err.Error() != want {
				t.Errorf("err = %q, want %q", err, want)
			}
		})
	}
}

func TestDecodeAll_ReturnsTheValuesBeforeTheError(t *testing.T) {
	vs, err := DecodeAll([]byte("\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x11"))
	if err == nil {
		t.Error("no error for an AMF3 marker")
	}
	if diff := cmp.Diff([]any{"connect", 1.0}, vs); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestAppend_IsReadBackTheSame(t *testing.T) {
	want := []any{
		"onStatus", 0.0, nil, true, false, strings.Repeat("x", 1<<16),
		Object{{"level", "status"}, {"nested", Object{{"n", 1.5}}}, {"list", []any{"avc1", "mp4a"}}},
		Object{},
		[]any{},
	}
	got, err := DecodeAll(Append(nil, want...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestAppend_PanicsOnAnUnknownType(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Append did not panic")
		}
	}()
	Append(nil, struct{}{})
}

func TestObject_GetsByName(t *testing.T) {
	o := Object{{"app", "live"}, {"n", 1.0}}
	if o.String("app") != "live" || o.String("n") != "" || o.String("none") != "" || o.Get("n") != 1.0 {
		t.Errorf("got %q %q %q %v", o.String("app"), o.String("n"), o.String("none"), o.Get("n"))
	}
}

func FuzzDecodeAll(f *testing.F) {
	f.Add(Append(nil, "connect", 1, Object{{"app", "live"}, {"fourCcList", []any{"avc1"}}}))
	f.Add([]byte("\x0a\x00\x0f\x42\x40\x05\x05"))
	f.Add([]byte(strings.Repeat("\x03\x00\x01a", 40)))
	f.Add([]byte("\x10\x00\x01T\x00\x00\x09\x0b\x40\x59\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		vs, err := DecodeAll(b)
		var syntax *SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.Offset > len(b)) {
			t.Fatalf("err = %v, want a *SyntaxError within %d bytes", err, len(b))
		}
		// Decoded values can be encoded, and decoding and encoding them again gives the same bytes.
		encoded := Append(nil, vs...)
		again, err := DecodeAll(encoded)
		if err != nil {
			t.Fatalf("decoding the encoded values: %v", err)
		}
		if !bytes.Equal(encoded, Append(nil, again...)) {
			t.Fatal("the values are encoded differently the second time")
		}
	})
}
