package fmp4

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/media"
)

var update = flag.Bool("update", false, "write the golden files")

// pack packs consecutive parts. Part i is from times[i], the DTS of its first picture, to times[i+1].
// The last part ends 3000 ticks after its last picture.
func pack(v, a *media.Track, parts ...[]media.AccessUnit) (packed [][]byte, times []media.Ticks) {
	times = timesOf(v != nil, parts)
	return packAt(v, a, parts, times), times
}

func packAt(v, a *media.Track, parts [][]media.AccessUnit, times []media.Ticks) (packed [][]byte) {
	m := NewMuxer()
	for i, units := range parts {
		packed = append(packed, m.Part(v, a, units, times[i], times[i+1]))
	}
	return packed
}

func timesOf(video bool, parts [][]media.AccessUnit) []media.Ticks {
	times := make([]media.Ticks, len(parts)+1)
	for _, u := range slices.Concat(parts...) {
		if u.Track.Video() == video {
			times[len(parts)] = u.DTS + 3000
		}
	}
	for i, units := range slices.Backward(parts) {
		times[i] = times[i+1]
		if first := slices.IndexFunc(units, func(u media.AccessUnit) bool { return u.Track.Video() == video }); first >= 0 {
			times[i] = units[first].DTS
		}
	}
	return times
}

// checkStream packs parts, reads them back and compares all units.
func checkStream(t *testing.T, v, a *media.Track, parts ...[]media.AccessUnit) []partRead {
	t.Helper()
	packed, times := pack(v, a, parts...)
	read := readParts(t, v, a, packed...)
	checkUnits(t, read, parts, times)
	return read
}

// cut cuts units into parts of n units.
func cut(units []media.AccessUnit, n int) (parts [][]media.AccessUnit) {
	for ; len(units) > n; units = units[n:] {
		parts = append(parts, units[:n])
	}
	return append(parts, units)
}

// arrived sets the arrival times of units.
func arrived(units []media.AccessUnit) []media.AccessUnit {
	for i := range units {
		units[i].Arrived = time.Date(2026, 11, 28, 10, 0, 0, 500_000_000, time.UTC).Add(units[i].DTS.Duration())
	}
	return units
}

// golden compares bytes with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
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
		t.Errorf("the bytes differ from %s; inspect them with mp4ff-info, then run with -update", file)
	}
}

func TestPart_EqualsTheGoldenFiles(t *testing.T) {
	v, a := h264Track(4), aacTrack(48000, 2)
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
			for _, units := range c.parts {
				arrived(units)
			}
			packed, _ := pack(c.video, c.audio, c.parts...)
			init, err := Init(c.video, c.audio)
			if err != nil {
				t.Fatal(err)
			}
			got := slices.Concat(init, bytes.Join(packed, nil))
			golden(t, c.name+".mp4", got)
		})
	}
}

func TestPart_CarriesARealStream(t *testing.T) {
	v, a, units := recording(t)
	if v.Width != 160 || a.SampleRate != 48000 || len(units) < 140 {
		t.Fatalf("sample is %d wide, %d Hz, %d units", v.Width, a.SampleRate, len(units))
	}
	checkStream(t, v, a, cut(units, 18)...)
}

func TestPart_CarriesASingleTrack(t *testing.T) {
	v, a, units := recording(t)
	var pictures, frames []media.AccessUnit
	for _, u := range units {
		if u.Track.Video() {
			pictures = append(pictures, u)
		} else {
			frames = append(frames, u)
		}
	}
	checkStream(t, v, nil, cut(pictures, 6)...)
	checkStream(t, nil, a, cut(frames, 12)...)
}

func TestPart_MayLackATrack(t *testing.T) {
	v, a := h264Track(4), aacTrack(48000, 2)
	read := checkStream(t, v, a,
		[]media.AccessUnit{slice(v, 0, true, 100), slice(v, 3000, false, 100)},
		[]media.AccessUnit{frame(a, 0, 10)},
		nil,
		[]media.AccessUnit{slice(v, 6000, false, 100), frame(a, 1920, 10)},
	)
	if len(read[0].audio)+len(read[1].video)+len(read[2].audio)+len(read[2].video) > 0 {
		t.Error("tracks without units have samples")
	}
	if read[1].start != 126_000+5999 || read[2].start != 126_000+5999 {
		t.Errorf("parts without pictures begin at %d and %d", read[1].start, read[2].start)
	}
}

func TestPart_AcceptsEveryLengthSize(t *testing.T) {
	for _, size := range []int{1, 2, 4} {
		v := h264Track(size)
		checkStream(t, v, nil, []media.AccessUnit{slice(v, 0, true, 200), slice(v, 3000, false, 100)}, []media.AccessUnit{slice(v, 6000, false, 1)})
	}
}

