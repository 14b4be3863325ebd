package mpegts

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golive/media"
)

// FuzzPart makes units from the fuzzer's bytes, packs them, and compares them with those that an
// independent demuxer returns.
func FuzzPart(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00a stream with the smallest length prefix"))
	f.Add([]byte("\x01perhaps audio only"))
	random := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		b := make([]byte, 50+random.IntN(300))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		src := source{b: b}
		v, a, cuts := src.units()
		m := NewMuxer()
		var parts [][]byte
		var all []media.AccessUnit
		for _, units := range cuts {
			parts = append(parts, pack(m, v, a, units))
			all = append(all, units...)
		}
		s := readParts(t, parts...)
		s.checkUnits(t, all)
	})
}

// source makes choices from bytes, and always chooses 0 when there are none left.
type source struct{ b []byte }

// upTo chooses a number from 0 to limit.
func (s *source) upTo(limit int) int {
	n := 0
	for range 2 {
		if len(s.b) == 0 {
			break
		}
		n = n<<8 | int(s.b[0])
		s.b = s.b[1:]
	}
	return n % (limit + 1)
}

// size chooses a size up to limit, most often a small one: astits parses a PES packet from its
// beginning again with each transport packet.
func (s *source) size(limit int) int {
	if s.upTo(15) < 15 {
		limit = min(limit, 400)
	}
	return s.upTo(limit)
}

// units returns the units of up to 16 parts. v or a may be nil.
func (s *source) units() (v, a *media.Track, parts [][]media.AccessUnit) {
	mode := s.upTo(3)
	if mode != 1 {
		lengthSize := []int{1, 2, 4}[s.upTo(2)]
		v = []*media.Track{videoTrack(lengthSize), hevcTrack(lengthSize)}[s.upTo(1)]
	}
	if mode != 2 {
		a = audioTrack([]int{7350, 44100, 48000, 96000}[s.upTo(3)], []int{1, 2, 6, 8}[s.upTo(3)])
		a = []*media.Track{a, a, mp3Track(44100), mp3Track(24000)}[s.upTo(3)]
	}
	videoAt := media.Ticks(s.upTo(1<<16-1)) << 20
	audioAt := videoAt
	var units []media.AccessUnit
	for count := 0; len(s.b) > 0 && count < 60; count++ {
		var u media.AccessUnit
		if v != nil && (a == nil || s.upTo(1) == 0) {
			videoAt += media.Ticks(s.upTo(9000))
			u = s.picture(v, videoAt)
		} else {
			u = frame(a, audioAt, s.size(largest(a)))
			audioAt += media.Ticks(a.SamplesPerUnit*90000/a.SampleRate + s.upTo(4)*50)
		}
		u.Discontinuity = s.upTo(30) == 30
		units = append(units, u)
		if s.upTo(9) == 9 && len(parts) < 15 {
			parts = append(parts, units)
			units = nil
		}
	}
	return v, a, append(parts, units)
}

// largest returns a size above that of the largest frame that the track may have.
func largest(a *media.Track) int {
	if a.Codec == media.MP3 {
		return 2000
	}
	return 9000
}

// nal returns a NAL unit of any type.
func (s *source) nal(v *media.Track, longest int) []byte {
	if v.Codec != media.HEVC {
		return nal(byte(s.upTo(12)), s.size(longest))
	}
	b := nal(0, s.size(longest))
	if len(b) > 1 {
		b[0], b[1] = byte(s.upTo(40))<<1, 1
	}
	return b
}

// picture returns a video unit of any NAL units, sometimes truncated.
func (s *source) picture(v *media.Track, dts media.Ticks) media.AccessUnit {
	longest := 2000
	if v.NALLengthSize == 1 {
		longest = 255
	}
	var data []byte
	for range s.upTo(4) {
		data = append(data, nals(v.NALLengthSize, s.nal(v, longest))...)
	}
	if s.upTo(9) == 9 {
		data = append(data, bytes.Repeat([]byte{0xff}, s.upTo(v.NALLengthSize+3))...)
	}
	return media.AccessUnit{
		Track: v, DTS: dts, PTS: dts + media.Ticks(s.upTo(2)*3000), Key: s.upTo(3) == 3, Data: data,
	}
}
