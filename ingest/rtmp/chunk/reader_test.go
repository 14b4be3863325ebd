package chunk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

var wide = Limits{MessageSize: 16 << 20, ChunkStreams: 64}

// wire builds the bytes that a peer sends.
type wire struct{ bytes.Buffer }

func (w *wire) basic(format byte, id int) {
	switch {
	case id < 64:
		w.Write([]byte{format<<6 | byte(id)})
	case id < 320:
		w.Write([]byte{format << 6, byte(id - 64)})
	default:
		w.Write([]byte{format<<6 | 1, byte(id - 64), byte((id - 64) >> 8)})
	}
}

func (w *wire) u24(v int)    { w.Write([]byte{byte(v >> 16), byte(v >> 8), byte(v)}) }
func (w *wire) u32(v uint32) { w.Write(binary.BigEndian.AppendUint32(nil, v)) }

// head writes a chunk header of type 0, 1 or 2.
func (w *wire) head(format byte, id int, time uint32, length int, kind byte) {
	w.basic(format, id)
	w.u24(int(min(time, extendedTimestamp)))
	if format < 2 {
		w.u24(length)
		w.WriteByte(kind)
	}
	if format == 0 {
		w.Write([]byte{1, 0, 0, 0})
	}
	if time >= extendedTimestamp {
		w.u32(time)
	}
}

func (w *wire) text(s string) { w.WriteString(s) }

type got struct {
	Type   uint8
	Stream uint32
	Time   uint32
	Body   string
}

func readAll(r *Reader) ([]got, error) {
	var all []got
	for {
		m, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, got{m.Type, m.ChunkStream, m.Timestamp, string(m.Body)})
	}
}

// check reads the bytes in portions of several sizes, and expects the messages and a clean end each
// time.
func check(t *testing.T, build func(*wire), want []got, stats Stats) {
	t.Helper()
	var w wire
	build(&w)
	for name, src := range map[string]io.Reader{
		"whole":  bytes.NewReader(w.Bytes()),
		"byte":   iotest.OneByteReader(bytes.NewReader(w.Bytes())),
		"eof":    iotest.DataErrReader(bytes.NewReader(w.Bytes())),
		"halves": iotest.HalfReader(bytes.NewReader(w.Bytes())),
	} {
		r := NewReader(src, 64, wide)
		all, err := readAll(r)
		if err != io.EOF {
			t.Errorf("%s: err = %v, want io.EOF", name, err)
		}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("%s: messages (-want +got):\n%s", name, diff)
		}
		if r.Stats() != stats {
			t.Errorf("%s: stats = %+v, want %+v", name, r.Stats(), stats)
		}
		if r.Received() != uint64(w.Len()) {
			t.Errorf("%s: received %d of %d bytes", name, r.Received(), w.Len())
		}
		if r.held != 0 {
			t.Errorf("%s: %d bytes held at the end", name, r.held)
		}
	}
}

func TestRow10_EmptyMessagesAreSkipped(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 4, 5, 0, TypeAudio)
		w.head(0, 4, 7, 2, TypeAudio)
		w.text("ab")
	}, []got{{TypeAudio, 4, 7, "ab"}}, Stats{Empty: 1})
}

func TestRow15_EveryChunkSizeIsAccepted(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 10_000)
	for _, size := range []uint32{1, 128, 4096, 8192, 60_000, 65_536, 1 << 24, 1<<31 - 1} {
		var w wire
		w.head(0, 2, 0, 4, TypeSetChunkSize)
		w.u32(size)
		m := Message{Type: TypeVideo, ChunkStream: 6, Timestamp: 40, Body: []byte(body)}
		w.Write(Append(nil, m, int(min(size, maxChunkSize))))
		all, err := readAll(NewReader(&w, 4096, wide))
		if err != io.EOF || len(all) != 1 || all[0].Body != body {
			t.Errorf("size %d: %d messages, want 1: %v", size, len(all), err)
		}
	}
}

func TestRow16_ChunkSizeChangesInTheMiddleOfAMessage(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 6, 10, 300, TypeVideo)
		w.text(strings.Repeat("a", 128))
		w.head(0, 2, 0, 4, TypeSetChunkSize)
		w.u32(100)
		w.basic(3, 6)
		w.text(strings.Repeat("b", 100))
		w.basic(3, 6)
		w.text(strings.Repeat("c", 72))
	}, []got{{TypeVideo, 6, 10, strings.Repeat("a", 128) + strings.Repeat("b", 100) + strings.Repeat("c", 72)}}, Stats{})
}

