package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const host = "Host: h\r\n"

func TestRequest_ReadsRequestsOfPlayers(t *testing.T) {
	for _, head := range []string{
		"GET /live/b/index.m3u8 HTTP/1.1\r\nHost: example.com:8080\r\n\r\n",
		"HEAD /live/b/source/s-1.2.ts HTTP/1.1\r\nhost: [::1]:80\r\nRange: bytes=0-1\r\n\r\n",
		"GET /live/b/source/index.m3u8?_HLS_msn=3&_HLS_part=1&CMCD=bs%2Csid%3D%22one%22 HTTP/1.1\r\n" + host +
			"Connection: Keep-Alive\r\nuser-agent: Mozilla/5.0 (X11; \"x\") \t\r\nX-Forwarded-For: 1.2.3.4\r\nx-forwarded-for:5.6.7.8\r\n" +
			"Accept-Encoding: gzip, br\r\nIf-None-Match: \"x\"\r\nCookie:\r\n\r\n",
		"GET /live/b? HTTP/1.1\r\n" + host + "\r\n",
	} {
		if !sameAsNetHTTP(t, []byte(head)) {
			t.Errorf("%q is refused", head)
		}
	}
}

func TestRequest_RefusesOtherRequests(t *testing.T) {
	for _, head := range []string{
		"POST /live/b HTTP/1.1\r\n" + host + "\r\n",
		"DELETE /live/b HTTP/1.1\r\n" + host + "\r\n",
		"get /live/b HTTP/1.1\r\n" + host + "\r\n",
		"GET  /live/b HTTP/1.1\r\n" + host + "\r\n",
		"GET  HTTP/1.1\r\n" + host + "\r\n",
		"GET /live/b HTTP/1.0\r\n" + host + "\r\n",
		"GET /live/b HTTP/2.0\r\n" + host + "\r\n",
		"GET /live/b\r\n" + host + "\r\n",
		"GET / HTTP/1.1\r\n" + host + "\r\n",
		"GET /live HTTP/1.1\r\n" + host + "\r\n",
		"GET http://h/live/b HTTP/1.1\r\n" + host + "\r\n",
		"GET /live/../v1 HTTP/1.1\r\n" + host + "\r\n",
		"GET /live/./b HTTP/1.1\r\n" + host + "\r\n",
		"GET /live//b HTTP/1.1\r\n" + host + "\r\n",
		"GET /live/%62 HTTP/1.1\r\n" + host + "\r\n",
		"GET /live/b#x HTTP/1.1\r\n" + host + "\r\n",
		"GET /live/ü HTTP/1.1\r\n" + host + "\r\n",
		"GET /live/b?ü HTTP/1.1\r\n" + host + "\r\n",
		"GET /live/b HTTP/1.1\r\n\r\n",
		"GET /live/b HTTP/1.1\r\nHost:\r\n\r\n",
		"GET /live/b HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + host + "\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + " folded\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Accept : */*\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Accept\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + ": x\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "A: b\nC: d\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "A: b\rC: d\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "A: \x00\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "A: ü\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "content-length: 5\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Pragma: no-cache\r\n\r\n", // net/http makes Cache-Control of it
	} {
		if r := newRequest(t.Context(), "/live/", "peer"); r.read([]byte(head)) {
			t.Errorf("%q is read: %+v, want it refused", head, r.Request)
		}
	}
}

func TestRequest_RefusesEverythingWithoutAPrefix(t *testing.T) {
	for _, path := range []string{"/", "/live/a", ""} {
		if newRequest(t.Context(), "", "peer").read([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")) {
			t.Errorf("%q is read, want it refused", path)
		}
	}
}

// A connection's request is used again: it must keep nothing of the one before.
func TestRequest_KeepsNothingOfEarlierRequests(t *testing.T) {
	r := newRequest(t.Context(), "/live/", "peer")
	for _, head := range []string{
		"GET /live/b?x=1 HTTP/1.1\r\n" + host + "Range: bytes=0-1\r\n\r\n",
		"GET /live/b HTTP/1.1\r\n" + host + "Range: bytes=0-1\r\n\r\n",
		"HEAD /live/b HTTP/1.1\r\nHost: other\r\n\r\n",
		"GET /live/b HTTP/1.1\r\nHost: other\r\nContent-Length: 3\r\n\r\n",
		"GET /live/b HTTP/1.1\r\nHost: other\r\n\r\n",
	} {
		fresh := newRequest(t.Context(), "/live/", "peer")
		if r.read([]byte(head)) != fresh.read([]byte(head)) {
			t.Errorf("%q is read by only one of a new and a used request", head)
			continue
		}
		if diff := cmp.Diff(viewOf(&fresh.Request), viewOf(&r.Request)); diff != "" && fresh.Header != nil {
			t.Errorf("%q (-fresh +used):\n%s", head, diff)
		}
	}
}

func FuzzRequest_EqualsThatOfNetHTTP(f *testing.F) {
	f.Add([]byte("GET /live/b?x=%31 HTTP/1.1\r\n" + host + "A: b\r\na: c \r\n\r\n"))
	f.Fuzz(func(t *testing.T, head []byte) { sameAsNetHTTP(t, head) })
}

// sameAsNetHTTP reports whether a head is read, and fails if net/http reads something else.
func sameAsNetHTTP(t *testing.T, head []byte) bool {
	t.Helper()
	if i := bytes.Index(head, []byte("\r\n\r\n")); i != len(head)-4 {
		return false
	}
	r := newRequest(t.Context(), "/live/", "peer")
	if !r.read(head) {
		return false
	}
	want, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", head, err)
	}
	want.RemoteAddr = "peer"
	if diff := cmp.Diff(viewOf(want), viewOf(&r.Request)); diff != "" {
		t.Errorf("%q (-net/http +http1):\n%s", head, diff)
	}
	return true
}

// view is what a handler sees of a request.
type view struct {
	Method, URI, Path, Query, URL, Proto, Host, Remote string
	Header                                             http.Header
	Length                                             int64
	Close                                              bool
}

func viewOf(r *http.Request) view {
	return view{
		r.Method, r.RequestURI, r.URL.Path, r.URL.RawQuery, r.URL.String(), r.Proto, r.Host, r.RemoteAddr,
		r.Header, r.ContentLength, r.Close,
	}
}
