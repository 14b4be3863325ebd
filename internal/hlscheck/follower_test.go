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
)

// follow runs a Follower over an origin on a fake clock, from 5 s after its
// beginning.
func follow(t *testing.T, total int, opts Options, change func(*origin)) (rec *Recording, o *origin) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o = newOrigin(t, total)
		o.lowLatency = opts.LowLatency
		if change != nil {
			change(o)
		}
		pause(t.Context(), 5*time.Second)
		f, err := Open(t.Context(), &http.Client{Transport: o}, "http://origin.test/index.m3u8", opts)
		if err != nil {
			t.Fatal(err)
		}
		if rec, err = f.Follow(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	return rec, o
}

func TestFollow_CollectsEverySegmentOnceInOrder(t *testing.T) {
	rec, o := follow(t, 25, Options{}, nil)
	if len(rec.Violations) > 0 {
		t.Errorf("sound stream: %v", rec.Violations)
	}
	r := rec.Renditions[0]
	if !r.Ended || r.Missed != 0 || len(r.Segments) != 25 || len(r.Parts) != 0 {
		t.Errorf("ended %t, missed %d, %d segments, %d parts; want true, 0, 25, 0", r.Ended, r.Missed, len(r.Segments), len(r.Parts))
	}
	if !bytes.Equal(r.Bytes(), bytes.Join(o.segments, nil)) {
		t.Error("the bytes differ from what was served")
	}
}

func TestFollow_WaitsForPartsWhereTheServerOffersIt(t *testing.T) {
	rec, o := follow(t, 20, Options{LowLatency: true}, nil)
	if len(rec.Violations) > 0 {
		t.Errorf("sound stream: %v", rec.Violations)
	}
	r := rec.Renditions[0]
	if len(r.Parts) < 4*18 || r.Waited < 4*17 {
		t.Errorf("%d parts with %d blocking reloads", len(r.Parts), r.Waited)
	}
	for _, p := range r.Parts {
		if !bytes.Equal(p.Data, o.parts[p.MSN][p.Index]) {
			t.Fatalf("part %d of segment %d has other bytes than were served", p.Index, p.MSN)
		}
	}
	// Each part is known as soon as it is there: the wait is 10 ms in this origin.
	for _, p := range r.Parts[10 : len(r.Parts)-4] {
		there := o.begin.Add(time.Duration(p.MSN)*segmentTime + time.Duration(p.Index+1)*partTime)
		if late := p.Listed.Sub(there); late > 20*time.Millisecond {
			t.Errorf("part %d of segment %d was listed %v late", p.Index, p.MSN, late)
		}
	}
}

func TestFollow_EndsAfterTheSegmentsAskedFor(t *testing.T) {
	rec, _ := follow(t, 25, Options{Segments: 6, Discard: true}, nil)
	r := rec.Renditions[0]
	if len(r.Segments) != 6 || r.Ended {
		t.Errorf("%d segments, ended %t; want 6, false", len(r.Segments), r.Ended)
	}
	for _, s := range r.Segments {
		if s.Err != nil || s.Data != nil {
			t.Errorf("segment %d: error %v, %d bytes kept; want none", s.MSN, s.Err, len(s.Data))
		}
	}
}

func TestFollow_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(t, 25)
		pause(t.Context(), 5*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		f, err := Open(ctx, &http.Client{Transport: o}, "http://origin.test/media.m3u8", Options{LowLatency: true})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := f.Follow(ctx)
		if err != nil || len(rec.Violations) > 0 || rec.Multivariant != nil {
			t.Errorf("error %v, violations %v", err, rec.Violations)
		}
		if n := len(rec.Renditions[0].Segments); n < 6 || n > 8 {
			t.Errorf("%d segments in 10 s, want 7", n)
		}
	})
}

func TestOpen_FailsWithoutAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(t, 1)
		if _, err := Open(t.Context(), &http.Client{Transport: o}, "http://origin.test/none.m3u8", Options{}); !gone(err) {
			t.Errorf("error %v, want HTTP status 404", err)
		}
	})
}

