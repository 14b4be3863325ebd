package hlscheck

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/container/fmp4"
	"golive/internal/mediatest"
	"golive/media"
)

// cmaf is a low-latency stream of fragmented MP4 that has ended: four segments of 2 s, each
// of four parts.
type cmaf struct {
	init     []byte
	segments []cmafSegment
	// media changes the media playlist, multivariant the multivariant one.
	media, multivariant func(string) string
	// more are further files.
	more map[string]string
	// fault wraps the handler.
	fault fault
}

type cmafSegment struct {
	// init is its own initialization segment.
	init          []byte
	discontinuity bool
	parts         []cmafPart
	// data are the segment's bytes; nil stands for those of its parts.
	data []byte
}

type cmafPart struct {
	data        []byte
	independent bool
}

func cmafEpoch() time.Time { return time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC) }

// newCMAF returns a stream of tracks, either of which may be nil.
func newCMAF(t *testing.T, video, audio *media.Track) *cmaf {
	t.Helper()
	init, err := fmp4.Init(video, audio)
	if err != nil {
		t.Fatal(err)
	}
	c := &cmaf{init: init, segments: make([]cmafSegment, 4)}
	units := mediatest.Stream{
		Video: video, Audio: audio, FPS: 30, GOP: 60, Length: 8 * time.Second, Epoch: cmafEpoch(), BitRate: 80_000,
	}.Units()
	mux, at := fmp4.NewMuxer(), media.Ticks(0)
	const step = media.Second / 2
	for i := range c.segments {
		for j := range 4 {
			n := slices.IndexFunc(units, func(u media.AccessUnit) bool { return u.DTS >= at+step })
			if n < 0 {
				n = len(units)
			}
			data := mux.Part(video, audio, units[:n], at, at+step)
			c.segments[i].parts = append(c.segments[i].parts, cmafPart{data: data, independent: j == 0})
			units, at = units[n:], at+step
		}
	}
	return c
}

// files returns the stream as files.
func (c *cmaf) files() map[string]string {
	files := map[string]string{"/init.mp4": string(c.init)}
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=1.5\n" +
		"#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n")
	for i, s := range c.segments {
		if s.discontinuity {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if s.init != nil {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"init-%d.mp4\"\n", i)
			files[fmt.Sprintf("/init-%d.mp4", i)] = string(s.init)
		}
		date := cmafEpoch().Add(time.Duration(i) * 2 * time.Second)
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", date.Format("2006-01-02T15:04:05.000Z"))
		for j, p := range s.parts {
			flag := ""
			if p.independent {
				flag = ",INDEPENDENT=YES"
			}
			fmt.Fprintf(&b, "#EXT-X-PART:DURATION=0.50000,URI=\"s-%d.%d.m4s\"%s\n", i, j, flag)
			files[fmt.Sprintf("/s-%d.%d.m4s", i, j)] = string(p.data)
		}
		fmt.Fprintf(&b, "#EXTINF:2.00000,\ns-%d.m4s\n", i)
		files[fmt.Sprintf("/s-%d.m4s", i)] = string(s.bytes())
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	maps.Copy(files, c.more)
	files["/media.m3u8"] = b.String()
	files["/index.m3u8"] = "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n" +
		"#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=900000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x36,FRAME-RATE=30,CLOSED-CAPTIONS=NONE\nmedia.m3u8\n"
	if c.media != nil {
		files["/media.m3u8"] = c.media(files["/media.m3u8"])
	}
	if c.multivariant != nil {
		files["/index.m3u8"] = c.multivariant(files["/index.m3u8"])
	}
	return files
}

func (s *cmafSegment) bytes() []byte {
	if s.data != nil {
		return s.data
	}
	var all []byte
	for _, p := range s.parts {
		all = append(all, p.data...)
	}
	return all
}

// follow follows the stream to its end.
func (c *cmaf) follow(t *testing.T) (rec *Recording) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		handler := fileServer(c.files(), true)
		if c.fault != nil {
			handler = c.fault(handler)
		}
		f, err := Open(t.Context(), serveOn(t, handler, nil, false), "http://a.test/index.m3u8", Options{LowLatency: true})
		if err != nil {
			t.Fatal(err)
		}
		if rec, err = f.Follow(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	return rec
}

// find returns the box at a path, as a slice of data.
func find(t *testing.T, file []byte, path ...string) []byte {
	t.Helper()
	list, err := boxes(file, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		if b.kind != path[0] {
			continue
		}
		if len(path) == 1 {
			return b.raw
		}
		if b, err = b.child(path[1:]...); err != nil {
			t.Fatal(err)
		}
		return b.raw
	}
	t.Fatalf("no box %s", path[0])
	return nil
}

func u32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

func put32(b []byte, n uint32) { binary.BigEndian.PutUint32(b, n) }

// newBox returns a box.
func newBox(kind string, body ...byte) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

func replaced(old, with string) func(string) string {
	return func(text string) string {
		if !strings.Contains(text, old) {
			panic("there is no " + old)
		}
		return strings.Replace(text, old, with, 1)
	}
}

func TestFollow_FindsNothingWrongWithCMAF(t *testing.T) {
	for name, c := range map[string]struct {
		video, audio *media.Track
		change       change
	}{
		"muxed":      {video: mediatest.H264(640, 36), audio: mediatest.AAC()},
		"video":      {video: mediatest.H264(640, 36), change: declareCodecs("avc1.64001F")},
		"audio":      {audio: mediatest.AAC(), change: declareCodecs("mp4a.40.2")},
		"with styp":  {video: mediatest.H264(640, 36), audio: mediatest.AAC(), change: withStyp},
		"version 7":  {video: mediatest.H264(640, 36), audio: mediatest.AAC(), change: replaceInPlaylist("VERSION:6", "VERSION:7")},
		"new init":   {video: mediatest.H264(640, 36), audio: mediatest.AAC(), change: changeInitWithDiscontinuity},
		"edit list":  {video: mediatest.H264(640, 36), audio: mediatest.AAC(), change: withEditList},
		"init range": {video: mediatest.H264(640, 36), audio: mediatest.AAC(), change: initInRange},
	} {
		t.Run(name, func(t *testing.T) {
			stream := newCMAF(t, c.video, c.audio)
			if c.change != nil {
				c.change(t, stream)
			}
			rec := stream.follow(t)
			for _, v := range rec.Violations {
				t.Error(v)
			}
			r := rec.Renditions[0]
			if len(r.Segments) != 4 || len(r.Parts) < 14 {
				t.Fatalf("%d segments, %d parts", len(r.Segments), len(r.Parts))
			}
			contents, err := Demux(t.Context(), r.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if video := contents.Video(); video != nil && (video.Codec != H264 || len(video.Units) != 240) {
				t.Errorf("%d pictures of %s", len(video.Units), video.Codec)
			}
			if audio := contents.Audio(); audio != nil && (audio.Codec != AAC || len(audio.Units) != 375) {
				t.Errorf("%d frames of %s", len(audio.Units), audio.Codec)
			}
		})
	}
}
