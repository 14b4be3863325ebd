package hlscheck

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"slices"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"golive/container/fmp4"
	"golive/internal/mediatest"
)

// A change changes a stream before it is followed.
type change = func(*testing.T, *cmaf)

func replaceInPlaylist(old, with string) change {
	return func(_ *testing.T, c *cmaf) { c.media = replaced(old, with) }
}

func declareCodecs(with string) change {
	return func(_ *testing.T, c *cmaf) { c.multivariant = replaced("avc1.64001f,mp4a.40.2", with) }
}

func withStyp(_ *testing.T, c *cmaf) {
	styp := newBox("styp", []byte("msdh\x00\x00\x00\x00msdhmsix")...)
	for i := range c.segments {
		c.segments[i].data = slices.Concat(styp, c.segments[i].bytes())
	}
}

// changeInit replaces the initialization segment from the third segment on.
func changeInit(t *testing.T, c *cmaf) {
	t.Helper()
	init, err := fmp4.Init(mediatest.H264(320, 18), mediatest.AAC())
	if err != nil {
		t.Fatal(err)
	}
	c.segments[2].init = init
}

func changeInitWithDiscontinuity(t *testing.T, c *cmaf) {
	t.Helper()
	changeInit(t, c)
	c.segments[2].discontinuity = true
}

// withEditList presents the pictures 3000 ticks earlier.
func withEditList(t *testing.T, c *cmaf) {
	t.Helper()
	file, err := mp4.DecodeFile(bytes.NewReader(c.init))
	if err != nil {
		t.Fatal(err)
	}
	edts := &mp4.EdtsBox{}
	edts.AddChild(&mp4.ElstBox{Entries: []mp4.ElstEntry{{MediaTime: 3000, MediaRateInteger: 1}}})
	file.Init.Moov.Traks[0].AddChild(edts)
	var b bytes.Buffer
	if err := file.Init.Encode(&b); err != nil {
		t.Fatal(err)
	}
	c.init = b.Bytes()
}

func initInRange(_ *testing.T, c *cmaf) {
	c.more = map[string]string{"/all.mp4": string(newBox("free")) + string(c.init) + "and more"}
	c.media = replaced(`URI="init.mp4"`, `URI="all.mp4",BYTERANGE="`+number(int64(len(c.init)))+`@8"`)
}

// changePart changes the bytes of a part, and so of its segment.
func changePart(segment, part int, do func(t *testing.T, data []byte) []byte) change {
	return func(t *testing.T, c *cmaf) {
		t.Helper()
		p := &c.segments[segment].parts[part]
		p.data = do(t, p.data)
	}
}

// changeBox changes the body of a box in a part. traf is the index of the track fragment.
func changeBox(segment, part, traf int, kind string, do func(body []byte)) change {
	return changePart(segment, part, func(t *testing.T, data []byte) []byte {
		t.Helper()
		list, err := boxes(data, 0)
		if err != nil {
			t.Fatal(err)
		}
		moof := list[slices.IndexFunc(list, func(b box) bool { return b.kind == "moof" })]
		trafs, err := moof.children("traf")
		if err != nil {
			t.Fatal(err)
		}
		b, err := trafs[traf].child(kind)
		if err != nil {
			t.Fatal(err)
		}
		do(b.body)
		return data
	})
}

// addToDecodeTime adds to the decode time of a track fragment.
func addToDecodeTime(segment, part, traf int, add int64) change {
	return changeBox(segment, part, traf, "tfdt", func(body []byte) {
		at := binary.BigEndian.Uint64(body[4:])
		binary.BigEndian.PutUint64(body[4:], uint64(int64(at)+add))
	})
}

func declareIndependent(segment, part int) change {
	return func(_ *testing.T, c *cmaf) { c.segments[segment].parts[part].independent = true }
}

// firstNAL returns the first NAL unit of a part.
func firstNAL(t *testing.T, data []byte) []byte {
	t.Helper()
	return find(t, data, "mdat")[8+4:]
}

func withFault(f fault) change { return func(_ *testing.T, c *cmaf) { c.fault = f } }

// changeInitBox changes the body of a box of the initialization segment.
func changeInitBox(kind string, do func(after []byte)) change {
	return func(_ *testing.T, c *cmaf) { do(c.init[bytes.Index(c.init, []byte(kind))+4:]) }
}