func TestFollow_NamesTheRule(t *testing.T) {
	tail := strings.HasSuffix
	for _, c := range []struct {
		name   string
		opts   Options
		change func(*origin)
		want   []int
	}{
		{"ETag lies", Options{}, func(o *origin) {
			o.plant = func(_ string, resp *http.Response, body []byte) []byte {
				resp.Header.Set("ETag", `"same"`)
				return body
			}
		}, []int{9}},
		{"segment is not there yet", Options{}, func(o *origin) {
			o.plant = func(path string, resp *http.Response, body []byte) []byte {
				if tail(path, "/s-8.ts") {
					resp.StatusCode = http.StatusNotFound
				}
				return body
			}
		}, []int{10}},
		{"segment comes slowly", Options{}, func(o *origin) {
			o.plant = func(path string, _ *http.Response, body []byte) []byte {
				if tail(path, "/s-8.ts") {
					pause(o.t.Context(), 2100*time.Millisecond)
				}
				return body
			}
		}, []int{10}},
		{"segment comes late", Options{}, func(o *origin) { o.late[8] = 1500 * time.Millisecond }, []int{11}},
		{"part comes late", Options{LowLatency: true}, func(o *origin) { o.late[8] = 300 * time.Millisecond }, []int{12}},
		{"segment goes at once", Options{}, func(o *origin) { o.keep = 8 }, []int{15}},
		{"parts stay", Options{}, func(o *origin) {
			o.plant = func(path string, _ *http.Response, body []byte) []byte {
				if tail(path, "media.m3u8") {
					body = bytes.ReplaceAll(body, []byte("#EXTINF:2.00000,\n"), []byte("#EXT-X-PART:URI=\"x\",DURATION=2.0\n#EXTINF:2.00000,\n"))
					body = bytes.ReplaceAll(body, []byte("#EXT-X-TARGETDURATION:2\n"), []byte("#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=2.0\n#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=6.0\n"))
				}
				return body
			}
		}, []int{16}},
		{"parts go at once", Options{LowLatency: true}, func(o *origin) {
			o.plant = func(path string, resp *http.Response, body []byte) []byte {
				if tail(path, ".0.ts") && resp.Request.Header.Get("Range") != "" {
					resp.StatusCode = http.StatusNotFound
				}
				return body
			}
		}, []int{16}},
		{"playlist vanishes", Options{}, func(o *origin) { o.vanish = true }, []int{19}},
		{"playlist cannot be had", Options{}, func(o *origin) {
			o.plant = func(path string, resp *http.Response, body []byte) []byte {
				if tail(path, "media.m3u8") && time.Since(o.begin) > 15*time.Second {
					resp.StatusCode = http.StatusBadGateway
				}
				return body
			}
		}, []int{10}},
		{"gap", Options{}, func(o *origin) {
			o.plant = func(_ string, _ *http.Response, body []byte) []byte {
				if bytes.Contains(body, []byte("s-8.ts")) {
					return bytes.ReplaceAll(body, []byte("s-8.ts"), []byte("#EXT-X-GAP\ns-8.ts"))
				}
				return body
			}
		}, nil},
		{"type of playlist", Options{}, func(o *origin) {
			o.plant = func(path string, resp *http.Response, body []byte) []byte {
				if tail(path, ".m3u8") {
					resp.Header.Set("Content-Type", "text/plain")
				}
				return body
			}
		}, []int{45}},
		{"type of segment", Options{}, func(o *origin) {
			o.plant = func(path string, resp *http.Response, body []byte) []byte {
				if tail(path, ".ts") {
					resp.Header.Del("Content-Type")
				}
				return body
			}
		}, []int{45}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec, _ := follow(t, 20, c.opts, c.change)
			if got := rules(rec.Violations); !slices.Equal(got, c.want) {
				t.Errorf("rules %v, want %v: %v", got, c.want, rec.Violations)
			}
			if n := len(rec.Broken(c.want...)); n != len(rec.Violations) {
				t.Errorf("Broken finds %d of %d violations", n, len(rec.Violations))
			}
		})
	}
}
