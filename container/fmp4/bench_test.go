package fmp4

import (
	"bytes"
	"testing"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"

	"golive/media"
)

// The benchmarks compare the Muxer with the fragment writers of mp4ff and mediacommon. Those get
// the samples' bytes, which the Muxer makes from units. All keep the slabs for as long as a live
// window does: on an empty heap the benchmarks would measure the garbage collector.

func BenchmarkPart250ms(b *testing.B) {
	v, a := h264Track(4), aacTrack(48000, 2)
	const videoSize, audioSize = 18_500, 340 // 4.5 Mbit/s at 30 Hz, and 128 kbit/s
	benchmark(b, v, a, arrived(interleaved(v, a, 0, 250*media.Millisecond, 30, videoSize, audioSize)))
}

func BenchmarkVideoUnit20kB(b *testing.B) {
	v := h264Track(4)
	benchmark(b, v, nil, arrived([]media.AccessUnit{slice(v, 0, false, 20_000)}))
}

func BenchmarkAudioRun(b *testing.B) {
	a := aacTrack(48000, 2)
	var units []media.AccessUnit
	for i := range 6 {
		units = append(units, frame(a, media.Ticks(i)*1920, 340))
	}
	benchmark(b, nil, a, arrived(units))
}

func benchmark(b *testing.B, v, a *media.Track, units []media.AccessUnit) {
	b.Helper()
	times := timesOf(v != nil, [][]media.AccessUnit{units})
	m := NewMuxer()
	slab := m.Part(v, a, units, times[0], times[1])
	var kept window
	b.Run("golive", func(b *testing.B) {
		b.SetBytes(int64(len(slab)))
		b.ReportAllocs()
		for b.Loop() {
			kept.keep(m.Part(v, a, units, times[0], times[1]))
		}
	})
	// The other writers get the samples that the Muxer has planned.
	payloads := make(map[*sample][]byte)
	for _, r := range []*run{&m.video, &m.audio} {
		for i := range r.samples {
			u := &units[r.samples[i].unit]
			if payloads[&r.samples[i]] = u.Data; u.Track.Video() {
				payloads[&r.samples[i]] = bytes.Join(appendPicture(nil, u), nil)
			}
		}
	}
	b.Run("mp4ff", func(b *testing.B) {
		b.SetBytes(int64(len(slab)))
		b.ReportAllocs()
		for b.Loop() {
			kept.keep(mp4ffPart(b, m, units, payloads))
		}
	})
	b.Run("mediacommon", func(b *testing.B) {
		b.SetBytes(int64(len(slab)))
		b.ReportAllocs()
		for b.Loop() {
			kept.keep(mediacommonPart(b, m, payloads))
		}
	})
}

// window holds the slabs of the last 30 s.
type window struct {
	slabs [120][]byte
	next  int
}

func (w *window) keep(slab []byte) {
	w.slabs[w.next] = slab
	w.next = (w.next + 1) % len(w.slabs)
}

// mp4ffPart writes the samples that m has planned with mp4ff.
func mp4ffPart(b *testing.B, m *Muxer, units []media.AccessUnit, payloads map[*sample][]byte) []byte {
	b.Helper()
	var ids []uint32
	for _, r := range []*run{&m.video, &m.audio} {
		if len(r.samples) > 0 {
			ids = append(ids, r.track)
		}
	}
	f, err := mp4.CreateMultiTrackFragment(m.sequence, ids)
	if err != nil {
		b.Fatal(err)
	}
	f.Mdat.Data = make([]byte, 0, m.video.size+m.audio.size)
	for _, r := range []*run{&m.video, &m.audio} {
		at := r.base
		for i := range r.samples {
			s := &r.samples[i]
			if err := f.AddFullSampleToTrack(mp4.FullSample{
				Sample: mp4.NewSample(s.flags, s.duration, s.size, s.composition), DecodeTime: uint64(at), Data: payloads[s],
			}, r.track); err != nil {
				b.Fatal(err)
			}
			at += int64(s.duration)
		}
	}
	first, arrived := m.reference(m.video.size > 0, units)
	prft := mp4.CreatePrftBox(1, 1, first.track, mp4.NewNTP64(float64(arrived.UnixNano())/1e9), uint64(first.at))
	w := bits.NewFixedSliceWriter(int(prft.Size() + f.Size()))
	if err := prft.EncodeSW(w); err != nil {
		b.Fatal(err)
	}
	if err := f.EncodeSW(w); err != nil {
		b.Fatal(err)
	}
	return w.Bytes()
}

// mediacommonPart writes the samples that m has planned with mediacommon, which has no prft.
func mediacommonPart(b *testing.B, m *Muxer, payloads map[*sample][]byte) []byte {
	b.Helper()
	part := fmp4.Part{SequenceNumber: m.sequence}
	for _, r := range []*run{&m.video, &m.audio} {
		if len(r.samples) == 0 {
			continue
		}
		track := &fmp4.PartTrack{ID: int(r.track), BaseTime: uint64(r.base)}
		for i := range r.samples {
			s := &r.samples[i]
			track.Samples = append(track.Samples, &fmp4.Sample{
				Duration: s.duration, PTSOffset: s.composition, IsNonSyncSample: s.flags&isNoSync != 0, Payload: payloads[s],
			})
		}
		part.Tracks = append(part.Tracks, track)
	}
	var out seekablebuffer.Buffer
	if err := part.Marshal(&out); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