func TestRow18_Type3BeginsAMessageAndAddsTheDelta(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 4, 1000, 1, TypeAudio)
		w.text("a")
		w.head(1, 4, 23, 1, TypeAudio)
		w.text("b")
		w.basic(3, 4)
		w.text("c")
		w.basic(3, 4)
		w.text("d")
	}, []got{{TypeAudio, 4, 1000, "a"}, {TypeAudio, 4, 1023, "b"}, {TypeAudio, 4, 1046, "c"}, {TypeAudio, 4, 1069, "d"}}, Stats{})
}

func TestRow18_Type3AfterType0AddsItsTimestampWhenThatCanBeADelta(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 4, 21, 1, TypeAudio)
		w.text("a")
		w.basic(3, 4)
		w.text("b")
		w.head(0, 6, 3_600_000, 1, TypeVideo)
		w.text("c")
		w.basic(3, 6)
		w.text("d")
	}, []got{{TypeAudio, 4, 21, "a"}, {TypeAudio, 4, 42, "b"}, {TypeVideo, 6, 3_600_000, "c"}, {TypeVideo, 6, 3_600_000, "d"}}, Stats{})
}

func TestRow19_FirstChunkOfType1IsAccepted(t *testing.T) {
	check(t, func(w *wire) {
		w.head(1, 2, 0, 6, TypeUserControl)
		w.text("\x00\x06\x00\x00\x00\x01")
	}, []got{{TypeUserControl, 2, 0, "\x00\x06\x00\x00\x00\x01"}}, Stats{})
}

func TestRow19_FirstChunkOfType2Or3IsRefused(t *testing.T) {
	for _, format := range []byte{2, 3} {
		var w wire
		w.basic(format, 5)
		w.u32(0)
		_, err := readAll(NewReader(&w, 64, wide))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Problem, "chunk stream 5 begins with a header of type") {
			t.Errorf("type %d: err = %v, want one that names the chunk stream", format, err)
		}
	}
}

func TestRow20_HeaderInTheMiddleOfAMessageAbandonsIt(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 6, 10, 200, TypeVideo)
		w.text(strings.Repeat("a", 128))
		w.head(0, 6, 50, 3, TypeVideo)
		w.text("new")
		w.head(0, 6, 60, 200, TypeVideo)
		w.text(strings.Repeat("a", 128))
		w.head(1, 6, 10, 2, TypeVideo)
		w.text("ok")
	}, []got{{TypeVideo, 6, 50, "new"}, {TypeVideo, 6, 70, "ok"}}, Stats{Aborted: 2})
}

func TestRow21_ExtendedTimestampOnType3IsReadWhenPresent(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 6, 17_000_000, 300, TypeVideo)
		w.text(strings.Repeat("a", 128))
		w.basic(3, 6)
		w.u32(17_000_000)
		w.text(strings.Repeat("b", 128))
		w.basic(3, 6)
		w.u32(17_000_000)
		w.text(strings.Repeat("c", 44))
	}, []got{{TypeVideo, 6, 17_000_000, strings.Repeat("a", 128) + strings.Repeat("b", 128) + strings.Repeat("c", 44)}}, Stats{})
}

func TestRow21_ExtendedTimestampOnType3MayBeMissing(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 6, 17_000_000, 130, TypeVideo)
		w.text(strings.Repeat("a", 128))
		w.basic(3, 6)
		w.text("bb") // shorter than a timestamp, and the last bytes of all
	}, []got{{TypeVideo, 6, 17_000_000, strings.Repeat("a", 128) + "bb"}}, Stats{})
}

func TestRow22_ExtendedDeltaIsADeltaUnlessItIsTheTime(t *testing.T) {
	back := ^uint32(0) - 19 // 20 ms back
	check(t, func(w *wire) {
		w.head(0, 6, 17_000_000, 1, TypeVideo)
		w.text("a")
		w.head(1, 6, 17_000_040, 1, TypeVideo) // the time
		w.text("b")
		w.head(1, 6, 20_000_000, 1, TypeVideo) // a delta
		w.text("c")
		w.head(0, 4, 1000, 1, TypeAudio)
		w.text("d")
		w.head(2, 4, back, 0, 0)
		w.text("e")
	}, []got{
		{TypeVideo, 6, 17_000_000, "a"},
		{TypeVideo, 6, 17_000_040, "b"},
		{TypeVideo, 6, 37_000_040, "c"},
		{TypeAudio, 4, 1000, "d"},
		{TypeAudio, 4, 980, "e"},
	}, Stats{})
}

