package hlscheck

import (
	"crypto/tls"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkTransport checks rule 46.
func (f *fetcher) checkTransport(ask request, req *http.Request, resp *http.Response) {
	if resp.TLS != nil && resp.TLS.Version < tls.VersionTLS12 {
		f.add(46, "", "the server speaks %s, older than TLS 1.2", tls.VersionName(resp.TLS.Version))
	}
	if ask.kind != kindPlaylist && resp.Request.URL.String() != req.URL.String() {
		f.add(46, folder(ask.url), "media is redirected, %s to %s", ask.url, resp.Request.URL)
	}
}

// checkPlaylistType checks rules 44 and 45 on a playlist.
func (f *fetcher) checkPlaylistType(place string, header http.Header) {
	if header.Get("Content-Encoding") != "gzip" {
		f.add(44, place, "the playlist is not compressed, though the request has Accept-Encoding: gzip")
	}
	f.checkType(place, header, "application/vnd.apple.mpegurl", "audio/mpegurl")
}

// checkMediaType checks rule 45 on a segment, a part or an initialization segment.
func (f *fetcher) checkMediaType(u string, header http.Header, data []byte) {
	var allowed []string
	switch formatOf(data) {
	case formatTS:
		allowed = []string{"video/mp2t"}
	case formatMP4:
		allowed = []string{"video/mp4", "audio/mp4", "application/mp4", "video/iso.segment"}
	case formatAudio:
		allowed = []string{"audio/aac", "audio/mpeg", "audio/ac3", "audio/eac3"}
	case formatText:
		allowed = []string{"text/vtt"}
	}
	f.checkType(folder(u), header, allowed...)
}

func (f *fetcher) checkType(where string, header http.Header, allowed ...string) {
	is := header.Get("Content-Type")
	if t, _, err := mime.ParseMediaType(is); err != nil || !slices.Contains(allowed, t) {
		f.add(45, where, "Content-Type is %q, want one of %v", is, allowed)
	}
}

// folder returns the folder of a resource, so that a violation in how media is served is
// reported once and not for each segment.
func folder(u string) string {
	u = withoutQuery(u)
	return u[:strings.LastIndexByte(u, '/')+1]
}

func withoutQuery(u string) string {
	u, _, _ = strings.Cut(u, "?")
	return u
}

// checkPlaylistCache checks rule 47 for a playlist; target is 0 if a cache may keep it because
// it will not change or the URL has delivery directives.
func (f *fetcher) checkPlaylistCache(place string, r *reply, target time.Duration) {
	switch life, known := cacheLife(r.header, r.arrived); {
	case !known:
		f.add(47, place, "the playlist has neither Cache-Control with an age nor Expires: a cache may keep it for any time")
	case target > 0 && life > target:
		f.add(47, place, "a live playlist may be kept by caches for %v, longer than the target duration of %v", life, target)
	}
}

// checkMediaCache checks rule 47 for a segment or part, which is requested for longer than a
// target duration.
func (f *fetcher) checkMediaCache(u string, r *reply, target time.Duration) {
	switch life, known := cacheLife(r.header, r.arrived); {
	case !known:
		f.add(47, folder(u), "media has neither Cache-Control with an age nor Expires")
	case life < target:
		f.add(47, folder(u), "media may be kept by caches for %v only, less than the target duration of %v", life, target)
	}
}

// cacheLife returns how long a cache may keep an answer (RFC 9111 section 4.2.1).
func cacheLife(header http.Header, now time.Time) (life time.Duration, known bool) {
	ages := map[string]int64{}
	for _, line := range header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
			n, _ := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
			ages[name] = n
		}
	}
	_, noStore := ages["no-store"]
	if _, noCache := ages["no-cache"]; noStore || noCache {
		return 0, true
	}
	for _, name := range []string{"s-maxage", "max-age"} {
		if n, ok := ages[name]; ok {
			return time.Duration(n) * time.Second, true
		}
	}
	expires := header.Get("Expires")
	if expires == "" {
		return 0, false
	}
	at, err := http.ParseTime(expires)
	if err != nil {
		return 0, true // RFC 9111 section 5.3: an invalid date is in the past
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now)), true
}

// checkProtocol checks rule 48. Without TLS hardly any server or player uses HTTP/2.
func (n *run) checkProtocol(r *reply, m *Media) {
	if r.http1 && m.PartTarget > 0 {
		n.add(48, 0, "a low-latency playlist is served over HTTP/1.1, want HTTP/2 or newer")
	}
}
