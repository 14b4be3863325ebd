package mpegts

import (
	"testing"

	"golive/media"
)

func TestPart_CarriesAudioUpToTheADTSLimit(t *testing.T) {
	a := audioTrack(48000, 8)
	units := []media.AccessUnit{
		frame(a, 0, 8184), frame(a, 1920, 8185), frame(a, 3840, 1), frame(a, 5760, 0),
	}
	s := readParts(t, pack(NewMuxer(), nil, a, units))
	s.checkUnits(t, units)
}

func TestPart_KeepsAudioInsideAPESLength(t *testing.T) {
	// 15 frames last 160 ms; 8 of the longest are one byte too many.
	v, a := videoTrack(4), audioTrack(96000, 8)
	var units []media.AccessUnit
	for i := range 15 {
		units = append(units, frame(a, media.Ticks(i)*960, 8184))
	}
	s := readParts(t, pack(NewMuxer(), v, a, units))
	s.checkUnits(t, units)
	if len(s.audio) != 3 {
		t.Errorf("%d PES packets, want 3", len(s.audio))
	}
}

func TestPart_JoinsNoMoreThan170msOfAudioWithoutAPicture(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	var units []media.AccessUnit
	for i := range 21 {
		units = append(units, frame(a, media.Ticks(i)*1920, 100))
	}
	s := readParts(t, pack(NewMuxer(), v, a, units))
	s.checkUnits(t, units)
	if len(s.audio) != 3 { // of 7 frames, 149 ms
		t.Errorf("%d PES packets, want 3", len(s.audio))
	}
}

func TestPart_JoinsAudioFramesInAPESPacket(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	units := interleaved(v, a, 0, 250*media.Millisecond, 30, 1000, 200)
	s := readParts(t, pack(NewMuxer(), v, a, units))
	s.checkUnits(t, units)
	if len(s.audio) != 2 {
		t.Errorf("250 ms of audio took %d PES packets, want 2", len(s.audio))
	}
}

func TestPart_BeginsAPESPacketAfterAHoleInAudio(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	b := audioTrack(48000, 2)
	cut := frame(a, 1920, 50)
	cut.Discontinuity = true
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
		{"a discontinuity", cut, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := readParts(t, pack(NewMuxer(), v, a, []media.AccessUnit{frame(a, 0, 50), c.next}))
			if len(s.audio) != c.want {
				t.Errorf("%d PES packets, want %d", len(s.audio), c.want)
			}
		})
	}
}

func TestPart_AcceptsATrackWithoutASampleRate(t *testing.T) {
	v, a := videoTrack(4), audioTrack(0, 2)
	units := []media.AccessUnit{frame(a, 0, 50), frame(a, 1920, 50), slice(v, 0, true, 50), frame(a, 3840, 50)}
	s := readParts(t, pack(NewMuxer(), v, a, units))
	if len(s.audio) != 3 || len(s.video) != 1 {
		t.Errorf("%d audio PES packets and %d pictures, want 3 and 1", len(s.audio), len(s.video))
	}
}
