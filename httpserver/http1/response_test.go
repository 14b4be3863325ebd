package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// The http.Server has the same handler: both must write the same response.
func TestResponse_EqualsThatOfNetHTTP(t *testing.T) {
	big := strings.Repeat("0123456789", 2*gatherBytes/10)
	for name, handler := range map[string]http.HandlerFunc{
		"a short body":      func(w http.ResponseWriter, _ *http.Request) { sized(w, 200, "hello", "hello") },
		"a long body":       func(w http.ResponseWriter, _ *http.Request) { sized(w, 200, big, big) },
		"a body in pieces":  func(w http.ResponseWriter, _ *http.Request) { sized(w, 206, "a"+big+"b", "a", big, "b") },
		"no length":         func(w http.ResponseWriter, _ *http.Request) { text(w); _, _ = io.WriteString(w, "hello") },
		"no length, long":   func(w http.ResponseWriter, _ *http.Request) { text(w); _, _ = io.WriteString(w, "a"+big) },
		"an error":          func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "why", http.StatusNotFound) },
		"not modified":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Etag", `"x"`); w.WriteHeader(304) },
		"no content":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"nothing at all":    func(w http.ResponseWriter, _ *http.Request) { text(w) },
		"nothing, with 503": func(w http.ResponseWriter, _ *http.Request) { text(w); w.WriteHeader(503) },
		"flushed": func(w http.ResponseWriter, _ *http.Request) {
			sized(w, 200, "hello", "he")
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "llo")
		},
		"two statuses":   func(w http.ResponseWriter, _ *http.Request) { text(w); w.WriteHeader(404); w.WriteHeader(200) },
		"a status alone": func(w http.ResponseWriter, _ *http.Request) { text(w); w.WriteHeader(200) },
		"values":         func(w http.ResponseWriter, _ *http.Request) { text(w); w.Header()["X"] = []string{"a", "b"} },
	} {
		for _, method := range []string{"GET", "HEAD"} {
			if name == "no length, long" && method == "HEAD" {
				continue // net/http does not count what it does not send
			}
			synctest.Test(t, func(t *testing.T) {
				d := open(t, handler)
				defer d.end()
				fast := exchange(t, d, method+" /live/a HTTP/1.1\r\n"+host+"\r\n", method)
				// A Content-Length of 0 means the same, but http1 hands it over.
				slow := exchange(t, d, method+" /live/a HTTP/1.1\r\n"+host+"Content-Length: 0\r\n\r\n", method)
				if slow.header.Get("Slow") == "" || fast.header.Get("Slow") != "" {
					t.Fatal("both responses are from the same server")
				}
				slow.header.Del("Slow")
				if diff := cmp.Diff(slow, fast, cmp.AllowUnexported(reply{})); diff != "" {
					t.Errorf("%s, %s (-net/http +http1):\n%s", name, method, diff)
				}
			})
		}
	}
}

func text(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain") }

// sized writes a body of known length piece by piece.
func sized(w http.ResponseWriter, status int, body string, pieces ...string) {
	text(w)
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	for _, p := range pieces {
		_, _ = io.WriteString(w, p)
	}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func exchange(t *testing.T, d *testServer, request, method string) reply {
	t.Helper()
	conn := d.dial()
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, request) }()
	a, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Error(err)
	}
	return reply{a.StatusCode, a.Header, string(body)}
}

// The pieces arrive in order, and are not changed.
func TestResponse_WritesPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pieces := [][]byte{bytes.Repeat([]byte("a"), gatherBytes), bytes.Repeat([]byte("b"), 10), nil, bytes.Repeat([]byte("c"), 3*gatherBytes)}
		whole := string(bytes.Join(pieces, nil))
		d := open(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Length"] = []string{strconv.Itoa(len(whole))}
			n, err := w.(interface {
				WritePieces(pieces [][]byte) (int64, error)
			}).WritePieces(pieces)
			if n != int64(len(whole)) || err != nil {
				t.Error(n, err)
			}
		})
		defer d.end()
		conn := d.dial()
		defer func() { _ = conn.Close() }()
		for range 2 {
			if _, bodies := ask(t, conn, get, 1); bodies[0] != whole {
				t.Errorf("the body has %d other bytes", len(bodies[0]))
			}
		}
	})
}

func TestResponse_SendsFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	whole := strings.Repeat("0123456789", gatherBytes)
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	d := openTCP(t, func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(file)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = f.Close() }()
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(whole) - 10)}
		if n, err := io.Copy(w, io.LimitReader(f, int64(len(whole)-10))); n != int64(len(whole)-10) || err != nil {
			t.Error(n, err)
		}
	})
	defer d.end()
	conn := d.dial()
	defer func() { _ = conn.Close() }()
	for range 2 {
		if _, bodies := ask(t, conn, get, 1); bodies[0] != whole[:len(whole)-10] {
			t.Errorf("the body has %d other bytes", len(bodies[0]))
		}
	}
}

// After a body with another length than declared the connection cannot be used.
func TestResponse_EndsTheConnectionWhenTheLengthIsWrong(t *testing.T) {
	for name, write := range map[string]func(http.ResponseWriter){
		"too short": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "hell") },
		"too long": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, "hello")
			if _, err := io.WriteString(w, " there"); !errors.Is(err, http.ErrContentLength) {
				t.Error(err)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := open(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Length"] = []string{"5"}
				write(w)
			})
			defer d.end()
			conn := d.dial()
			go func() { _, _ = io.WriteString(conn, get+get) }()
			all, err := io.ReadAll(conn)
			if n := bytes.Count(all, []byte("HTTP/1.1")); n != 1 || err != nil || bytes.Contains(all, []byte("there")) {
				t.Errorf("%s: read %q, want one response of 5 bytes: %v", name, all, err)
			}
			_ = conn.Close()
		})
	}
}

func TestResponse_RemovesLineBreaksFromHeaderValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X"] = []string{"a\r\nSet-Cookie: b"}
			sized(w, 200, "x", "x")
		})
		defer d.end()
		conn := d.dial()
		defer func() { _ = conn.Close() }()
		if all, _ := ask(t, conn, get, 1); all[0].Header.Get("Set-Cookie") != "" {
			t.Errorf("a header value has set another header: %v", all[0].Header)
		}
	})
}
