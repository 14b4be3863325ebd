package mpegts

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/codec/h264"
	"golive/media"
)

var update = flag.Bool("update", false, "write the golden files")

func TestPart_IsByteForByteAsRecorded(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	withB := slice(v, 6000, false, 300)
	withB.PTS += 6000
	for _, c := range []struct {
		name         string
		video, audio *media.Track
		parts        [][]media.AccessUnit
	}{
		{"video_audio", v, a, [][]media.AccessUnit{
			{slice(v, 0, true, 700), frame(a, 0, 60), frame(a, 1890, 61), slice(v, 3000, false, 170), withB, frame(a, 3870, 62)},
			{slice(v, 9000, false, 10), frame(a, 5760, 63)},
		}},
		{"video", v, nil, [][]media.AccessUnit{{slice(v, 0, true, 200), slice(v, 3000, false, 148)}}},
		{"audio", nil, a, [][]media.AccessUnit{{frame(a, 0, 100), frame(a, 1920, 100)}, {frame(a, 3840, 100)}}},
		{"empty", v, a, [][]media.AccessUnit{nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := NewMuxer()
			var got []byte
			for _, units := range c.parts {
				got = append(got, m.Part(c.video, c.audio, units)...)
			}
			file := filepath.Join("testdata", c.name+".ts")
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s; look at it with a TS analyser, then run with -update", file)
			}
		})
	}
}

func TestPart_HoldsARealStream(t *testing.T) {
	v, a, units := sample(t)
	if v.Width != 160 || v.Height != 90 || a.SampleRate != 48000 || len(units) < 140 {
		t.Fatalf("sample is %dx%d, %d Hz, %d units", v.Width, v.Height, a.SampleRate, len(units))
	}
	m := NewMuxer()
	var parts [][]byte
	for rest := units; len(rest) > 0; {
		n := min(18, len(rest)) // some 250 ms
		parts = append(parts, m.Part(v, a, rest[:n]))
		rest = rest[n:]
	}
	s := readParts(t, parts...)
	s.checkUnits(t, units)
	if len(s.pmts) != len(parts) {
		t.Errorf("%d PMTs in %d parts", len(s.pmts), len(parts))
	}
}

func TestPart_StuffsEverySizeRight(t *testing.T) {
	v, a := videoTrack(4), audioTrack(44100, 1)
	m := NewMuxer()
	var parts [][]byte
	var all []media.AccessUnit
	for size := 1; size <= packetSize+20; size++ {
		at := media.Ticks(size) * media.Second
		withB := slice(v, at+3000, false, size)
		withB.PTS += 3000
		units := []media.AccessUnit{slice(v, at, size%3 == 0, size), frame(a, at, size), withB}
		parts = append(parts, m.Part(v, a, units))
		all = append(all, units...)
	}
	s := readParts(t, parts...)
	s.checkUnits(t, all)
}

func TestPart_TellsThePESLengthWhileItFits(t *testing.T) {
	v := videoTrack(4)
	for _, c := range []struct {
		size int // the largest NAL unit that fits beside header, delimiter and start code
		want uint16
	}{{100, 118}, {65517, 65535}, {65518, 0}, {70_000, 0}} {
		units := []media.AccessUnit{slice(v, 0, false, c.size)}
		part := NewMuxer().Part(v, nil, units)
		s := readParts(t, part)
		s.checkUnits(t, units)
		header := part[2*packetSize+headerSize:]
		header = header[1+int(header[0]):] // behind the adaptation field
		if got := binary.BigEndian.Uint16(header[4:]); got != c.want {
			t.Errorf("slice of %d bytes: PES_packet_length %d, want %d", c.size, got, c.want)
		}
	}
}

func TestPart_CarriesAudioUpToTheADTSLimit(t *testing.T) {
	a := audioTrack(48000, 8)
	units := []media.AccessUnit{
		frame(a, 0, 8184), frame(a, 1920, 8185), frame(a, 3840, 1), frame(a, 5760, 0),
	}
	s := readParts(t, NewMuxer().Part(nil, a, units))
	s.checkUnits(t, units)
}

