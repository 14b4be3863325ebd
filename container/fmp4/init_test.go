package fmp4

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/google/go-cmp/cmp"

	"golive/codec/aac"
	"golive/codec/h264"
	"golive/media"
)

// decodeInit reads an initialization segment with mp4ff.
func decodeInit(tb testing.TB, v, a *media.Track) *mp4.InitSegment {
	tb.Helper()
	b, err := Init(v, a)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		tb.Fatal(err)
	}
	if f.Init.Size() != uint64(len(b)) {
		tb.Fatalf("the boxes have %d bytes, want %d", f.Init.Size(), len(b))
	}
	return f.Init
}

func TestInit_DescribesH264AndAAC(t *testing.T) {
	v, a, _ := recording(t)
	i := decodeInit(t, v, a)
	if brand := i.Ftyp.MajorBrand(); brand != "iso6" || len(i.Moov.Traks) != 2 || i.Moov.Mvhd.NextTrackID != 3 {
		t.Fatalf("brand %s, %d tracks, next %d", brand, len(i.Moov.Traks), i.Moov.Mvhd.NextTrackID)
	}
	video, audio := i.Moov.Traks[0], i.Moov.Traks[1]
	if video.Tkhd.TrackID != 1 || video.Mdia.Mdhd.Timescale != 90000 || video.Tkhd.Width != 160<<16 || video.Tkhd.Height != 90<<16 {
		t.Errorf("video track %+v, %+v", video.Tkhd, video.Mdia.Mdhd)
	}
	entry := video.Mdia.Minf.Stbl.Stsd.AvcX
	if entry == nil || entry.Type() != "avc1" || entry.Width != 160 || entry.Height != 90 {
		t.Fatalf("sample entry %+v", entry)
	}
	record := entry.AvcC
	if diff := cmp.Diff(v.SPS, record.SPSnalus); diff != "" {
		t.Errorf("SPS (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(v.PPS, record.PPSnalus); diff != "" {
		t.Errorf("PPS (-want +got):\n%s", diff)
	}
	if record.ChromaFormat != 1 || record.BitDepthLumaMinus1 != 0 || record.NoTrailingInfo {
		t.Errorf("avcC %+v", record)
	}
	if audio.Tkhd.TrackID != 2 || audio.Mdia.Mdhd.Timescale != 48000 {
		t.Errorf("audio track %+v, %+v", audio.Tkhd, audio.Mdia.Mdhd)
	}
	if c := configOf(t, audio); c.SampleRate != 48000 || c.Channels != 2 || c.CodecString != aac.CodecLC {
		t.Errorf("AudioSpecificConfig %+v", c)
	}
	for _, id := range []uint32{1, 2} {
		if trex, ok := i.Moov.Mvex.GetTrex(id); !ok || trex.DefaultSampleDescriptionIndex != 1 {
			t.Errorf("trex of track %d: %+v", id, trex)
		}
	}
}

// configOf reads the AudioSpecificConfig of a track.
func configOf(tb testing.TB, trak *mp4.TrakBox) *aac.Config {
	tb.Helper()
	specific := trak.Mdia.Minf.Stbl.Stsd.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig
	c, err := aac.ParseASC(specific)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestInit_IsACMAFHeaderForOneTrack(t *testing.T) {
	v, a, _ := recording(t)
	for _, tracks := range [][2]*media.Track{{v, nil}, {nil, a}} {
		i := decodeInit(t, tracks[0], tracks[1])
		if i.Ftyp.MajorBrand() != "cmf2" || len(i.Moov.Traks) != 1 || i.Moov.Trak.Tkhd.TrackID != 1 || i.Moov.Mvhd.NextTrackID != 2 {
			t.Errorf("brand %s, %d tracks; want cmf2, 1", i.Ftyp.MajorBrand(), len(i.Moov.Traks))
		}
	}
}

func TestInit_DescribesEveryAACConfiguration(t *testing.T) {
	for _, want := range []aac.Config{
		{ObjectType: 2, SampleRate: 44100, Channels: 1, CodecString: aac.CodecLC},
		{ObjectType: 2, SampleRate: 96000, Channels: 6, CodecString: aac.CodecLC},
		{ObjectType: 2, SampleRate: 24000, Channels: 2, CodecString: aac.CodecHE},
		{ObjectType: 2, SampleRate: 24000, Channels: 1, CodecString: aac.CodecHEv2},
		{ObjectType: 2, SampleRate: 48000, Channels: 8, CodecString: aac.CodecLC},
	} {
		want.SamplesPerUnit = 1024
		a := aacTrack(want.SampleRate, want.Channels)
		a.CodecString = want.CodecString
		got := configOf(t, decodeInit(t, nil, a).Moov.Trak)
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("config (-want +got):\n%s", diff)
		}
	}
}

// A layout without a channel configuration is described in each frame, beside the configuration with as
// many channels. That of 6.1 has none: it is in the sample entry.
func TestInit_CarriesALayoutWithoutChannelConfiguration(t *testing.T) {
	for name, tt := range map[string]struct {
		asc     []byte
		inFrame bool
	}{
		"quad": {[]byte{0x11, 0x80, 0x04, 0xc4, 0x04, 0x00, 0x21, 0x10, 0x00}, true},
		"6.1":  {[]byte{0x11, 0xd8}, false}, // channel configuration 11
	} {
		want, err := aac.ParseASC(tt.asc)
		if err != nil {
			t.Fatal(err)
		}
		a := aacTrack(48000, want.Channels)
		layout := want.ProgramConfig
		a.ProgramConfig = layout
		frame, inFrame := frame(a, 0, 5), []byte(nil)
		if tt.inFrame {
			want.ProgramConfig, inFrame = nil, layout
		}
		if diff := cmp.Diff(want, configOf(t, decodeInit(t, nil, a).Moov.Trak)); diff != "" {
			t.Errorf("%s: config (-want +got):\n%s", name, diff)
		}
		own := frame
		own.Data = append(bytes.Clone(layout), frame.Data...) // it has its own
		for _, u := range []media.AccessUnit{frame, own} {
			part := NewMuxer().Part(nil, a, []media.AccessUnit{u}, 0, 1920)
			data := append(bytes.Clone(inFrame), frame.Data...)
			if u.Data[0] == layout[0] {
				data = u.Data
			}
			if got := part[bytes.Index(part, []byte("mdat"))+4:]; !bytes.Equal(got, data) {
				t.Errorf("%s: the sample is % x, want % x", name, got, data)
			}
		}
	}
}

func TestInit_DescribesAspectRatioAndColour(t *testing.T) {
	colour := func(primaries, transfer, matrix uint16, full bool) *mp4.ColrBox {
		return &mp4.ColrBox{
			ColorType: "nclx", ColorPrimaries: primaries, TransferCharacteristics: transfer, MatrixCoefficients: matrix, FullRangeFlag: full,
		}
	}
	// The SPSs are those of
	//	ffmpeg -f lavfi -i testsrc2=s=320x240 -vf setsar=S -color_primaries P -color_trc T -colorspace C -pix_fmt F -c:v libx264
	for _, c := range []struct {
		name, sps          string
		width              mp4.Fixed32
		pasp               *mp4.PaspBox
		colr               *mp4.ColrBox
		chroma, depthMinus byte
	}{
		{
			"anamorphic, BT.709, full range", "6764000dacd94141fb0e6e020202800000030080000019078a14cb",
			320 << 16 * 4 / 3, &mp4.PaspBox{HSpacing: 4, VSpacing: 3}, colour(1, 1, 1, true), 1, 0,
		},
		{
			"an aspect ratio without an index, PQ, 4:2:2, 10 bits", "677a000db6cd94141fbff005b004a6a12201280000030008000003019078a14cb0",
			320 << 16 * 91 / 74, &mp4.PaspBox{HSpacing: 91, VSpacing: 74}, colour(9, 16, 9, false), 2, 2,
		},
		{"4:4:4, without a VUI", "67f4000d919b28283f42000003000200000300641e28532c", 320 << 16, nil, nil, 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			sps, err := hex.DecodeString(c.sps)
			if err != nil {
				t.Fatal(err)
			}
			v := &media.Track{Codec: media.H264, SPS: [][]byte{sps}, PPS: [][]byte{{0x68, 0xee}}, NALLengthSize: 4, Width: 320, Height: 240}
			trak := decodeInit(t, v, nil).Moov.Trak
			entry := trak.Mdia.Minf.Stbl.Stsd.AvcX
			if trak.Tkhd.Width != c.width || trak.Tkhd.Height != 240<<16 || entry.Width != 320 {
				t.Errorf("presented with %x by %x, want %x by %x; coded width %d, want 320", trak.Tkhd.Width, trak.Tkhd.Height, c.width, 240<<16, entry.Width)
			}
			if diff := cmp.Diff(c.pasp, entry.Pasp); diff != "" {
				t.Errorf("pasp (-want +got):\n%s", diff)
			}
			var colr *mp4.ColrBox
			for _, child := range entry.Children {
				if box, ok := child.(*mp4.ColrBox); ok {
					colr = box
				}
			}
			if diff := cmp.Diff(c.colr, colr); diff != "" {
				t.Errorf("colr (-want +got):\n%s", diff)
			}
			if r := entry.AvcC; r.ChromaFormat != c.chroma || r.BitDepthLumaMinus1 != c.depthMinus || r.BitDepthChromaMinus1 != c.depthMinus {
				t.Errorf("avcC %+v", r)
			}
		})
	}
}

