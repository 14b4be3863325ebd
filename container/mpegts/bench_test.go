package mpegts

import (
	"bytes"
	"context"
	"testing"

	"github.com/asticode/go-astits"

	"golive/codec/aac"
	"golive/media"
)

// The benchmarks compare the Muxer with that of go-astits, which gets a slab of the right size and
// the Annex B and ADTS bytes, which ours makes from units. Both keep the slabs for as long as a live
// window does: on an empty heap the benchmarks would measure the garbage collector.

func BenchmarkVideoUnit20kB(b *testing.B) {
	v := videoTrack(4)
	benchmark(b, v, nil, []media.AccessUnit{slice(v, 0, false, 20_000)})
}

func BenchmarkAudioRun(b *testing.B) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	var units []media.AccessUnit
	for i := range 6 {
		units = append(units, frame(a, media.Ticks(i)*1920, 340))
	}
	benchmark(b, v, a, units)
}

func BenchmarkPart250ms(b *testing.B) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	const videoSize, audioSize = 18_500, 340 // 4.5 Mbit/s at 30 Hz, and 128 kbit/s
	benchmark(b, v, a, interleaved(v, a, 0, 250*media.Millisecond, 30, videoSize, audioSize))
}

func benchmark(b *testing.B, v, a *media.Track, units []media.AccessUnit) {
	b.Helper()
	b.Run("golive", func(b *testing.B) {
		m := NewMuxer()
		var kept window
		b.SetBytes(int64(len(pack(m, v, a, units))))
		b.ReportAllocs()
		end := endOf(v != nil, units)
		for b.Loop() {
			kept.keep(mustBegin(m).Part(v, a, units, 0, end))
		}
	})
	b.Run("astits", func(b *testing.B) {
		benchmarkAstits(b, v, a, units)
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

// benchmarkAstits writes the PES packets that the Muxer plans for the units.
func benchmarkAstits(b *testing.B, v, a *media.Track, units []media.AccessUnit) {
	b.Helper()
	var out bytes.Buffer
	m := astits.NewMuxer(context.Background(), &out)
	for _, s := range []struct {
		track *media.Track
		pid   uint16
		kind  astits.StreamType
	}{{v, videoPID, astits.StreamTypeH264Video}, {a, audioPID, astits.StreamTypeAACAudio}} {
		if s.track == nil {
			continue
		}
		if err := m.AddElementaryStream(astits.PMTElementaryStream{ElementaryPID: s.pid, StreamType: s.kind}); err != nil {
			b.Fatal(err)
		}
	}
	m.SetPCRPID(videoPID)

	plan := NewMuxer()
	plan.makePlan(v != nil, a != nil, units)
	payloads := make([][]byte, len(plan.plan))
	for i, p := range plan.plan {
		for _, u := range units[p.first:p.end] {
			switch {
			case p.isVideo:
				payloads[i] = annexB(u)
			case u.Track.Codec == media.AAC:
				payloads[i] = append(aac.AppendADTSHeader(payloads[i], 2, 48000, 2, len(u.Data)), u.Data...)
			}
		}
	}
	var kept window
	size := 0
	write := func() {
		out = *bytes.NewBuffer(make([]byte, 0, size))
		if _, err := m.WriteTables(); err != nil {
			b.Fatal(err)
		}
		for i := range plan.plan {
			if _, err := m.WriteData(astitsData(&plan.plan[i], payloads[i])); err != nil {
				b.Fatal(err)
			}
		}
		kept.keep(out.Bytes())
	}
	write()
	size = out.Len()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		write()
	}
}

// astitsData returns p in the form that astits takes.
func astitsData(p *pes, payload []byte) *astits.MuxerData {
	d := &astits.MuxerData{PID: audioPID, PES: &astits.PESData{Data: payload, Header: &astits.PESHeader{
		StreamID: audioStreamID,
		OptionalHeader: &astits.PESOptionalHeader{
			MarkerBits: 2, PTSDTSIndicator: astits.PTSDTSIndicatorOnlyPTS, PTS: &astits.ClockReference{Base: onWire(p.pts)},
		},
	}}}
	if p.isVideo {
		d.PID = videoPID
		d.PES.Header.StreamID = videoStreamID
	}
	if p.pcr {
		d.AdaptationField = &astits.PacketAdaptationField{HasPCR: true, PCR: &astits.ClockReference{Base: onWire(p.dts - pcrLag)}}
	}
	return d
}
