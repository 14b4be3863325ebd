package flv_test

import (
	"encoding/hex"
	"testing"

	"golive/container/flv"
)

// benchBody returns a 20 kB picture in four slices, as an encoder sends it at
// 5 Mbit/s.
func benchBody(t testing.TB) []byte {
	slice := make([]byte, 5000)
	slice[0] = 0x41
	s := hex.EncodeToString(slice)
	return frame(nals(t, 4, sei, s, s, s, s))
}

func TestDemuxer_AllocatesNothingPerUnit(t *testing.T) {
	d := configured(t)
	body := benchBody(t)
	if n := testing.AllocsPerRun(100, func() { unit(t, d, 0, body) }); n != 0 {
		t.Errorf("%v allocations for a video unit, want 0", n)
	}
	key := frame(nals(t, 4, spsLarge, ppsLarge, idr))
	if n := testing.AllocsPerRun(100, func() { unit(t, d, 0, key) }); n > 2 {
		t.Errorf("%v allocations for a key frame that repeats its parameter sets, want at most 2", n)
	}
}

func BenchmarkDemuxer_Video(b *testing.B) {
	d := flv.NewDemuxer()
	feed(b, d, config(large(b)))
	body := benchBody(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := d.Video(0, body); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
