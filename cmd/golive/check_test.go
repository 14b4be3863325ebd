package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golive/internal/hlscheck"
)

// ended is a stream at its end, which is checked at once.
const ended = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXTINF:2,
a.vtt
#EXT-X-ENDLIST
`

func serveText(t *testing.T, text string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if strings.HasSuffix(r.URL.Path, ".vtt") {
			w.Header().Set("Content-Type", "text/vtt")
			_, _ = io.WriteString(w, "WEBVTT\n")
			return
		}
		w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
	}))
	t.Cleanup(server.Close)
	return server.URL + "/index.m3u8"
}

func TestCheck_ReportsWhetherAStreamFollowsTheRules(t *testing.T) {
	clean, broken := serveText(t, ended), serveText(t, strings.Replace(ended, "EXTINF:2,", "EXTINF:9,", 1))
	for _, c := range []struct {
		args        []string
		code        int
		out, errOut string
	}{
		{[]string{clean}, 0, "no rule broken", ""},
		{[]string{broken}, 1, "index.m3u8:3: segment a.vtt lasts 9s, more than the target duration of 2s: #EXTINF:9,\n", "golive: rules 2, 3 broken"},
		{[]string{"--json", clean}, 0, `"clean": true`, ""},
		{[]string{"--json", broken}, 1, `"broken_rules": [`, "golive: rules 2, 3 broken"},
		{[]string{strings.TrimSuffix(clean, "index.m3u8") + "a.vtt"}, 1, "", "is not a playlist"},
		{[]string{"--duration", "1s", "http://127.0.0.1:1/index.m3u8"}, 1, "", "connection refused"},
		{[]string{"--json", "http://127.0.0.1:1/index.m3u8"}, 1, "connection refused", "connection refused"},
	} {
		var out, errOut bytes.Buffer
		code := status(append([]string{"check"}, c.args...), nil, &out, &errOut)
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errOut.String(), c.errOut) ||
			(c.out == "") != (out.Len() == 0) || (c.errOut == "") != (errOut.Len() == 0) {
			t.Errorf("%v: code %d, want %d\n%s\n%s", c.args, code, c.code, &out, &errOut)
		}
		if c.args[0] == "--json" {
			var report hlscheck.Report
			if err := json.Unmarshal(out.Bytes(), &report); err != nil || report.Clean != (c.code == 0) {
				t.Errorf("%v: %v, clean %t", c.args, err, report.Clean)
			}
		}
	}
}