func TestInit_RefusesInvalidTracks(t *testing.T) {
	v, a, _ := recording(t)
	change := func(t *media.Track, f func(t *media.Track)) *media.Track {
		c := *t
		f(&c)
		return &c
	}
	for _, c := range []struct {
		name         string
		video, audio *media.Track
		want         string
	}{
		{"nothing", nil, nil, "no track"},
		{"no SPS", change(v, func(t *media.Track) { t.SPS = nil }), a, "H.264: 0 SPS"},
		{"a short SPS", change(v, func(t *media.Track) { t.SPS = [][]byte{{0x67}} }), a, "need 4 bytes of SPS, have 1"},
		{"too many SPS", change(v, func(t *media.Track) { t.SPS = make([][]byte, 32) }), a, "32 SPS"},
		{"no PPS", change(v, func(t *media.Track) { t.PPS = nil }), a, "0 PPS"},
		{"a long PPS", change(v, func(t *media.Track) { t.PPS = [][]byte{make([]byte, 1<<16)} }), a, "65536 bytes"},
		{"seven channels", v, change(a, func(t *media.Track) { t.Channels = 7 }), "AAC: aac: AAC is not supported"},
		{"no codec", change(v, func(t *media.Track) { t.Codec = 99 }), nil, "unknown: codec is not carried"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if b, err := Init(c.video, c.audio); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d bytes, error %v, want one with %q", len(b), err, c.want)
			}
		})
	}
}

// FuzzInit writes an initialization segment for any SPS that package h264 can read.
func FuzzInit(f *testing.F) {
	v, _, _ := recording(f)
	f.Add(v.SPS[0])
	f.Fuzz(func(t *testing.T, sps []byte) {
		c, err := h264.FromParameterSets([][]byte{sps}, [][]byte{{0x68, 0xee, 0x3c, 0x80}})
		if err != nil || len(c.SPS) == 0 || len(sps) > 4096 {
			return
		}
		track := &media.Track{Codec: media.H264, SPS: c.SPS, PPS: c.PPS, NALLengthSize: 4, Width: c.Width, Height: c.Height}
		i := decodeInit(t, track, nil)
		entry := i.Moov.Trak.Mdia.Minf.Stbl.Stsd.AvcX
		if int(entry.Width) != c.Width || int(entry.Height) != c.Height || !bytes.Equal(entry.AvcC.SPSnalus[0], sps) {
			t.Errorf("sample entry %+v, want that of %+v", entry, c)
		}
	})
}
