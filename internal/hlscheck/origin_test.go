package hlscheck

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asticode/go-astits"
)

// origin is a stream on a clock, for tests inside a synctest bubble: an
// http.RoundTripper, because real sockets do not live there. Segment i of 2 s, in
// four parts, is there at begin + 2 s x (i+1). The stream ends after total
// segments; the playlist lists window of them.
type origin struct {
	t          *testing.T
	begin      time.Time
	segments   [][]byte
	parts      [][][]byte
	window     int
	lowLatency bool
	// keep is how many segments stay fetchable after they left the playlist.
	keep int
	// plant changes an answer: a fault that the follower must find.
	plant func(path string, resp *http.Response, body []byte) []byte
	// late delays the segment of that number.
	late map[int]time.Duration
	// vanish takes the playlist away at the end, instead of ENDLIST.
	vanish bool
}

const (
	segmentTime = 2 * time.Second
	partTime    = 500 * time.Millisecond
)

func newOrigin(t *testing.T, total int) *origin {
	t.Helper()
	o := &origin{t: t, begin: time.Now(), window: 8, keep: 20, late: map[int]time.Duration{}}
	s := newTSStream(t, astits.StreamTypeH264Video)
	for range total {
		var parts [][]byte
		for p := range 4 {
			parts = append(parts, s.part(15, p == 0))
		}
		o.parts = append(o.parts, parts)
		o.segments = append(o.segments, bytes.Join(parts, nil))
	}
	return o
}

// done is how many segments, and parts of the one after them, are there now.
func (o *origin) done() (segments, parts int) {
	now := time.Since(o.begin)
	for segments < len(o.segments) && now >= time.Duration(segments+1)*segmentTime+o.late[segments] {
		segments++
	}
	if segments < len(o.segments) {
		parts = min(3, int(max(0, now-time.Duration(segments)*segmentTime)/partTime))
	}
	return segments, parts
}

func (o *origin) media() string {
	n, trailing := o.done()
	first := max(0, n-o.window)
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n")
	if o.lowLatency {
		b.WriteString("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n#EXT-X-PART-INF:PART-TARGET=0.5\n")
	}
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	for i := first; i < n; i++ {
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", o.begin.Add(time.Duration(i)*segmentTime).UTC().Format("2006-01-02T15:04:05.000Z"))
		if n-i <= 3 {
			o.listParts(&b, i, 4)
		}
		fmt.Fprintf(&b, "#EXTINF:2.00000,\ns-%d.ts\n", i)
	}
	o.listParts(&b, n, trailing)
	if n == len(o.segments) {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return b.String()
}

func (o *origin) listParts(b *strings.Builder, msn, count int) {
	for p := range count {
		if o.lowLatency {
			fmt.Fprintf(b, "#EXT-X-PART:DURATION=0.50000,URI=\"s-%d.%d.ts\"", msn, p)
			if p == 0 {
				b.WriteString(",INDEPENDENT=YES")
			}
			b.WriteString("\n")
		}
	}
}

// RoundTrip answers as an HTTP server would.
func (o *origin) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1}
	var body []byte
	switch path := r.URL.Path; path {
	case "/index.m3u8":
		resp.Header.Set("Content-Type", "application/vnd.apple.mpegurl")
		body = []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS=\"mp4a.40.2\"\nmedia.m3u8\n")
	case "/media.m3u8":
		if err := o.wait(r); err != nil {
			return nil, err
		}
		resp.Header.Set("Content-Type", "application/vnd.apple.mpegurl")
		body = []byte(o.media())
		if n, _ := o.done(); o.vanish && n == len(o.segments) {
			resp.StatusCode, body = http.StatusNotFound, nil
		}
	default:
		resp.Header.Set("Content-Type", "video/mp2t")
		var ok bool
		if body, ok = o.resource(path); !ok {
			resp.StatusCode = http.StatusNotFound
		}
	}
	if o.plant != nil {
		body = o.plant(r.URL.Path, resp, body)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// wait blocks as a reload with delivery directives does.
func (o *origin) wait(r *http.Request) error {
	q := r.URL.Query()
	if !q.Has("_HLS_msn") {
		return nil
	}
	msn, err := strconv.Atoi(q.Get("_HLS_msn"))
	if err != nil {
		return err
	}
	part, err := strconv.Atoi(q.Get("_HLS_part"))
	if err != nil {
		return err
	}
	for {
		n, parts := o.done()
		if n == len(o.segments) || msn < n || msn == n && part < parts {
			return nil
		}
		if !pause(r.Context(), 10*time.Millisecond) {
			return r.Context().Err()
		}
	}
}

func (o *origin) resource(path string) ([]byte, bool) {
	var msn, part int
	n, parts := o.done()
	if _, err := fmt.Sscanf(path, "/s-%d.%d.ts", &msn, &part); err == nil {
		there := msn < n && msn >= n-o.keep || msn == n && part < parts
		if there {
			return o.parts[msn][part], true
		}
		return nil, false
	}
	if _, err := fmt.Sscanf(path, "/s-%d.ts", &msn); err != nil || msn >= n || msn < n-o.keep {
		return nil, false
	}
	return o.segments[msn], true
}
