package fmp4

import (
	"testing"

	"golive/media"
)

// countHoles packs audio frames into parts of n frames. It returns the samples, and the number of
// parts that do not begin where the one before ended.
func countHoles(t *testing.T, a *media.Track, units []media.AccessUnit, n int) (read []sampleRead, holes int) {
	t.Helper()
	packed, _ := pack(nil, a, cut(units, n)...)
	end := int64(-1)
	for _, p := range readParts(t, nil, a, packed...) {
		if first := p.audio[0]; end >= 0 && first.DTS != end {
			if holes++; first.DTS < end {
				t.Errorf("a part begins at %d, before the end of the one before at %d", first.DTS, end)
			}
		}
		read = append(read, p.audio...)
		last := read[len(read)-1]
		end = last.DTS + int64(last.Duration)
	}
	return read, holes
}

func TestPart_CountsSamplesForTenHours(t *testing.T) {
	for _, rate := range []int{44100, 48000, 22050, 96000, 44056} {
		a := aacTrack(rate, 2)
		frames := 10 * 3600 * rate / 1024
		m := NewMuxer()
		next := int64(-1)
		units := make([]media.AccessUnit, 12)
		for i := 0; i < frames; i += len(units) {
			for k := range units {
				at := media.Ticks(int64(i+k) * 1024 * 90_000 / int64(rate)) // rounded down, as ingest does
				units[k] = media.AccessUnit{Track: a, DTS: at, PTS: at, Key: true, Data: []byte{1}}
			}
			m.plan(nil, a, units, 0, 0)
			if want := int64(i)*1024 + scale(timeOffset, int64(rate)); m.audio.base != want || next >= 0 && m.audio.base != next {
				t.Fatalf("%d Hz: frame %d is at %d, want %d", rate, i, m.audio.base, want)
			}
			if !m.audio.even || m.audio.samples[0].duration != 1024 {
				t.Fatalf("%d Hz: the durations of the part with frame %d are not all 1024", rate, i)
			}
			next = m.clock.next
		}
	}
}

func TestPart_FollowsAudioTimesInMilliseconds(t *testing.T) {
	a := aacTrack(44100, 2)
	var units []media.AccessUnit
	for i := range 2000 {
		units = append(units, frame(a, media.TicksFromMillis(int64(i)*1024*1000/44100), 5))
	}
	read, holes := countHoles(t, a, units, 11)
	if holes > 0 {
		t.Errorf("%d holes, want none", holes)
	}
	for i, s := range read {
		exact := int64(i)*1024 + 61740
		if off := s.DTS - exact; off < -45 || off > 45 {
			t.Fatalf("the time of frame %d is off by %d samples", i, off)
		}
	}
}

func TestPart_FollowsAnInaccurateClock(t *testing.T) {
	a := aacTrack(48000, 2)
	var units []media.AccessUnit
	for i := range 20_000 {
		at := media.Ticks(int64(i) * 1920 * 10_003 / 10_000) // 300 ppm slow
		units = append(units, frame(a, at, 5))
	}
	read, holes := countHoles(t, a, units, 12)
	if holes > 0 {
		t.Errorf("%d holes, want none", holes)
	}
	for i, s := range read {
		if off := s.DTS - int64(units[i].DTS+timeOffset)*48/90; off < -2 || off > 2 {
			t.Fatalf("the time of frame %d is off by %d samples", i, off)
		}
	}
}

func TestPart_KeepsHolesInAudio(t *testing.T) {
	a := aacTrack(48000, 2)
	var units []media.AccessUnit
	for i := range 60 {
		if i == 24 || i == 42 { // between parts, and inside one
			continue
		}
		units = append(units, frame(a, media.Ticks(i)*1920, 5))
	}
	read, holes := countHoles(t, a, units, 12)
	if holes != 1 {
		t.Errorf("%d holes between parts, want 1", holes)
	}
	for i, s := range read {
		if want := int64(units[i].DTS+timeOffset) * 48 / 90; s.DTS != want {
			t.Errorf("frame %d is at %d, want %d", i, s.DTS, want)
		}
	}
}

func TestPart_RestartsTheSampleCountAtADiscontinuity(t *testing.T) {
	v, a := h264Track(4), aacTrack(48000, 2)
	next := slice(v, 2_000_000, true, 10)
	next.Discontinuity = true
	early := frame(a, 900, 5) // without the mark it would continue the audio before
	early.Discontinuity = true
	read := checkStream(t, v, a,
		[]media.AccessUnit{slice(v, 0, true, 10), frame(a, 0, 5)},
		[]media.AccessUnit{next, frame(a, 2_000_000, 5)},
		[]media.AccessUnit{early},
	)
	if got := read[2].audio[0].DTS; got != 67_200+480 {
		t.Errorf("audio after the discontinuity is at %d, want %d", got, 67_200+480)
	}
}
