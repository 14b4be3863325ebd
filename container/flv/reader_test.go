package flv_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"runtime"
	"testing"
	"testing/iotest"

	"golive/container/flv"
)

// file returns an FLV file of tags.
func file(tags ...flv.Tag) []byte {
	b := []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")
	for _, t := range tags {
		n, ts := len(t.Body), t.Timestamp
		b = append(b, t.Type, byte(n>>16), byte(n>>8), byte(n), byte(ts>>16), byte(ts>>8), byte(ts), byte(ts>>24), 0, 0, 0)
		b = append(b, t.Body...)
		b = binary.BigEndian.AppendUint32(b, uint32(11+n))
	}
	return b
}

func someTags() []flv.Tag {
	return []flv.Tag{
		{Type: flv.TagScript, Body: []byte("\x02\x00\x0aonMetaData")},
		{Type: flv.TagVideo, Timestamp: 0x00ffffff, Body: bytes.Repeat([]byte{0x17}, 200_000)},
		{Type: flv.TagAudio, Timestamp: 0x01000000, Body: []byte{}},
		{Type: flv.TagAudio, Timestamp: 0xfffffffe, Body: []byte{0xaf, 1}},
	}
}

func readAll(r io.Reader) (tags []flv.Tag, err error) {
	reader := flv.NewReader(r)
	for {
		t, err := reader.Next()
		if err != nil {
			return tags, err
		}
		tags = append(tags, t)
	}
}

func TestReader_ReturnsTheTagsInOrder(t *testing.T) {
	want := someTags()
	b := file(want...)
	for name, r := range map[string]io.Reader{
		"whole":                    bytes.NewReader(b),
		"byte by byte":             iotest.OneByteReader(bytes.NewReader(b)),
		"without the last size":    bytes.NewReader(b[:len(b)-4]),
		"with a header of 10":      bytes.NewReader(append(append([]byte("FLV\x01\x05\x00\x00\x00\x0a\xff"), b[9:13]...), b[13:]...)),
		"with the last size short": bytes.NewReader(b[:len(b)-2]),
	} {
		got, err := readAll(r)
		if err != io.EOF {
			t.Errorf("%s: ended with %v, want io.EOF", name, err)
		}
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: %d tags were read, which differ from those written", name, len(got))
		}
	}
}

func TestReader_ReportsWhereAFileIsInvalid(t *testing.T) {
	good := file(someTags()...)
	encrypted := bytes.Clone(good)
	encrypted[13] |= 0x20
	huge := file()
	huge = append(huge, flv.TagVideo, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0)
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "flv: read file header at offset 0: unexpected EOF"},
		{"short header", good[:5], "flv: read file header at offset 0: need 9 bytes, have 5: unexpected EOF"},
		{"other format", []byte("RIFF00000000"), "flv: read file header at offset 0: the file does not begin with FLV"},
		{"header size out of range", []byte("FLV\x01\x05\xff\xff\xff\xff"), "flv: read file header at offset 5: header of 4294967295 bytes, want 9 to 65536"},
		{"cut in a tag header", good[:18], "flv: read tag header at offset 13: need 11 bytes, have 5: unexpected EOF"},
		{"cut before a body", good[:24], "flv: read tag body at offset 24: unexpected EOF"},
		{"cut in a body", good[:30], "flv: read tag body at offset 24: need 13 bytes, have 6: unexpected EOF"},
		{"encrypted", encrypted, "flv: read tag header at offset 13: the tag is encrypted"},
		{"huge", huge, "flv: read tag header at offset 13: tag of 16777215 bytes is above the limit of 8388608"},
	} {
		_, err := readAll(bytes.NewReader(c.file))
		if err == nil || err.Error() != c.want || !isSyntax(err) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	broken := errors.New("input/output error")
	if _, err := readAll(iotest.ErrReader(broken)); !errors.Is(err, broken) || isSyntax(err) {
		t.Errorf("%v, want the reader's own error", err)
	}
}

func TestReader_DoesNotAllocateAnnouncedSizes(t *testing.T) {
	truncated := append(file(), flv.TagVideo, 0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := readAll(bytes.NewReader(truncated)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated for a body of 3 bytes", n)
	}
}
