package fmp4

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golive/media"
)

// FuzzPart makes units from the fuzzer's bytes, packs them, and compares them with those that an
// independent reader returns.
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
		v, a, parts := src.units()
		times := timesOf(v != nil, parts)
		for i := range times { // pictures do not always come when they are expected
			times[i] = max(times[i]+media.Ticks(src.upTo(400)-200), 0)
		}
		checkUnits(t, readParts(t, v, a, packAt(v, a, parts, times)...), parts, times)
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

// units returns the units of up to 16 parts. v or a may be nil.
func (s *source) units() (v, a *media.Track, parts [][]media.AccessUnit) {
	mode := s.upTo(3)
	if mode != 1 {
		lengthSize := []int{1, 2, 4}[s.upTo(2)]
		v = []*media.Track{h264Track(lengthSize), hevcTrack(lengthSize), av1Track()}[s.upTo(2)]
	}
	if mode != 2 {
		a = aacTrack([]int{7350, 44100, 48000, 96000}[s.upTo(3)], []int{1, 2, 6, 8}[s.upTo(3)])
		a = []*media.Track{a, a, opusTrack(960), mp3Track(44100)}[s.upTo(3)]
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
			u = frame(a, audioAt, s.upTo(900))
			audioAt += media.Ticks(a.SamplesPerUnit*90000/a.SampleRate + s.upTo(4)*50 + s.upTo(20)/20*5000)
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

// nal returns a NAL unit of any type, sometimes a parameter set of the track.
func (s *source) nal(v *media.Track, longest int) []byte {
	if v.Codec != media.HEVC {
		return nal(byte(s.upTo(12)), s.upTo(longest))
	}
	b := nal(0, s.upTo(longest))
	if len(b) > 1 {
		b[0], b[1] = byte(s.upTo(40))<<1, 1
	}
	if s.upTo(9) == 9 {
		return v.VPS[0]
	}
	return b
}

// picture returns a video unit of any NAL units, sometimes truncated.
func (s *source) picture(v *media.Track, dts media.Ticks) media.AccessUnit {
	if v.Codec == media.AV1 {
		return media.AccessUnit{Track: v, DTS: dts, PTS: dts, Key: s.upTo(3) == 3, Data: nal(byte(s.upTo(12)), s.upTo(300))}
	}
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
		Track: v, DTS: dts, PTS: dts + media.Ticks(s.upTo(4)-2)*1500, Key: s.upTo(3) == 3,
		Access: media.Access(s.upTo(2)), Data: data,
	}
}