func plantedCMAFFaults() []struct {
	name  string
	rules []int
	plant change
} {
	return []struct {
		name  string
		rules []int
		plant change
	}{
		{"version 5", []int{49}, replaceInPlaylist("VERSION:6", "VERSION:5")},
		{"version 8", []int{49}, replaceInPlaylist("VERSION:6", "VERSION:8")},
		{"no MAP", []int{25}, replaceInPlaylist("#EXT-X-MAP:URI=\"init.mp4\"\n", "")},
		{"MAP without a URI", []int{0, 25}, replaceInPlaylist("#EXT-X-MAP:URI", "#EXT-X-MAP:URL")},
		{"missing initialization segment", []int{10}, replaceInPlaylist("init.mp4", "none.mp4")},
		{"initialization segment has no moov", []int{54}, func(t *testing.T, c *cmaf) { c.init = find(t, c.init, "ftyp") }},
		{"initialization segment has no ftyp", []int{54}, func(t *testing.T, c *cmaf) { c.init = find(t, c.init, "moov") }},
		{"initialization segment has no trex", []int{54}, changeInitBox("mvex", func(after []byte) { copy(after[4:], "trey") })},
		{"new initialization segment without EXT-X-DISCONTINUITY", []int{7}, changeInit},
		{"part begins 10 ms late", []int{24}, addToDecodeTime(1, 2, 0, 900)},
		{"part begins 10 ms early", []int{24}, addToDecodeTime(1, 2, 0, -900)},
		{"segment begins 10 ms early", []int{24}, addToDecodeTime(2, 0, 0, -900)},
		{"audio begins a frame early", []int{24}, addToDecodeTime(1, 2, 1, -1024)},
		{"part without a key frame is declared independent", []int{23}, declareIndependent(1, 1)},
		{"key frame is not marked as sync sample", []int{23}, changeBox(1, 0, 0, "trun", func(body []byte) { body[21] |= 1 })},
		{"sync sample is not a key frame", []int{23}, changePart(1, 0, func(t *testing.T, data []byte) []byte {
			t.Helper()
			copy(firstNAL(t, data), []byte{0x41, 0xc8})
			return data
		})},
		{"CODECS with too low a level", []int{43}, declareCodecs("avc1.64001e,mp4a.40.2")},
		{"CODECS with a higher level", nil, declareCodecs("avc1.640020,mp4a.40.2")},
		{"CODECS with another sample entry", []int{43}, declareCodecs("avc3.64001f,mp4a.40.2")},
		{"CODECS without the audio", []int{43}, declareCodecs("avc1.64001f")},
		{"CODECS with a codec that is not used", []int{43}, declareCodecs("avc1.64001f,mp4a.40.2,Opus")},
		{"avcC contradicts its SPS", []int{43, 54}, changeInitBox("avcC", func(after []byte) { after[3] = 32 })},
		{"wrong duration of a segment", []int{8, 22}, replaceInPlaylist("#EXTINF:2.00000,\ns-1", "#EXTINF:1.99000,\ns-1")},
		{"wrong duration of a part", []int{22}, replaceInPlaylist(`0.50000,URI="s-1.1`, `0.49700,URI="s-1.1`)},
		{"segment has other bytes than its parts", []int{53}, func(_ *testing.T, c *cmaf) {
			c.segments[1].data = c.segments[1].bytes()
			c.segments[1].data[len(c.segments[1].data)-1]++
		}},
		{"segment lacks a part", []int{20, 22, 24, 53}, func(_ *testing.T, c *cmaf) {
			short := cmafSegment{parts: c.segments[1].parts[:3]}
			c.segments[1].data = short.bytes()
		}},
		{"sequence number decreases", []int{54}, changePart(2, 0, func(t *testing.T, data []byte) []byte {
			t.Helper()
			put32(find(t, data, "moof", "mfhd")[12:], 1)
			return data
		})},
		{"mdat is too large", []int{54}, changePart(1, 1, func(t *testing.T, data []byte) []byte {
			t.Helper()
			mdat := find(t, data, "mdat")
			put32(mdat, u32(mdat)+4)
			return append(slices.Clip(data), 1, 2, 3, 4)
		})},
		{"truncated part", []int{54}, changePart(1, 3, func(_ *testing.T, data []byte) []byte { return data[:len(data)-10] })},
		{"wrong data offset", []int{54}, changeBox(1, 1, 0, "trun", func(body []byte) { put32(body[8:], u32(body[8:])+1<<20) })},
		{"offsets are not relative to moof", []int{54}, changeBox(1, 1, 1, "tfhd", func(body []byte) { body[1] &^= 2 })},
		{"fragment of an unknown track", []int{54}, changeBox(1, 1, 1, "tfhd", func(body []byte) { body[7] = 9 })},
		{"moov in a segment", []int{54}, func(t *testing.T, c *cmaf) {
			t.Helper()
			c.segments[1].data = slices.Concat(find(t, c.init, "moov"), c.segments[1].bytes())
		}},
		{"no fragment", []int{54}, func(_ *testing.T, c *cmaf) { c.segments[1].data = newBox("styp") }},
		{"wrong time in prft", []int{21}, changePart(1, 0, func(t *testing.T, data []byte) []byte {
			t.Helper()
			ntp := find(t, data, "prft")[16:]
			put32(ntp, u32(ntp)+3600)
			return data
		})},
		{"unknown track in prft", []int{54}, changePart(1, 0, func(t *testing.T, data []byte) []byte {
			t.Helper()
			put32(find(t, data, "prft")[12:], 7)
			return data
		})},
		{"media type of segments", []int{45}, withFault(changeHeader(pathMatches(`\.m4s$`), func(h http.Header) { h.Set("Content-Type", "video/mp2t") }))},
		{"media type of initialization segments", []int{45}, withFault(changeHeader(pathMatches(`init.mp4$`), func(h http.Header) { h.Set("Content-Type", "application/octet-stream") }))},
	}
}

func TestFollow_FindsPlantedFaultsInCMAF(t *testing.T) {
	for _, c := range plantedCMAFFaults() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stream := newCMAF(t, mediatest.H264(640, 36), mediatest.AAC())
			c.plant(t, stream)
			rec := stream.follow(t)
			if got := rules(rec.Violations); !slices.Equal(got, c.rules) {
				t.Errorf("rules %v, want %v", got, c.rules)
			}
			for _, v := range rec.Violations {
				t.Log(v)
			}
		})
	}
}
