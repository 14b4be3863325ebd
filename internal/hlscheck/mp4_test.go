package hlscheck

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/hevc"
	"github.com/Eyevinn/mp4ff/mp4"

	"golive/container/fmp4"
	"golive/internal/mediatest"
	"golive/media"
)

// movieOf returns the movie of an initialization segment with one track of that sample entry.
func movieOf(t *testing.T, kind string, entry mp4.Box) *movie {
	t.Helper()
	init := mp4.CreateEmptyInit()
	init.AddEmptyTrack(90_000, kind, "und")
	init.Moov.Trak.Mdia.Minf.Stbl.Stsd.AddChild(entry)
	var b bytes.Buffer
	if err := init.Encode(&b); err != nil {
		t.Fatal(err)
	}
	list, err := boxes(b.Bytes(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var found structureFaults
	m, err := readMovie(list[1], &found)
	if err != nil || len(found) > 0 {
		t.Fatalf("error %v, faults %v", err, found)
	}
	return m
}

func TestReadMovie_ReturnsTheCodec(t *testing.T) {
	esds := func(objectType byte, config *aac.AudioSpecificConfig) mp4.Box {
		var b bytes.Buffer
		if err := config.Encode(&b); err != nil {
			t.Fatal(err)
		}
		e := mp4.CreateEsdsBox(b.Bytes())
		e.DecConfigDescriptor.ObjectType = objectType
		return e
	}
	main := hevc.DecConfRec{
		ConfigurationVersion: 1, GeneralProfileIDC: 1, GeneralProfileCompatibilityFlags: 0x60000000, GeneralConstraintIndicatorFlags: 0xB00000000000, GeneralLevelIDC: 93, LengthSizeMinusOne: 3,
	}
	high := main
	high.GeneralProfileSpace, high.GeneralProfileIDC, high.GeneralTierFlag, high.GeneralConstraintIndicatorFlags = 1, 2, true, 0x900000000001
	for want, c := range map[string]struct {
		kind  string
		entry mp4.Box
		codec Codec
	}{
		"hvc1.1.6.L93.B0":            {"video", mp4.CreateVisualSampleEntryBox("hvc1", 64, 36, &mp4.HvcCBox{DecConfRec: main}), HEVC},
		"hev1.A2.6.H93.90.0.0.0.0.1": {"video", mp4.CreateVisualSampleEntryBox("hev1", 64, 36, &mp4.HvcCBox{DecConfRec: high}), HEVC},
		"av01.0.08M.10":              {"video", mp4.CreateVisualSampleEntryBox("av01", 64, 36, &mp4.Av1CBox{CodecConfRec: av1.CodecConfRec{Version: 1, SeqLevelIdx0: 8, HighBitdepth: 1, ChromaSubsamplingX: 1, ChromaSubsamplingY: 1}}), AV1},
		"mp4a.40.2":                  {"audio", mp4.CreateAudioSampleEntryBox("mp4a", 2, 16, 48000, esds(0x40, &aac.AudioSpecificConfig{ObjectType: 2, ChannelConfiguration: 2, SamplingFrequency: 48000})), AAC},
		"mp4a.40.5":                  {"audio", mp4.CreateAudioSampleEntryBox("mp4a", 2, 16, 24000, esds(0x40, &aac.AudioSpecificConfig{ObjectType: 5, ChannelConfiguration: 2, SamplingFrequency: 24000, ExtensionFrequency: 48000, SBRPresentFlag: true})), AAC},
		"mp4a.6B":                    {"audio", mp4.CreateAudioSampleEntryBox("mp4a", 2, 16, 48000, esds(0x6b, &aac.AudioSpecificConfig{ObjectType: 2, ChannelConfiguration: 2, SamplingFrequency: 48000})), OtherAudio},
		"Opus":                       {"audio", mp4.CreateAudioSampleEntryBox("Opus", 2, 16, 48000, &mp4.DopsBox{OutputChannelCount: 2, InputSampleRate: 48000}), Opus},
	} {
		s := movieOf(t, c.kind, c.entry).tracks[0].stream
		if s.CodecString != want || s.Codec != c.codec {
			t.Errorf("%s of %s, want %s of %s", s.CodecString, s.Codec, want, c.codec)
		}
	}
}

func TestSameCodec_ComparesByRFC6381(t *testing.T) {
	for _, c := range []struct {
		declared, carried string
		want              bool
	}{
		{"avc1.64001f", "avc1.64001F", true},
		{"avc1.640020", "avc1.64001F", true},
		{"avc1.64001e", "avc1.64001F", false},
		{"hvc1.1.6.L93.B0", "hvc1.1.6.L93.B0", true},
		{"hev1.1.6.L93.B0", "hvc1.1.6.L93.B0", false},
		{"av01.0.08M.10.0.110.09", "av01.0.08M.10", true},
		{"av01.0.09M.10", "av01.0.08M.10", true},
		{"av01.0.07M.10", "av01.0.08M.10", false},
		{"mp4a.40.5", "mp4a.40.2", true},
		{"mp4a.40.2", "mp4a.40.5", false},
		{"mp4a.40.34", "mp4a.6B", true},
		{"opus", "Opus", true},
	} {
		if got := sameCodec(c.declared, c.carried); got != c.want {
			t.Errorf("%s for %s: %t", c.declared, c.carried, got)
		}
	}
}

func TestDemux_AppliesTheEditListOfMP4(t *testing.T) {
	c := newCMAF(t, mediatest.H264(640, 36), mediatest.AAC())
	times := func() [2]int64 {
		contents, err := Demux(t.Context(), slices.Concat(c.init, c.segments[0].bytes()))
		if err != nil {
			t.Fatal(err)
		}
		u := contents.Video().Units[0]
		return [2]int64{u.DTS, u.PTS}
	}
	if got := times(); got != [2]int64{126_000, 126_000} {
		t.Errorf("DTS and PTS %d", got)
	}
	withEditList(t, c)
	if got := times(); got != [2]int64{126_000, 123_000} {
		t.Errorf("DTS and PTS %d with an edit list", got)
	}
}

func TestDemux_ReportsWhatIsWrongWithMP4(t *testing.T) {
	c := newCMAF(t, mediatest.H264(640, 36), mediatest.AAC())
	part := c.segments[0].parts[0].data
	file := slices.Concat(c.init, part)
	for name, change := range map[string]struct {
		data []byte
		want string
	}{
		"no initialization segment": {part, "no moov"},
		"initialization alone":      {c.init, "no moof"},
		"cut in a header":           {file[:len(file)-len(find(t, part, "mdat"))+5], "are no box"},
		"cut in mdat":               {file[:len(file)-1], "mdat"},
	} {
		if _, err := Demux(t.Context(), change.data); err == nil || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: error %v, want %s", name, err, change.want)
		}
	}
	lengths := slices.Clone(file)
	put32(find(t, lengths, "mdat")[8:], 1<<20)
	if _, err := Demux(t.Context(), lengths); err == nil || !strings.Contains(err.Error(), "NAL unit of 1048576 bytes") {
		t.Errorf("NAL unit that is too long: %v", err)
	}
}

// A part without pictures has an empty track fragment, which accounts for the hole in decode times.
func TestAnalyser_AcceptsPartsWithoutPictures(t *testing.T) {
	video, audio := mediatest.H264(640, 36), mediatest.AAC()
	units := mediatest.Stream{Video: video, Audio: audio, FPS: 1, GOP: 2, Length: 4 * time.Second}.Units()
	init, err := fmp4.Init(video, audio)
	if err != nil {
		t.Fatal(err)
	}
	cut := func(keepEmpty bool) []Violation {
		found := &violations{}
		a := newAnalyser(func(rule int, format string, args ...any) {
			found.add(Violation{Rule: rule, Text: fmt.Sprintf(format, args...)})
		})
		mux := fmp4.NewMuxer()
		rest, at, empty := units, media.Ticks(0), 0
		for len(rest) > 0 {
			n := 0
			for n < len(rest) && rest[n].DTS < at+media.Second/2 {
				n++
			}
			data := mux.Part(video, audio, rest[:n], at, at+media.Second/2)
			pictures := slices.ContainsFunc(rest[:n], func(u media.AccessUnit) bool { return u.Track == video })
			rest, at = rest[n:], at+media.Second/2
			if !pictures {
				empty++
				if !keepEmpty {
					continue
				}
			}
			a.check(t.Context(), &piece{part: true, init: init, data: data, mapped: true, duration: 500 * time.Millisecond})
		}
		if empty < 3 {
			t.Fatalf("%d parts without pictures", empty)
		}
		return found.sorted()
	}
	if wrong := cut(true); len(wrong) > 0 {
		t.Errorf("parts without pictures: %v", wrong)
	}
	if wrong := cut(false); !slices.Contains(rules(wrong), 24) {
		t.Errorf("without those parts: %v, want rule 24", wrong)
	}
}

func TestInspect_FindsWhereDecodingCanStart(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec Codec
		data  []byte
		want  accessUnit
	}{
		{"IDR with its sets", H264, annexB(testSPS, testPPS, []byte{0x65, 0x88}), accessUnit{decodable: true, idr: true}},
		{"intra", H264, annexB([]byte{0x41, 0xb0}), accessUnit{intra: true}},
		{"predicted", H264, annexB([]byte{0x41, 0xc8}), accessUnit{}},
		{"recovery point", H264, annexB([]byte{6, 6, 1, 0xc4, 0x80}, []byte{0x41, 0xc8}), accessUnit{recovery: true}},
		{"recovery point after another message", H264, annexB([]byte{6, 5, 2, 1, 1, 6, 1, 0xc4, 0x80}, []byte{0x41, 0xc8}), accessUnit{recovery: true}},
		{"another message", H264, annexB([]byte{6, 0xff, 1, 2, 1, 1, 0x80}, []byte{0x41, 0xc8}), accessUnit{}},
		{"HEVC IDR", HEVC, annexB([]byte{19 << 1, 1, 0xaa}), accessUnit{idr: true}},
		{"HEVC CRA with its sets", HEVC, annexB([]byte{32 << 1, 1}, []byte{33 << 1, 1}, []byte{34 << 1, 1}, []byte{21 << 1, 1, 0xaa}), accessUnit{decodable: true, idr: true}},
		{"HEVC trailing picture", HEVC, annexB([]byte{1 << 1, 1, 0xaa}), accessUnit{}},
		{"HEVC recovery point", HEVC, annexB([]byte{39 << 1, 1, 6, 1, 0xc4, 0x80}), accessUnit{recovery: true}},
		{"AV1 key frame", AV1, []byte{0x12, 0, 0x0a, 2, 1, 1, 0x32, 2, 0x10, 0}, accessUnit{decodable: true, idr: true}},
		{"AV1 inter frame", AV1, []byte{0x12, 0, 0x32, 2, 0x30, 0}, accessUnit{}},
		{"AV1 cut off", AV1, []byte{0x12, 0, 0x32, 9, 0x10}, accessUnit{}},
	} {
		s := &Stream{Codec: c.codec}
		if got := s.inspect(&Unit{Data: c.data}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// FuzzDemux_MP4 reads invalid files: the reader must neither panic nor return more bytes than the
// file has.
func FuzzDemux_MP4(f *testing.F) {
	v, a := mediatest.H264(640, 36), mediatest.AAC()
	units := mediatest.Stream{Video: v, Audio: a, FPS: 10, GOP: 5, Length: time.Second, BitRate: 8000}.Units()
	init, err := fmp4.Init(v, a)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(init, fmp4.NewMuxer().Part(v, a, units, 0, media.Second))
	f.Add([]byte(nil), slices.Concat(init, fmp4.NewMuxer().Part(v, a, nil, 0, media.Second)))
	f.Fuzz(func(t *testing.T, init, data []byte) {
		c := &mp4Container{}
		contents, _, err := c.demux(t.Context(), init, data)
		if err != nil {
			return
		}
		size, units := 0, 0
		for _, s := range contents.Streams {
			for i := range s.Units {
				if s.inspected() {
					s.inspect(&s.Units[i])
				}
				size += len(s.Units[i].Data)
			}
			units += len(s.Units)
			s.hasEmptyFragment()
			s.usualStep()
		}
		if size > len(data) || units > len(data) {
			t.Errorf("%d units of %d bytes in %d bytes", units, size, len(data))
		}
		an := newAnalyser(func(int, string, ...any) {})
		p := &piece{init: init, data: data, mapped: true, duration: time.Second, date: cmafEpoch(), independent: true}
		an.check(t.Context(), p)
		an.check(t.Context(), p)
	})
}
