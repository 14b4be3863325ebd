package fmp4

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	mp4av1 "github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/google/go-cmp/cmp"

	"golive/internal/mediatest"
	"golive/media"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// hevcTrack returns a track with parameter sets by x265 for 176x100. lengthSize is the size of NAL
// unit lengths.
func hevcTrack(lengthSize int) *media.Track {
	t := mediatest.HEVC()
	t.NALLengthSize = lengthSize
	return t
}

// hevcRecord is the hvcC box that ffmpeg writes for hevcTrack(4).
const hevcRecord = "0101600000009000000000001ef000fcfdf8f800000f03" +
	"a00001001840010c01ffff01600000030090000003000003001e959809" +
	"a10001002942010101600000030090000003000003001ea0162069f796566924caf0168080000003008000000c84" +
	"a2000100074401c172b46240"

// av1Track is a track with the sequence header of SVT-AV1 for 96x64 of BT.2020, PQ, 10 bits.
func av1Track() *media.Track {
	return &media.Track{
		Codec: media.AV1, CodecString: "av01.0.00M.10.0.110.09.16.09.0",
		Config: unhex("81004c000a0d000000032dffc02f8509100904"), Width: 96, Height: 64,
	}
}

func opusTrack(samples int) *media.Track {
	t := mediatest.Opus()
	t.SamplesPerUnit = samples
	return t
}

func mp3Track(sampleRate int) *media.Track {
	samples := 1152
	if sampleRate < 32000 {
		samples = 576
	}
	return &media.Track{Codec: media.MP3, CodecString: "mp4a.40.34", SampleRate: sampleRate, Channels: 2, SamplesPerUnit: samples}
}

// ffprobe 5.1 recognizes the codecs of the golden files.
func TestInit_EqualsTheGoldenFiles(t *testing.T) {
	for name, c := range map[string]struct{ video, audio *media.Track }{
		"hevc": {hevcTrack(4), nil},
		"av1":  {av1Track(), nil},
		"opus": {nil, opusTrack(960)},
		"mp3":  {nil, mp3Track(44100)},
	} {
		got, err := Init(c.video, c.audio)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "init_"+name+".mp4", got)
	}
}

// entryOf returns the sample description box of the only track, and the body of the box name in it.
func entryOf(tb testing.TB, v, a *media.Track, name string) (*mp4.StsdBox, []byte) {
	tb.Helper()
	init, err := Init(v, a)
	if err != nil {
		tb.Fatal(err)
	}
	at := bytes.Index(init, []byte(name))
	if at < 4 {
		tb.Fatalf("there is no %s box", name)
	}
	size := int(init[at-2])<<8 | int(init[at-1])
	return decodeInit(tb, v, a).Moov.Trak.Mdia.Minf.Stbl.Stsd, init[at+4 : at-4+size]
}

func TestInit_DescribesHEVC(t *testing.T) {
	stsd, record := entryOf(t, hevcTrack(2), nil, "hvcC")
	if e := stsd.HvcX; e == nil || e.Type() != "hvc1" || e.Width != 176 || e.Height != 100 {
		t.Errorf("sample entry %+v", e)
	}
	if diff := cmp.Diff(unhex(hevcRecord), record); diff != "" {
		t.Errorf("hvcC (-ffmpeg's +got):\n%s", diff)
	}
}

func TestInit_DescribesAV1(t *testing.T) {
	v := av1Track()
	stsd, record := entryOf(t, v, nil, "av1C")
	e := stsd.Av01
	if e == nil || e.Width != 96 || e.Height != 64 || !bytes.Equal(record, v.Config) {
		t.Errorf("sample entry %+v, av1C %x", e, record)
	}
	_, colour := entryOf(t, v, nil, "colr")
	if want := append([]byte("nclx"), 0, 9, 0, 16, 0, 9, 0); !bytes.Equal(colour, want) {
		t.Errorf("colr %x, want %x", colour, want)
	}
}

func TestInit_DescribesOpusAndMP3(t *testing.T) {
	surround := opusTrack(960)
	surround.Channels, surround.Config = 6, unhex("000601380000bb800000"+"01"+"0402"+"000401020305")
	for _, a := range []*media.Track{opusTrack(960), surround} {
		stsd, dOps := entryOf(t, nil, a, "dOps")
		if e := stsd.Opus; e == nil || int(e.ChannelCount) != a.Channels || e.SampleRate != 48000 || !bytes.Equal(dOps, a.Config) {
			t.Errorf("sample entry %+v, dOps %x", e, dOps)
		}
	}
	for rate, object := range map[int]byte{44100: 0x6b, 24000: 0x69} {
		stsd, _ := entryOf(t, nil, mp3Track(rate), "esds")
		e := stsd.Mp4a
		if c := e.Esds.DecConfigDescriptor; c.ObjectType != object || c.DecSpecificInfo != nil || int(e.SampleRate) != rate || e.ChannelCount != 2 {
			t.Errorf("sample entry %+v, descriptor %+v", e, c)
		}
	}
}

