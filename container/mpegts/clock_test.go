package mpegts

import (
	"fmt"
	"slices"
	"testing"

	"golive/media"
)

// stream describes a stream that is cut into consecutive parts.
type stream struct {
	video, audio *media.Track
	frame        media.Ticks // from picture to picture
	// pictures is the time after which there are no more pictures; 0 is never.
	pictures media.Ticks
	// ahead is how much earlier audio arrives than pictures with the same time.
	ahead  media.Ticks
	part   media.Ticks
	length media.Ticks
}

// units returns the units in the order of arrival.
func (s *stream) units() []media.AccessUnit {
	type timed struct {
		at media.Ticks
		u  media.AccessUnit
	}
	var all []timed
	if s.video != nil {
		until := s.length
		if s.pictures > 0 {
			until = s.pictures
		}
		for at, n := media.Ticks(0), 0; at < until; at += s.frame {
			all = append(all, timed{at + s.ahead, slice(s.video, at, n%5 == 0, 300)})
			n++
		}
	}
	if s.audio != nil {
		for n := media.Ticks(0); ; n++ {
			at := n * 1024 * media.Second / media.Ticks(s.audio.SampleRate) / media.Millisecond * media.Millisecond
			if at >= s.length {
				break
			}
			all = append(all, timed{at, frame(s.audio, at, 60)})
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return int(a.at - b.at) })
	units := make([]media.AccessUnit, len(all))
	for i := range all {
		units[i] = all[i].u
	}
	return units
}

// parts cuts parts like the segmenter: at pictures, or at audio frames while there are no
// pictures. A picture that lasts longer than a part is a separate part.
func (s *stream) parts(m *Muxer) (parts [][]byte) {
	var open []media.AccessUnit
	start := media.Ticks(0)
	for _, u := range s.units() {
		lead := u.Track == s.video || s.video == nil
		late := !lead && u.DTS-start > media.Second+max(s.part, s.frame)
		if end := start + max(s.part, s.frame); late || lead && u.DTS >= start+s.part {
			if !late {
				end = u.DTS
			}
			parts = append(parts, mustBegin(m).Part(s.video, s.audio, open, 0, end))
			open, start = nil, end
		}
		open = append(open, u)
	}
	return parts
}

// checkClock checks PCRs by ISO 13818-1 section 2.7.2, and the needs of decoders.
func (s *streamRead) checkClock(tb testing.TB) {
	tb.Helper()
	for i, c := range s.clocks {
		if i == 0 || c.discontinuity {
			continue
		}
		if step := c.at - s.clocks[i-1].at; step <= 0 || step > 9000 {
			tb.Fatalf("PCR %d of %d is %d ticks after the one before", i, len(s.clocks), step)
		}
	}
	for i, p := range s.starts {
		if p.clock < 0 {
			continue // joined audio before the first picture
		}
		if int64(p.pts) < p.clock {
			tb.Fatalf("PES %d of PID %#x has PTS %d after a PCR of %d", i, p.pid, p.pts, p.clock)
		}
	}
}

// Row 60 of docs/encoders.md: few or no frames that could carry a PCR.
func TestPart_Row60_PCRsAreAtMost100msApart(t *testing.T) {
	const ms = media.Millisecond
	for _, rate := range []int{7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000} {
		for _, part := range []media.Ticks{100 * ms, 250 * ms, 1000 * ms} {
			t.Run(fmt.Sprintf("audio alone at %d Hz in parts of %d ms", rate, part/ms), func(t *testing.T) {
				in := stream{audio: audioTrack(rate, 1), part: part, length: 6 * media.Second}
				s := readParts(t, in.parts(NewMuxer())...)
				s.checkClock(t)
			})
			for _, frame := range []media.Ticks{750, 3000, 6000, 9000, 9001, 15_000, 90_000, 3 * media.Second, 12 * media.Second} {
				in := stream{video: videoTrack(4), frame: frame, part: part, length: 4 * max(frame, media.Second)}
				t.Run(fmt.Sprintf("pictures each %d ticks in parts of %d ms", frame, part/ms), func(t *testing.T) {
					s := readParts(t, in.parts(NewMuxer())...)
					s.checkClock(t)
				})
				in.audio = audioTrack(rate, 2)
				t.Run(fmt.Sprintf("pictures each %d ticks, audio at %d Hz, in parts of %d ms", frame, rate, part/ms), func(t *testing.T) {
					s := readParts(t, in.parts(NewMuxer())...)
					s.checkClock(t)
				})
			}
		}
	}
}

func TestPart_PCRsRunOnWhenPicturesStop(t *testing.T) {
	for _, ahead := range []media.Ticks{0, 400 * media.Millisecond, 900 * media.Millisecond} {
		in := stream{
			video: videoTrack(4), audio: audioTrack(48000, 2), frame: 3000, pictures: 3 * media.Second,
			ahead: ahead, part: media.Second / 4, length: 20 * media.Second,
		}
		s := readParts(t, in.parts(NewMuxer())...)
		s.checkClock(t)
		last, sound := s.clocks[len(s.clocks)-1].at, s.starts[len(s.starts)-1].pts
		if late := int64(sound) - last; late > 3*90_000 {
			t.Errorf("audio %d ms ahead: the last PCR is %d ticks before the last audio", ahead/media.Millisecond, late)
		}
	}
}