func TestRow23_ClockPasses24And32Bits(t *testing.T) {
	check(t, func(w *wire) {
		for _, at := range []uint32{0xFFFFFE, 0xFFFFFF, 0x1000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF} {
			w.head(0, 6, at, 1, TypeVideo)
			w.text("x")
		}
		w.head(1, 6, 33, 1, TypeVideo)
		w.text("y")
	}, []got{
		{TypeVideo, 6, 0xFFFFFE, "x"},
		{TypeVideo, 6, 0xFFFFFF, "x"},
		{TypeVideo, 6, 0x1000000, "x"},
		{TypeVideo, 6, 0x7FFFFFFF, "x"},
		{TypeVideo, 6, 0x80000000, "x"},
		{TypeVideo, 6, 0xFFFFFFFF, "x"},
		{TypeVideo, 6, 32, "y"},
	}, Stats{})
}

func TestRow24_ChunkStreamIDsOfTwoAndThreeBytes(t *testing.T) {
	check(t, func(w *wire) {
		for _, id := range []int{2, 63, 64, 319, 320, 65599} {
			w.head(0, id, 1, 130, TypeAudio)
			w.text(strings.Repeat("a", 128))
		}
		for _, id := range []int{2, 63, 64, 319, 320, 65599} {
			w.basic(3, id)
			w.text("bb")
		}
	}, func() (want []got) {
		for _, id := range []uint32{2, 63, 64, 319, 320, 65599} {
			want = append(want, got{TypeAudio, id, 1, strings.Repeat("a", 128) + "bb"})
		}
		return want
	}(), Stats{})
}

func TestRow25_AudioAndVideoShareAChunkStream(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 4, 0, 1, TypeVideo)
		w.text("v")
		w.head(1, 4, 5, 2, TypeAudio)
		w.text("aa")
		w.head(1, 4, 5, 1, TypeVideo)
		w.text("w")
	}, []got{{TypeVideo, 4, 0, "v"}, {TypeAudio, 4, 5, "aa"}, {TypeVideo, 4, 10, "w"}}, Stats{})
}

func TestReader_DropsAbortedMessages(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 6, 10, 200, TypeVideo)
		w.text(strings.Repeat("a", 128))
		for _, id := range []uint32{6, 6, 99} { // twice, and an unused one
			w.head(0, 2, 0, 4, TypeAbort)
			w.u32(id)
		}
		w.head(0, 6, 50, 3, TypeVideo)
		w.text("new")
	}, []got{{TypeVideo, 6, 50, "new"}}, Stats{Aborted: 1})
}

func TestReader_AssemblesInterleavedMessages(t *testing.T) {
	check(t, func(w *wire) {
		w.head(0, 6, 10, 200, TypeVideo)
		w.text(strings.Repeat("v", 128))
		w.head(0, 4, 11, 130, TypeAudio)
		w.text(strings.Repeat("a", 128))
		w.basic(3, 6)
		w.text(strings.Repeat("v", 72))
		w.basic(3, 4)
		w.text("aa")
	}, []got{{TypeVideo, 6, 10, strings.Repeat("v", 200)}, {TypeAudio, 4, 11, strings.Repeat("a", 130)}}, Stats{})
}

func TestReader_SetLimitsKeepsTheBuffer(t *testing.T) {
	var w wire
	w.head(0, 3, 0, 2, TypeCommandAMF0)
	w.text("ab")
	w.head(0, 6, 0, 100_000, TypeVideo)
	w.text("cd")
	r := NewReader(bytes.NewReader(w.Bytes()), 64, Limits{MessageSize: 64 << 10, ChunkStreams: 8})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	r.SetLimits(128, wide)
	if _, err := r.Next(); err != io.ErrUnexpectedEOF {
		t.Errorf("err = %v, want an end inside the large message", err)
	}
}

func TestReader_ReportsASourceThatReturnsNothing(t *testing.T) {
	if _, err := NewReader(silent{}, 64, wide).Next(); err != io.ErrNoProgress {
		t.Errorf("err = %v, want io.ErrNoProgress", err)
	}
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestAppend_PanicsOnAnInvalidChunkStream(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Append did not panic")
		}
	}()
	Append(nil, Message{ChunkStream: 64}, 128)
}