func TestPart_KeepsAudioInsideAPESLength(t *testing.T) {
	v, a := videoTrack(4), audioTrack(96000, 8) // 15 frames in 170 ms
	var units []media.AccessUnit
	for i := range 10 {
		units = append(units, frame(a, media.Ticks(i)*960, 8000))
	}
	s := readParts(t, NewMuxer().Part(v, a, units))
	s.checkUnits(t, units)
}

func TestPart_GathersAudio(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	units := programme(v, a, 0, 250*media.Millisecond, 30, 1000, 200)
	s := readParts(t, NewMuxer().Part(v, a, units))
	s.checkUnits(t, units)
	if len(s.audio) != 2 {
		t.Errorf("250 ms of audio took %d PES packets, want 2", len(s.audio))
	}
}

func TestPart_BeginsAnAudioPESAtAHole(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	b := audioTrack(48000, 2)
	for _, c := range []struct {
		name string
		next media.AccessUnit
		want int
	}{
		{"none", frame(a, 1920, 50), 1},
		{"rounded down", frame(a, 1920-90, 50), 1},
		{"rounded up", frame(a, 1920+180, 50), 1},
		{"3 ms late", frame(a, 1920+270, 50), 2},
		{"3 ms early", frame(a, 1920-270, 50), 2},
		{"a frame lost", frame(a, 3840, 50), 2},
		{"another track", frame(b, 1920, 50), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := readParts(t, NewMuxer().Part(v, a, []media.AccessUnit{frame(a, 0, 50), c.next}))
			if len(s.audio) != c.want {
				t.Errorf("%d PES packets, want %d", len(s.audio), c.want)
			}
		})
	}
}

func TestPart_BearsATrackWithoutASampleRate(t *testing.T) {
	v, a := videoTrack(4), audioTrack(0, 2)
	units := []media.AccessUnit{frame(a, 0, 50), frame(a, 1920, 50), slice(v, 0, true, 50), frame(a, 3840, 50)}
	s := readParts(t, NewMuxer().Part(v, a, units))
	if len(s.audio) != 3 || len(s.video) != 1 {
		t.Errorf("%d audio PES packets and %d pictures, want 3 and 1", len(s.audio), len(s.video))
	}
}

func TestPart_NeverLetsTheClockPassTheAudio(t *testing.T) {
	for _, fps := range []int{5, 10, 24, 30, 60} {
		for _, rate := range []int{8000, 22050, 44100, 48000} {
			v, a := videoTrack(4), audioTrack(rate, 2)
			m := NewMuxer()
			var parts [][]byte
			for i := range 8 {
				const length = 250 * media.Millisecond
				parts = append(parts, m.Part(v, a, programme(v, a, media.Ticks(i)*length, length, fps, 1000, 200)))
			}
			s := readParts(t, parts...)
			for i, p := range s.starts {
				// What is left of the lag is what the wire may bring it late.
				if lead := int64(p.pts) - p.clock; lead < int64(250*media.Millisecond) {
					t.Errorf("%d fps, %d Hz: PES %d of PID %#x comes %d ticks before its time", fps, rate, i, p.pid, lead)
				}
			}
		}
	}
}

func TestPart_TellsTheClockAtEveryPicture(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	units := programme(v, a, 0, 250*media.Millisecond, 25, 1000, 200)
	s := readParts(t, NewMuxer().Part(v, a, units))
	pictures := 0
	for _, p := range s.starts {
		if p.pid == audioPID {
			if p.hasPCR {
				t.Error("audio carries a PCR next to video")
			}
			continue
		}
		if want := onWire(units[0].DTS+media.Ticks(pictures)*3600) - 45_000; !p.hasPCR || p.clock != want {
			t.Errorf("picture %d: PCR %d, want %d", pictures, p.clock, want)
		}
		if p.randomAccess != (pictures == 0) {
			t.Errorf("picture %d: random access is %t", pictures, p.randomAccess)
		}
		pictures++
	}
	if s.pmts[0].PCRPID != videoPID {
		t.Errorf("PMT names PID %#x for the PCR", s.pmts[0].PCRPID)
	}
}