func TestPart_PCRPacketsAreOnlyWhereNeeded(t *testing.T) {
	in := stream{video: videoTrack(4), audio: audioTrack(48000, 2), frame: 3000, part: media.Second / 4, length: 4 * media.Second}
	s := readParts(t, in.parts(NewMuxer())...)
	if len(s.clocks) != len(s.video) {
		t.Errorf("%d PCRs for %d pictures, want one each", len(s.clocks), len(s.video))
	}
	in = stream{audio: audioTrack(48000, 2), part: media.Second / 4, length: 4 * media.Second}
	s = readParts(t, in.parts(NewMuxer())...)
	if len(s.clocks) != len(s.audio) {
		t.Errorf("%d PCRs for %d PES packets of audio, want one each", len(s.clocks), len(s.audio))
	}
}

func TestPart_PCRsBridgeTimeWithoutBytes(t *testing.T) {
	for gap, runsOn := range map[media.Ticks]bool{
		media.Second / 4: true, 2 * media.Second: true, 29 * media.Second: true, 60 * media.Second: false,
	} {
		v, m := videoTrack(4), NewMuxer()
		one := mustBegin(m).Part(v, nil, []media.AccessUnit{slice(v, 0, true, 100)}, 0, media.Second)
		at := media.Second + gap
		two := mustBegin(m).Part(v, nil, []media.AccessUnit{slice(v, at, true, 100)}, 0, at+media.Second)
		s := readParts(t, one, two)
		if runsOn {
			s.checkClock(t)
		} else if len(s.clocks) != 20 {
			t.Errorf("%d PCRs around a gap of %v, want 10 in each part", len(s.clocks), gap.Duration())
		}
	}
}

func TestPart_DiscontinuityIsIndicatedBeforeItsFirstUnit(t *testing.T) {
	v, a, m := videoTrack(4), audioTrack(48000, 2), NewMuxer()
	one := mustBegin(m).Part(v, a, []media.AccessUnit{slice(v, 0, true, 100), frame(a, 0, 50)}, 0, 3000)
	const later = 900 * media.Second
	sound := frame(a, later-18_000, 50)
	sound.Discontinuity = true
	two := mustBegin(m).Part(v, a, []media.AccessUnit{sound, slice(v, later, true, 100)}, 0, later+3000)
	s := readParts(t, one, two)
	want := []pcrRead{
		{videoPID, onWire(-pcrLag), false},
		{videoPID, onWire(later - 18_000 - pcrLag), true},
		{videoPID, onWire(later - 9000 - pcrLag), false},
		{videoPID, onWire(later - pcrLag), false},
	}
	if !slices.Equal(s.clocks, want) {
		t.Errorf("PCRs %v, want %v", s.clocks, want)
	}
	s.checkClock(t)
}

func TestPart_LatePictureCarriesNoPCRThatGoesBack(t *testing.T) {
	v, a, m := videoTrack(4), audioTrack(48000, 2), NewMuxer()
	parts := [][]byte{mustBegin(m).Part(v, a, []media.AccessUnit{slice(v, 0, true, 100)}, 0, media.Second)}
	for _, late := range []media.Ticks{10 * media.Millisecond, 300 * media.Millisecond, 2 * media.Second} {
		at := media.Ticks(len(parts)) * media.Second
		var units []media.AccessUnit
		for n := range media.Ticks(40) {
			units = append(units, frame(a, at+n*1920, 50))
		}
		parts = append(parts, mustBegin(m).Part(v, a, units, 0, at+media.Second),
			mustBegin(m).Part(v, a, []media.AccessUnit{slice(v, at+media.Second-late, true, 100)}, 0, at+2*media.Second))
	}
	s := readParts(t, parts...)
	for i, c := range s.clocks[1:] {
		if c.at <= s.clocks[i].at {
			t.Fatalf("PCR %d is %d, not after the one before, %d", i+1, c.at, s.clocks[i].at)
		}
	}
}

func TestPart_PutsTheLayoutBeforeEachFrame(t *testing.T) {
	layout := []byte{0xa0, 0x99, 0x08, 0x80, 0x04, 0x00, 0x18, 0x80, 0x00}
	a := audioTrack(48000, 6)
	a.ProgramConfig = layout
	withLayout := frame(a, 1920, 20)
	withLayout.Data = append(slices.Clone(layout), withLayout.Data...) // the encoder has already added it
	units := []media.AccessUnit{frame(a, 0, 10), withLayout, frame(a, 3840, 8184)}
	s := readParts(t, pack(NewMuxer(), nil, a, units))
	if len(s.audio) != 1 {
		t.Fatalf("%d PES packets, want 1", len(s.audio))
	}
	frames := readADTS(t, s.audio[0].Data)
	if len(frames) != 2 { // the last does not fit ADTS with its layout
		t.Fatalf("%d frames, want 2", len(frames))
	}
	for i, want := range [][]byte{append(slices.Clone(layout), units[0].Data...), withLayout.Data} {
		if f := frames[i]; f.channels != 6 || !slices.Equal(f.data, want) {
			t.Errorf("frame %d: %d channels, % x; want 6, % x", i, f.channels, f.data, want)
		}
	}
}
