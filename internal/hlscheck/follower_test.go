package hlscheck

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asticode/go-astits"
)

func TestFollow_CollectsEverySegmentOnceInOrder(t *testing.T) {
	r := testBroadcast{plain: true, options: &Options{}}.follow(t).Renditions[0]
	if !r.Ended || r.Missed != 0 || len(r.Segments) != 8 || len(r.Parts) != 0 {
		t.Fatalf("ended %t, missed %d, %d segments, %d parts; want true, 0, 8, 0", r.Ended, r.Missed, len(r.Segments), len(r.Parts))
	}
	for i, s := range r.Segments {
		if s.MSN != int64(i)+1 || s.Err != nil || s.Size != len(s.Data) {
			t.Errorf("segment %d has number %d, error %v, %d of %d bytes", i, s.MSN, s.Err, len(s.Data), s.Size)
		}
	}
	ts, err := Demux(t.Context(), r.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ts.Video().Units); n != 16*30 {
		t.Errorf("%d pictures came out, %d were published", n, 16*30)
	}
}

func TestFollow_UsesBlockingReloadsIfTheServerOffersThem(t *testing.T) {
	r := testBroadcast{options: &Options{LowLatency: true}}.follow(t).Renditions[0]
	if len(r.Parts) < 32 || r.Waited < 20 {
		t.Fatalf("%d parts with %d blocking reloads", len(r.Parts), r.Waited)
	}
	parts := map[int64][]byte{}
	for _, p := range r.Parts {
		parts[p.MSN] = append(parts[p.MSN], p.Data...)
	}
	for i, s := range r.Segments {
		// The last part of the last segment comes with the end, which lists no parts.
		if last := i == len(r.Segments)-1; last && bytes.HasPrefix(s.Data, parts[s.MSN]) {
			continue
		}
		if !bytes.Equal(parts[s.MSN], s.Data) {
			t.Errorf("segment %d has %d bytes, its parts %d", s.MSN, len(s.Data), len(parts[s.MSN]))
		}
	}
	// Each part is received as soon as it exists: when its last picture arrives.
	for i := 1; i < len(r.Parts); i++ {
		before, p := r.Parts[i-1], r.Parts[i]
		if apart := p.Listed.Sub(before.Listed); apart > 510*time.Millisecond {
			t.Errorf("part %d of segment %d was listed %v after the one before it", p.Index, p.MSN, apart)
		}
	}
}

func TestFollow_BeginsBehindTheLiveEdge(t *testing.T) {
	r := testBroadcast{plain: true, join: 13 * time.Second, options: &Options{Behind: 5 * time.Second}}.follow(t).Renditions[0]
	if first := r.Segments[0].MSN; first != 5 || r.Missed != 0 {
		t.Errorf("began with segment %d of 1 to 6 and missed %d, want 5, which begins 4 s before the end", first, r.Missed)
	}
}

func TestFollow_EndsAfterTheSegmentsAskedFor(t *testing.T) {
	r := testBroadcast{plain: true, options: &Options{Segments: 6, Discard: true}}.follow(t).Renditions[0]
	if len(r.Segments) != 6 || r.Ended {
		t.Errorf("%d segments, ended %t; want 6, false", len(r.Segments), r.Ended)
	}
	for _, s := range r.Segments {
		if s.Err != nil || s.Data != nil || s.Size == 0 {
			t.Errorf("segment %d: error %v, %d bytes kept of %d; want none", s.MSN, s.Err, len(s.Data), s.Size)
		}
	}
}

func TestFollow_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testBroadcast{length: 40 * time.Second}
		url, client := s.start(t)
		pause(t.Context(), 5*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		f, err := Open(ctx, client, url+"/live/a/source/index.m3u8", Options{LowLatency: true})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := f.Follow(ctx)
		if err != nil || len(rec.Violations) > 0 || rec.Multivariant != nil {
			t.Errorf("error %v, violations %v", err, rec.Violations)
		}
		if n := len(rec.Renditions[0].Segments); n != 7 {
			t.Errorf("%d segments in 15 s, want 7", n)
		}
	})
}

func TestFollow_AcceptsGaps(t *testing.T) {
	rec := testBroadcast{plain: true, fault: substitute(`(.*-3\.ts)`, "#EXT-X-GAP\n$1")}.follow(t)
	if s := rec.Renditions[0].Segments[2]; !s.Gap || s.Err == nil || len(rec.Violations) > 0 {
		t.Errorf("gap %t, error %v, violations %v", s.Gap, s.Err, rec.Violations)
	}
}

