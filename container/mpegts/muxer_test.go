package mpegts

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/media"
)

var update = flag.Bool("update", false, "write the golden files")

func TestPart_EqualsTheGoldenFiles(t *testing.T) {
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
				got = append(got, pack(m, c.video, c.audio, units)...)
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
				t.Errorf("the bytes differ from %s; inspect them with a TS analyser, then run with -update", file)
			}
		})
	}
}

func TestPart_MuxesARealStream(t *testing.T) {
	v, a, units := sample(t)
	if v.Width != 160 || v.Height != 90 || a.SampleRate != 48000 || len(units) < 140 {
		t.Fatalf("sample is %dx%d, %d Hz, %d units", v.Width, v.Height, a.SampleRate, len(units))
	}
	m := NewMuxer()
	var parts [][]byte
	for rest := units; len(rest) > 0; {
		n := min(18, len(rest)) // some 250 ms
		parts = append(parts, pack(m, v, a, rest[:n]))
		rest = rest[n:]
	}
	s := readParts(t, parts...)
	s.checkUnits(t, units)
	if len(s.pmts) != len(parts) {
		t.Errorf("%d PMTs in %d parts, want one each", len(s.pmts), len(parts))
	}
}

func TestPart_PadsUnitsOfEverySize(t *testing.T) {
	v, a := videoTrack(4), audioTrack(44100, 1)
	m := NewMuxer()
	var parts [][]byte
	var all []media.AccessUnit
	for size := 1; size <= packetSize+20; size++ {
		at := media.Ticks(size) * media.Second
		withB := slice(v, at+3000, false, size)
		withB.PTS += 3000
		units := []media.AccessUnit{slice(v, at, size%3 == 0, size), frame(a, at, size), withB}
		parts = append(parts, pack(m, v, a, units))
		all = append(all, units...)
	}
	s := readParts(t, parts...)
	s.checkUnits(t, all)
}

func TestPart_PCRNeverPassesTheAudio(t *testing.T) {
	const length = 250 * media.Millisecond
	for _, fps := range []int{5, 10, 24, 30, 60} {
		for _, rate := range []int{8000, 22050, 44100, 48000} {
			v, a := videoTrack(4), audioTrack(rate, 2)
			m := NewMuxer()
			var parts [][]byte
			for i := range 4 {
				parts = append(parts, pack(m, v, a, interleaved(v, a, media.Ticks(i)*length, length, fps, 1000, 200)))
			}
			// In the last part the audio ends after one frame.
			units := interleaved(v, a, 4*length, length, fps, 1000, 200)
			first := slices.IndexFunc(units, func(u media.AccessUnit) bool { return u.Track == a })
			units = slices.Concat(units[:first+1], slices.DeleteFunc(units[first+1:], func(u media.AccessUnit) bool { return u.Track == a }))
			parts = append(parts, pack(m, v, a, units))

			s := readParts(t, parts...)
			for i, p := range s.starts {
				// The rest of the lag is for units that arrive late.
				if lead := int64(p.pts) - p.clock; lead < int64(pcrLag-runTarget) {
					t.Errorf("%d fps, %d Hz: PES %d of PID %#x is %d ticks before its time, want %d at least", fps, rate, i, p.pid, lead, pcrLag-runTarget)
				}
			}
		}
	}
}

func TestPart_EveryPictureCarriesAPCR(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	units := interleaved(v, a, 0, 250*media.Millisecond, 25, 1000, 200)
	s := readParts(t, pack(NewMuxer(), v, a, units))
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
		t.Errorf("the PCR PID of the PMT is %#x", s.pmts[0].PCRPID)
	}
}

func TestPart_AudioCarriesThePCRWithoutVideo(t *testing.T) {
	a := audioTrack(48000, 2)
	var units []media.AccessUnit
	for i := range 12 {
		units = append(units, frame(a, media.Ticks(i)*1920, 100))
	}
	s := readParts(t, pack(NewMuxer(), nil, a, units))
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
		t.Errorf("the PCR PID of the PMT is %#x", s.pmts[0].PCRPID)
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
		units := interleaved(v, a, from, 250*media.Millisecond, 30, 500, 100)
		for i := range units {
			if units[i].Track == v {
				units[i].PTS += 6000
			}
		}
		s := readParts(t, pack(NewMuxer(), v, a, units))
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
			pack(m, v, a, interleaved(v, a, 0, 250*media.Millisecond, 30, 500, 100))
			units := interleaved(v, a, 90*media.Second, 250*media.Millisecond, 30, 500, 100)
			units[c.unit].Discontinuity = true
			s := readParts(t, pack(m, v, a, units))
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

func TestPart_WritesJoinedAudioBeforeADiscontinuity(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	back := slice(v, -90*media.Second, true, 50)
	back.Discontinuity = true
	s := readParts(t, pack(NewMuxer(), v, a, []media.AccessUnit{slice(v, 0, true, 50), frame(a, 0, 50), back}))
	var pids []uint16
	for _, p := range s.starts {
		pids = append(pids, p.pid)
	}
	if want := []uint16{videoPID, audioPID, videoPID}; !slices.Equal(pids, want) {
		t.Errorf("PIDs %#x, want %#x", pids, want)
	}
}

func TestPart_ChangesTheTableVersionWithTheStreams(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	m := NewMuxer()
	s := readParts(t,
		pack(m, v, nil, nil), pack(m, videoTrack(2), nil, nil), pack(m, v, a, nil), pack(m, nil, a, nil), pack(m, nil, a, nil))
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

func TestPart_PanicsOnAUnitOfAnotherTrack(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	for name, part := range map[string]func(){
		"video": func() { pack(NewMuxer(), nil, a, []media.AccessUnit{slice(v, 0, true, 10)}) },
		"audio": func() { pack(NewMuxer(), v, nil, []media.AccessUnit{frame(a, 0, 10)}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Part did not panic")
				}
			}()
			part()
		})
	}
}

func TestPart_AllocatesOnce(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	units := interleaved(v, a, 0, 250*media.Millisecond, 30, 20_000, 300)
	m := NewMuxer()
	pack(m, v, a, units) // the plan grows to its size
	if n := testing.AllocsPerRun(100, func() { pack(m, v, a, units) }); n != 1 {
		t.Errorf("%v allocations, want 1", n)
	}
}

func TestPart_SharesNoBytesWithTheUnits(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	units := []media.AccessUnit{slice(v, 0, true, 500), frame(a, 0, 100)}
	part := pack(NewMuxer(), v, a, units)
	before := bytes.Clone(part)
	for _, u := range units {
		clear(u.Data)
	}
	if !bytes.Equal(part, before) {
		t.Error("the part changed with the units")
	}
}
