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

func TestDemuxer_AllocatesNothingPerUnitOfOtherCodecs(t *testing.T) {
	d := flv.NewDemuxer()
	for name, c := range map[string]struct {
		video        bool
		config, unit []byte
	}{
		"HEVC": {video: true, config: hvc1(t, 0, hevcRecord(t)), unit: hvc1(t, 3, nals(t, 4, hevcAUD, "4e0104008000", hevcTrail, hevcTrail))},
		"AV1":  {video: true, config: av01(t, 0, av1Record), unit: av01(t, 1, av1Delim, av1Header, av1Metadata, av1Key)},
		"Opus": {config: enhancedAudio(t, "Opus", 0, opusStereo), unit: enhancedAudio(t, "Opus", 1, opus20ms)},
		"MP3":  {config: []byte{0x2f}, unit: append([]byte{0x2f}, mp3Frame()...)},
	} {
		read := d.Audio
		if c.video {
			read = d.Video
		}
		if _, ok, err := read(0, c.config); ok || err != nil {
			t.Fatalf("%s: %v, %v", name, ok, err)
		}
		n := testing.AllocsPerRun(100, func() {
			if _, ok, err := read(0, c.unit); !ok || err != nil {
				t.Fatalf("%s: %v, %v", name, ok, err)
			}
		})
		if n != 0 {
			t.Errorf("%v allocations for a unit of %s, want 0", n, name)
		}
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
