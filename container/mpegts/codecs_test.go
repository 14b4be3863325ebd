package mpegts

import (
	"bytes"
	"encoding/hex"
	"testing"

	"golive/media"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// hevcTrack returns a track with made-up parameter sets.
func hevcTrack(lengthSize int) *media.Track {
	return &media.Track{
		Codec:         media.HEVC,
		CodecString:   "hvc1.1.6.L30.90",
		NALLengthSize: lengthSize,
		VPS:           [][]byte{unhex("40010c01ffff")},
		SPS:           [][]byte{unhex("420101016000")},
		PPS:           [][]byte{unhex("4401c172"), unhex("4401c17301")},
	}
}

func mp3Track(sampleRate int) *media.Track {
	samples := 1152
	if sampleRate < 32000 {
		samples = 576
	}
	return &media.Track{Codec: media.MP3, CodecString: "mp4a.40.34", SampleRate: sampleRate, Channels: 2, SamplesPerUnit: samples}
}

func TestPart_WritesHEVC(t *testing.T) {
	v := hevcTrack(4)
	idr, trail, aud, sei := unhex("2601af06"), unhex("0201d006"), unhex("460110"), unhex("4e0104008000")
	const code = "00000001"
	sets := code + "40010c01ffff" + code + "420101016000" + code + "4401c172" + code + "4401c17301"
	for _, c := range []struct {
		name string
		unit media.AccessUnit
		want string
	}{
		{"a key picture", media.AccessUnit{Key: true, Data: nals(4, idr)}, code + "460150" + sets + code + "2601af06"},
		{"with its own delimiter", media.AccessUnit{Key: true, Data: nals(4, aud, sei, idr)}, code + "460110" + sets + code + "4e0104008000" + code + "2601af06"},
		{"with its own parameter sets", media.AccessUnit{Key: true, Data: nals(4, aud, v.VPS[0], v.SPS[0], v.PPS[0], idr)}, code + "460110" + code + "40010c01ffff" + code + "420101016000" + code + "4401c172" + code + "2601af06"},
		{"without a VPS of its own", media.AccessUnit{Key: true, Data: nals(4, v.SPS[0], v.PPS[0], idr)}, code + "460150" + sets + code + "420101016000" + code + "4401c172" + code + "2601af06"},
		{"another picture", media.AccessUnit{Data: nals(4, trail)}, code + "460150" + code + "0201d006"},
	} {
		c.unit.Track = v
		s := readParts(t, pack(NewMuxer(), v, nil, []media.AccessUnit{c.unit}))
		if len(s.video) != 1 || !bytes.Equal(s.video[0].Data, unhex(c.want)) {
			t.Errorf("%s: %x, want %s", c.name, s.video, c.want)
		}
		if p := s.pmts[0]; len(p.ElementaryStreams) != 1 || p.ElementaryStreams[0].StreamType != 0x24 {
			t.Errorf("%s: PMT %+v", c.name, p)
		}
	}
}

func TestPart_WritesMP3Unchanged(t *testing.T) {
	for rate, want := range map[int]uint8{48000: 0x03, 24000: 0x04} {
		a := mp3Track(rate)
		var units []media.AccessUnit
		var all []byte
		for i := range 20 {
			at := media.Ticks(i*a.SamplesPerUnit) * media.Second / media.Ticks(rate)
			units = append(units, frame(a, at, 300+i))
			all = append(all, units[i].Data...)
		}
		s := readParts(t, pack(NewMuxer(), nil, a, units))
		if p := s.pmts[0]; len(p.ElementaryStreams) != 1 || uint8(p.ElementaryStreams[0].StreamType) != want || p.PCRPID != audioPID {
			t.Errorf("PMT of %d Hz: %+v", rate, p)
		}
		var got []byte
		for _, p := range s.audio {
			got = append(got, p.Data...)
		}
		if !bytes.Equal(got, all) || len(s.audio) >= len(units) {
			t.Errorf("%d Hz: %d bytes in %d PES packets, want %d", rate, len(got), len(s.audio), len(all))
		}
	}
}

// A change of the codec changes the PMT and its version.
func TestPart_WritesTheTablesOfTheCodecs(t *testing.T) {
	m := NewMuxer()
	var parts [][]byte
	for _, v := range []*media.Track{videoTrack(4), hevcTrack(4), videoTrack(4)} {
		if _, err := m.Begin(v, nil); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, m.Part(v, nil, []media.AccessUnit{{Track: v, Key: true, Data: nals(4, []byte{0x26, 1, 2, 3})}}, 0, 3000))
	}
	s := readParts(t, parts...)
	for i, want := range []uint8{0x1b, 0x24, 0x1b} {
		if got := uint8(s.pmts[i].ElementaryStreams[0].StreamType); got != want || int(s.pmtVersions[i]) != i {
			t.Errorf("PMT %d: type %#x of version %d, want %#x", i, got, s.pmtVersions[i], want)
		}
	}
}

func TestBegin_RefusesCodecsThatPlayersDoNotKnow(t *testing.T) {
	for _, c := range []media.Codec{media.AV1, media.Opus} {
		track := &media.Track{Codec: c}
		video, audio := track, (*media.Track)(nil)
		if !c.Video() {
			video, audio = nil, track
		}
		if _, err := NewMuxer().Begin(video, audio); err == nil {
			t.Errorf("Begin accepted %s, want an error", c)
		}
	}
}