func TestOpen_FailsWithoutAStream(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write([]byte("<!doctype html>"))
	}
	for path, want := range map[string]string{"/live/none/index.m3u8": "HTTP status 404", "/page": "is not a playlist"} {
		synctest.Test(t, func(t *testing.T) {
			url, client := testBroadcast{length: time.Second, fault: instead(pathMatches("/page"), page)}.start(t)
			if _, err := Open(t.Context(), client, url+path, Options{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", path, err, want)
			}
		})
	}
}

// serveFiles serves files over pipes, with support for Range if ranges is set.
func serveFiles(t *testing.T, content map[string]string, ranges bool) *http.Client {
	t.Helper()
	return serveOn(t, fileServer(content, ranges), nil, false)
}

func fileServer(content map[string]string, ranges bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := content[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		if isPlaylist(r) {
			w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
			writeText(w, r, http.Header{}, text)
			return
		}
		w.Header().Set("Content-Type", contentType(text))
		if !ranges {
			r.Header.Del("Range")
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	})
}

func contentType(text string) string {
	return map[string]string{
		formatTS: "video/mp2t", formatMP4: "video/mp4", formatAudio: "audio/aac", formatText: "text/vtt",
	}[formatOf([]byte(text))]
}

func TestFollow_ReadsRangesOfOneFile(t *testing.T) {
	for _, ranges := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newTSStream(t, astits.StreamTypeH264Video)
			one, two := s.segment(2), s.segment(2)
			client := serveFiles(t, map[string]string{
				"/all.ts": "???" + string(one) + string(two),
				"/media.m3u8": "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n" +
					"#EXTINF:2.0,\n#EXT-X-BYTERANGE:" + number(int64(len(one))) + "@3\nall.ts\n" +
					"#EXTINF:2.0,\n#EXT-X-BYTERANGE:" + number(int64(len(two))) + "\nall.ts\n#EXT-X-ENDLIST\n",
			}, ranges)
			f, err := Open(t.Context(), client, "http://a.test/media.m3u8", Options{})
			if err != nil {
				t.Fatal(err)
			}
			rec, err := f.Follow(t.Context())
			if err != nil || len(rec.Violations) > 0 {
				t.Errorf("ranges %t: error %v, violations %v", ranges, err, rec.Violations)
			}
			if got := rec.Renditions[0].Bytes(); !bytes.Equal(got, slices.Concat(one, two)) {
				t.Errorf("ranges %t: %d bytes, want %d", ranges, len(got), len(one)+len(two))
			}
		})
	}
}

// Audio and subtitles of EXT-X-MEDIA are followed too, in other formats.
func TestFollow_ReadsTheRenditionsOfMediaTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTSStream(t, astits.StreamTypeH264Video)
		list := func(name string) string {
			return "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00Z\n#EXTINF:2,\n" + name + "\n#EXT-X-ENDLIST\n"
		}
		client := serveFiles(t, map[string]string{
			"/index.m3u8": "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\",URI=\"sound.m3u8\"\n" +
				"#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"t\",URI=\"text.m3u8\"\n" +
				"#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=900000,CODECS=\"avc1.42C01F,mp4a.40.2\",RESOLUTION=64x36,FRAME-RATE=30,AUDIO=\"a\",SUBTITLES=\"s\"\npicture.m3u8\n",
			"/picture.m3u8": list("p.ts"), "/sound.m3u8": list("s.aac"), "/text.m3u8": strings.Replace(list("t.vtt"), ":2\n", ":4\n", 1),
			"/p.ts": string(s.segment(2)), "/s.aac": "ID3\x04", "/t.vtt": "WEBVTT\n",
		}, true)
		f, err := Open(t.Context(), client, "http://a.test/index.m3u8", Options{Probe: true, LowLatency: true})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := f.Follow(t.Context())
		if err != nil || len(rec.Violations) > 0 || len(rec.Renditions) != 3 {
			t.Errorf("error %v, %d renditions, violations %v", err, len(rec.Renditions), rec.Violations)
		}
		for _, r := range rec.Renditions {
			if len(r.Segments) != 1 || r.Segments[0].Size == 0 {
				t.Errorf("%s: %d segments", r.Name, len(r.Segments))
			}
		}
	})
}