func TestPart_TellsTheClockWithAudioAlone(t *testing.T) {
	a := audioTrack(48000, 2)
	var units []media.AccessUnit
	for i := range 12 {
		units = append(units, frame(a, media.Ticks(i)*1920, 100))
	}
	s := readParts(t, NewMuxer().Part(nil, a, units))
	s.checkUnits(t, units)
	last := int64(-1)
	for i, p := range s.starts {
		if !p.hasPCR || !p.randomAccess || p.clock != int64(p.pts)-45_000 {
			t.Errorf("PES %d: PCR %d at PTS %d", i, p.clock, p.pts)
		}
		if last >= 0 && p.clock-last > 9000 {
			t.Errorf("PES %d: %d ticks since the last PCR, at most 100 ms are allowed", i, p.clock-last)
		}
		last = p.clock
	}
	if s.pmts[0].PCRPID != audioPID {
		t.Errorf("PMT names PID %#x for the PCR", s.pmts[0].PCRPID)
	}
}

func TestPart_WrapsTheClockAt33Bits(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	const wrap = media.Ticks(1) << 33
	for _, from := range []media.Ticks{
		wrap - clockOffset - 9000,          // PTS wraps
		wrap - clockOffset + pcrLag - 9000, // PCR wraps
		5*wrap - clockOffset,
		-clockOffset - 9000, // before time 0
	} {
		units := programme(v, a, from, 250*media.Millisecond, 30, 500, 100)
		for i := range units {
			if units[i].Track == v {
				units[i].PTS += 6000
			}
		}
		s := readParts(t, NewMuxer().Part(v, a, units))
		s.checkUnits(t, units)
		for _, p := range s.starts {
			if lead := (int64(p.pts) - p.clock) & (1<<33 - 1); lead > int64(media.Second) {
				t.Errorf("from %d: PTS %d at PCR %d", from, p.pts, p.clock)
			}
		}
	}
}

func TestPart_MarksADiscontinuityOnce(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	for _, c := range []struct {
		name string
		unit int
	}{{"at a picture", 0}, {"at audio", 1}} {
		t.Run(c.name, func(t *testing.T) {
			m := NewMuxer()
			m.Part(v, a, programme(v, a, 0, 250*media.Millisecond, 30, 500, 100))
			units := programme(v, a, 90*media.Second, 250*media.Millisecond, 30, 500, 100)
			units[c.unit].Discontinuity = true
			s := readParts(t, m.Part(v, a, units))
			var marked []int
			for i, p := range s.starts {
				if p.discontinuity {
					marked = append(marked, i)
				}
			}
			if want := []int{c.unit}; !slices.Equal(marked, want) {
				t.Errorf("marked PES packets %v, want %v", marked, want)
			}
		})
	}
}

func TestPart_ChangesTheTableVersionWithTheStreams(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	m := NewMuxer()
	s := readParts(t,
		m.Part(v, nil, nil), m.Part(videoTrack(2), nil, nil), m.Part(v, a, nil), m.Part(nil, a, nil), m.Part(nil, a, nil))
	if want := []uint8{0, 0, 1, 2, 2}; !slices.Equal(s.pmtVersions, want) {
		t.Errorf("versions %v, want %v", s.pmtVersions, want)
	}
	var streams [][]uint16
	for _, p := range s.pmts {
		var types []uint16
		for _, e := range p.ElementaryStreams {
			types = append(types, uint16(e.StreamType), e.ElementaryPID)
		}
		streams = append(streams, types)
	}
	video, audio := []uint16{0x1b, 0x100}, []uint16{0x0f, 0x101}
	if diff := cmp.Diff([][]uint16{video, video, {0x1b, 0x100, 0x0f, 0x101}, audio, audio}, streams); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
}