func TestInit_RefusesInvalidTracksOfOtherCodecs(t *testing.T) {
	noSets, noSPS := hevcTrack(4), hevcTrack(4)
	noSets.VPS = nil
	noSPS.SPS = [][]byte{{0x42, 1, 1}}
	for _, c := range []struct {
		want         string
		video, audio *media.Track
	}{
		{"HEVC: parameter sets are missing", noSets, nil},
		{"HEVC: hevc: SPS", noSPS, nil},
		{"AV1: av1: AV1CodecConfigurationRecord: need 4 bytes, have 0", &media.Track{Codec: media.AV1}, nil},
		{"Opus: no OpusSpecificBox", nil, &media.Track{Codec: media.Opus}},
		{"Opus: OpusSpecificBox", nil, &media.Track{Codec: media.Opus, Config: []byte{0, 2}}},
		{"MP3: sample rate is 0", nil, &media.Track{Codec: media.MP3}},
	} {
		if b, err := Init(c.video, c.audio); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d bytes, error %v, want one with %q", len(b), err, c.want)
		}
	}
}

func TestPart_LeavesOutParameterSetsOfHvcC(t *testing.T) {
	v := hevcTrack(4)
	other := unhex("4401c172b46241")
	idr, aud := unhex("2601af06"), unhex("460150")
	u := media.AccessUnit{Track: v, Key: true, Data: nals(4, aud, v.VPS[0], v.SPS[0], v.PPS[0], other, []byte{0x26}, idr)}
	read := readParts(t, v, nil, NewMuxer().Part(v, nil, []media.AccessUnit{u}, 0, 3600))
	if want := nals(4, other, idr); !bytes.Equal(read[0].video[0].Data, want) {
		t.Errorf("sample %x, want %x", read[0].video[0].Data, want)
	}
}

func TestPart_MarksLeadingPicturesOfHEVC(t *testing.T) {
	v := hevcTrack(4)
	cra, rasl, trail := unhex("2a01af06"), unhex("1201d006"), unhex("0201d006")
	units := []media.AccessUnit{
		{Track: v, DTS: 0, PTS: 9000, Key: true, Access: media.AccessOpen, Data: nals(4, cra)},
		{Track: v, DTS: 3000, PTS: 3000, Data: nals(4, rasl)},
		{Track: v, DTS: 6000, PTS: 12000, Data: nals(4, trail)},
	}
	read := readParts(t, v, nil, NewMuxer().Part(v, nil, units, 0, 9000))
	for i, want := range []uint32{dependsOnNothing, isLeading | dependsOnOthers | isNoSync, dependsOnOthers | isNoSync} {
		if got := read[0].video[i].Flags; got != want {
			t.Errorf("picture %d has flags %#x, want %#x", i, got, want)
		}
	}
}

// Another reader takes the sync samples for key frames, too.
func TestPart_KeepsTheOBUsOfAV1(t *testing.T) {
	v := av1Track()
	key, inter := append(bytes.Clone(v.Config[4:]), unhex("320210ff")...), unhex("320230ff")
	units := []media.AccessUnit{{Track: v, Key: true, Data: key}, {Track: v, DTS: 3000, PTS: 3000, Data: inter}}
	read := readParts(t, v, nil, NewMuxer().Part(v, nil, units, 0, 6000))[0].video
	if !bytes.Equal(read[0].Data, key) || !bytes.Equal(read[1].Data, inter) {
		t.Fatalf("samples %x and %x", read[0].Data, read[1].Data)
	}
	record, err := mp4av1.DecodeAV1CodecConfRec(v.Config)
	if err != nil {
		t.Fatal(err)
	}
	header, err := record.SequenceHeader()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range read {
		if rap, err := mp4av1.IsRAPSample(s.Data, header); err != nil || rap != (i == 0) || rap != (s.Flags&isNoSync == 0) {
			t.Errorf("sample %d: random access point %v, %v; flags %#x", i, rap, err, s.Flags)
		}
	}
}

func TestPart_CountsSamplesOfOpusAndMP3(t *testing.T) {
	for _, a := range []*media.Track{opusTrack(960), opusTrack(120), mp3Track(44100), mp3Track(24000)} {
		var units []media.AccessUnit
		for i := range 50 {
			at := media.Ticks(i*a.SamplesPerUnit) * media.Second / media.Ticks(a.SampleRate)
			units = append(units, frame(a, at, 100))
		}
		read := readParts(t, nil, a, NewMuxer().Part(nil, a, units, 0, media.Second))[0].audio
		for i, s := range read {
			if int(s.Duration) != a.SamplesPerUnit {
				t.Errorf("frame %d of %s lasts %d samples, want %d", i, a.Codec, s.Duration, a.SamplesPerUnit)
			}
		}
	}
}