func TestPart_BeginsAtAnyTime(t *testing.T) {
	v, a := h264Track(4), aacTrack(44100, 2)
	for _, from := range []media.Ticks{-timeOffset, 0, 1, 1<<33 - 4000, 1 << 33, 1 << 45} {
		units := interleaved(v, a, from, 250*media.Millisecond, 30, 100, 20)
		for i := range units {
			if u := &units[i]; u.Track == v && u.DTS > from {
				u.PTS -= 3000 // some encoders present pictures before they are decoded
			}
		}
		checkStream(t, v, a, cut(units, 5)...)
	}
}

func TestPart_LeavesNoHoleBetweenPictures(t *testing.T) {
	v := h264Track(4)
	early, late := slice(v, 5000, false, 10), slice(v, 13_000, false, 10)
	early.PTS, late.PTS = 5000, 14_500
	parts := [][]media.AccessUnit{{slice(v, 0, true, 10)}, {early, slice(v, 9000, false, 10)}, {late, slice(v, 15_000, false, 10)}}
	parts = append(parts, []media.AccessUnit{slice(v, 18_020, true, 10)})
	times := []media.Ticks{0, 6000, 12_000, 18_000, 21_000}
	read := readParts(t, v, nil, packAt(v, nil, parts, times)...)
	checkUnits(t, read, parts, times)
	next := read[0].start
	for i, p := range read {
		for k, s := range p.video {
			if i == 3 {
				next++ // the margin before a key picture
			}
			if s.DTS != next {
				t.Errorf("picture %d of part %d is decoded at %d, want %d", k, i, s.DTS, next)
			}
			next = s.DTS + int64(s.Duration)
		}
	}
}

func TestPart_DecodesNothingBeforeTimeZero(t *testing.T) {
	v, a := h264Track(4), aacTrack(48000, 2)
	from := -timeOffset - 3000
	m := NewMuxer()
	read := readParts(t, v, a, m.Part(v, a, []media.AccessUnit{slice(v, from, true, 10), frame(a, from, 10), slice(v, from+3000, false, 10)}, from, from+6000))[0]
	if read.video[0].DTS != 0 || read.video[0].PTS != -3000 || read.audio[0].DTS != 0 || read.video[1].PTS != 0 || read.video[1].DTS != 1 {
		t.Errorf("video %+v, audio %+v", read.video, read.audio)
	}
}