func TestPart_WritesDelimiterAndParameterSetsOnce(t *testing.T) {
	v := videoTrack(4)
	const key, idr = true, byte(h264.IDR)
	aud, sei := []byte{0x09, 0x10}, nal(byte(h264.SEI), 20)
	sps, pps := nal(byte(h264.SPS), 12), nal(byte(h264.PPS), 5)
	for _, c := range []struct {
		name string
		key  bool
		nals [][]byte
		want []byte // the NAL unit types
	}{
		{"key", key, [][]byte{sei, nal(idr, 30)}, []byte{9, 7, 8, 8, 6, 5}},
		{"not key", false, [][]byte{nal(1, 30)}, []byte{9, 1}},
		{"OBS and GStreamer: all in band", key, [][]byte{aud, sps, pps, sei, nal(idr, 30)}, []byte{9, 7, 8, 6, 5}},
		{"delimiter in band", key, [][]byte{aud, nal(idr, 30)}, []byte{9, 7, 8, 8, 5}},
		{"delimiter in the middle", key, [][]byte{sps, pps, aud, nal(idr, 30)}, []byte{9, 7, 8, 5}},
		{"two delimiters", false, [][]byte{aud, nal(1, 30), aud, nal(1, 31)}, []byte{9, 1, 1}},
		{"SPS without PPS", key, [][]byte{sps, nal(idr, 30)}, []byte{9, 7, 8, 8, 7, 5}},
		{"empty NAL units", false, [][]byte{{}, nal(1, 30), {}}, []byte{9, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			units := []media.AccessUnit{{Track: v, Key: c.key, Data: nals(4, c.nals...)}}
			s := readParts(t, NewMuxer().Part(v, nil, units))
			s.checkUnits(t, units)
			var types []byte
			for _, n := range bytes.Split(s.video[0].Data, []byte{0, 0, 0, 1})[1:] {
				types = append(types, n[0]&0x1f)
			}
			if !bytes.Equal(types, c.want) {
				t.Errorf("NAL unit types %v, want %v", types, c.want)
			}
		})
	}
}

func TestPart_LeavesOutWhatCannotBeDecoded(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	whole := nals(4, nal(1, 30))
	units := []media.AccessUnit{
		{Track: v, Data: nil},
		{Track: v, Data: []byte{0, 0}},
		{Track: v, Data: []byte{0xff, 0xff, 0xff, 0xff, 1, 2, 3}},
		{Track: v, Data: nals(4, []byte{0x09, 0xf0})},
		{Track: v, DTS: 3000, PTS: 3000, Data: append(whole, 0, 0, 1, 0, 0x41)},
		{Track: a, Data: nil},
	}
	s := readParts(t, NewMuxer().Part(v, a, units))
	s.checkUnits(t, units)
	if len(s.video) != 1 || len(s.audio) != 0 {
		t.Errorf("%d pictures and %d audio PES packets, want 1 and 0", len(s.video), len(s.audio))
	}
}

func TestPart_PanicsAtAUnitOfAnAbsentTrack(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	for name, part := range map[string]func(){
		"video": func() { NewMuxer().Part(nil, a, []media.AccessUnit{slice(v, 0, true, 10)}) },
		"audio": func() { NewMuxer().Part(v, nil, []media.AccessUnit{frame(a, 0, 10)}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			part()
		})
	}
}

func TestPart_AllocatesOnce(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	units := programme(v, a, 0, 250*media.Millisecond, 30, 20_000, 300)
	m := NewMuxer()
	m.Part(v, a, units) // the plan grows to its size
	if n := testing.AllocsPerRun(100, func() { m.Part(v, a, units) }); n != 1 {
		t.Errorf("%v allocations, want 1", n)
	}
}

func TestPart_SharesNoBytesWithTheUnits(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	units := []media.AccessUnit{slice(v, 0, true, 500), frame(a, 0, 100)}
	part := NewMuxer().Part(v, a, units)
	before := bytes.Clone(part)
	for _, u := range units {
		clear(u.Data)
	}
	if !bytes.Equal(part, before) {
		t.Error("the part changed with the units")
	}
}