// The first picture of the second part comes later than expected, so its time is in the first part.
func TestPart_MayBeginAfterItsSecondPicture(t *testing.T) {
	v := h264Track(4)
	m := NewMuxer()
	first := m.Part(v, nil, []media.AccessUnit{slice(v, 0, true, 10), slice(v, 3000, false, 10)}, 0, 9000)
	second := m.Part(v, nil, []media.AccessUnit{slice(v, 6000, false, 10), slice(v, 9000, false, 10), slice(v, 12000, false, 10)}, 9000, 15000)
	var decoded, presented []int64
	for _, s := range readParts(t, v, nil, first, second)[1].video {
		decoded, presented = append(decoded, s.DTS-int64(timeOffset)), append(presented, s.PTS-int64(timeOffset))
	}
	if diff := cmp.Diff([]int64{9000 - margin, 9000, 12000}, decoded); diff != "" {
		t.Errorf("decoding times (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{6000, 9000, 12000}, presented); diff != "" {
		t.Errorf("presentation times (-want +got):\n%s", diff)
	}
}

func TestPart_MarksWhereDecodingCanStart(t *testing.T) {
	v := h264Track(4)
	unit := func(pts media.Ticks, access media.Access, key, reference bool) media.AccessUnit {
		n := nal(1, 20)
		if !reference {
			n[0] = 1
		}
		return media.AccessUnit{Track: v, PTS: pts, Key: key, Access: access, Data: nals(4, n)}
	}
	m := NewMuxer()
	read := readParts(t, v, nil, m.Part(v, nil, []media.AccessUnit{
		unit(3000, media.AccessClosed, true, true),
		unit(0, 0, false, false),
		unit(12000, media.AccessOpen, true, true),
		unit(6000, 0, false, true),
	}, 0, 0), m.Part(v, nil, []media.AccessUnit{
		unit(9000, 0, false, false), // a leading picture in the next part
		unit(15000, 0, false, true),
		unit(18000, media.AccessGradual, true, true),
		unit(15000, 0, false, true),
	}, 0, 0))
	var got []string
	for _, p := range read {
		for _, s := range p.video {
			got = append(got, fmt.Sprintf("%08x", s.Flags))
		}
	}
	want := []string{"02000000", "01810000", "02000000", "05010000", "05810000", "01010000", "01000000", "01010000"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
}

func TestPart_LeavesOutParameterSetsOfAvcC(t *testing.T) {
	v := h264Track(4)
	other := append(bytes.Clone(v.PPS[0]), 1)
	u := media.AccessUnit{Track: v, Key: true, Data: nals(4, []byte{9, 0xf0}, v.SPS[0], v.PPS[0], other, nal(6, 9), nal(5, 30))}
	read := checkStream(t, v, nil, []media.AccessUnit{u})
	if want := nals(4, other, nal(6, 9), nal(5, 30)); !bytes.Equal(read[0].video[0].Data, want) {
		t.Errorf("sample % x, want % x", read[0].video[0].Data, want)
	}
}

func TestPart_LeavesOutInvalidUnits(t *testing.T) {
	v, a := h264Track(4), aacTrack(48000, 2)
	broken := slice(v, 3000, false, 100)
	broken.Data = broken.Data[:50]
	read := checkStream(t, v, a, []media.AccessUnit{slice(v, 0, true, 10), frame(a, 0, 0), broken, slice(v, 6000, false, 10), frame(a, 1920, 5)})
	if n, m := len(read[0].video), len(read[0].audio); n != 2 || m != 1 {
		t.Errorf("%d pictures and %d audio frames, want 2 and 1", n, m)
	}
}

func TestPart_DatesItsFirstPicture(t *testing.T) {
	v, a := h264Track(4), aacTrack(48000, 2)
	u := slice(v, 0, true, 10)
	u.PTS += 3000
	units := arrived([]media.AccessUnit{frame(a, 900, 5), u})
	p := readParts(t, v, a, NewMuxer().Part(v, a, units, 0, 6000))[0].prft
	if p == nil {
		t.Fatal("there is no prft")
	}
	if got := p.NTPTimestamp.Time(); !got.Equal(units[1].Arrived) || p.ReferenceTrackID != 1 || p.MediaTime != 129_000 || p.Flags != 1 {
		t.Errorf("prft %+v of %v, want %v", p, got, units[1].Arrived)
	}
	u.Arrived = time.Time{}
	if p := readParts(t, v, a, NewMuxer().Part(v, a, []media.AccessUnit{u}, 0, 6000))[0].prft; p != nil {
		t.Errorf("prft %+v of a picture without an arrival time", p)
	}
}

func TestPart_DatesPicturesAfter2036(t *testing.T) {
	a := aacTrack(48000, 2)
	u := frame(a, 0, 5)
	u.Arrived = time.Date(2036, 2, 7, 6, 28, 17, 0, time.UTC) // a second after NTP time has wrapped
	p := readParts(t, nil, a, NewMuxer().Part(nil, a, []media.AccessUnit{u}, 0, 0))[0].prft
	if p.NTPTimestamp.Seconds() != 1 || p.ReferenceTrackID != 1 {
		t.Errorf("prft %+v, want 1 s", p)
	}
}

func TestPart_PanicsOnAUnitOfAnotherTrack(t *testing.T) {
	v, a := h264Track(4), aacTrack(48000, 2)
	for name, part := range map[string]func(){
		"video": func() { NewMuxer().Part(nil, a, []media.AccessUnit{slice(v, 0, true, 10)}, 0, 0) },
		"audio": func() { NewMuxer().Part(v, nil, []media.AccessUnit{frame(a, 0, 10)}, 0, 0) },
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
	v, a := h264Track(4), aacTrack(48000, 2)
	units := arrived(interleaved(v, a, 0, 250*media.Millisecond, 30, 20_000, 300))
	m := NewMuxer()
	m.Part(v, a, units, 0, 22500) // the runs grow to their size
	if n := testing.AllocsPerRun(100, func() { m.Part(v, a, units, 0, 22500) }); n != 1 {
		t.Errorf("%v allocations, want 1", n)
	}
}

func TestPart_SharesNoBytesWithTheUnits(t *testing.T) {
	v, a := h264Track(4), aacTrack(48000, 2)
	units := []media.AccessUnit{slice(v, 0, true, 500), frame(a, 0, 100)}
	part := NewMuxer().Part(v, a, units, 0, 3000)
	before := bytes.Clone(part)
	for _, u := range units {
		clear(u.Data)
	}
	if !bytes.Equal(part, before) {
		t.Error("the part changed with the units")
	}
}
