package hlscheck

import (
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A fault stands between the origin and those who ask it.
type fault = func(next http.Handler) http.Handler

// rewrite returns a fault in the text of playlists.
func rewrite(change func(r *http.Request, text string) string) fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isPlaylist(r) {
				next.ServeHTTP(w, r)
				return
			}
			answer := ask(next, r)
			if answer.Code != http.StatusOK {
				maps.Copy(w.Header(), answer.Header())
				w.WriteHeader(answer.Code)
				return
			}
			header := answer.Header()
			header.Del("Etag")
			header.Del("Content-Length")
			writeText(w, r, header, change(r, answer.Body.String()))
		})
	}
}

func isPlaylist(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".m3u8") }

func isMedia(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/source/index.m3u8") }

// ask returns the answer of h, uncompressed.
func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	plain := r.Clone(r.Context())
	plain.Header.Del("Accept-Encoding")
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, plain)
	return answer
}

// writeText sends a playlist with the header of another one, compressed on request.
func writeText(w http.ResponseWriter, r *http.Request, header http.Header, text string) {
	maps.Copy(w.Header(), header)
	if r.Header.Get("Accept-Encoding") != "gzip" {
		_, _ = io.WriteString(w, text)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
}

// swap replaces what a pattern finds in media playlists.
func swap(pattern, with string) fault {
	re := regexp.MustCompile(pattern)
	return rewrite(func(r *http.Request, text string) string {
		if !isMedia(r) {
			return text
		}
		return re.ReplaceAllString(text, with)
	})
}

// swapIn returns swap in the playlists below a path.
func swapIn(path, pattern, with string) fault {
	re := regexp.MustCompile(pattern)
	return rewrite(func(r *http.Request, text string) string {
		if !strings.HasPrefix(r.URL.Path, path) {
			return text
		}
		return re.ReplaceAllString(text, with)
	})
}

// both returns two faults, that together are one.
func both(a, b fault) fault {
	return func(next http.Handler) http.Handler { return a(b(next)) }
}

// after delays a fault until d after the beginning of the show.
func after(d time.Duration, f fault) fault { return during(d, 1<<62, f) }

func during(from, to time.Duration, f fault) fault {
	return func(next http.Handler) http.Handler {
		began, bad := time.Now(), f(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if d := time.Since(began); d >= from && d < to {
				bad.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// refuse answers what is meant with a status.
func refuse(status int, meant func(r *http.Request) bool) fault {
	return instead(meant, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "refused", status)
	})
}

// instead answers what is meant in another way.
func instead(meant func(r *http.Request) bool, answer func(w http.ResponseWriter, r *http.Request, next http.Handler)) fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if meant(r) {
				answer(w, r, next)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// is finds requests by their path.
func is(pattern string) func(*http.Request) bool {
	re := regexp.MustCompile(pattern)
	return func(r *http.Request) bool { return re.MatchString(r.URL.Path) }
}

// stillThere finds the questions whether something that left the playlist is there.
func stillThere(pattern string) func(*http.Request) bool {
	path := is(pattern)
	return func(r *http.Request) bool { return path(r) && r.Header.Get("Range") != "" }
}

// asks finds playlist requests by their directives.
func asks(meant func(msn, part int, skip bool) bool) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return isMedia(r) && meant(directive(r, "_HLS_msn"), directive(r, "_HLS_part"), r.URL.Query().Has("_HLS_skip"))
	}
}

// directive returns -1 when it is absent.
func directive(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return -1
	}
	return n
}

// without answers as if there were no such directives.
func without(names ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		q := r.URL.Query()
		for _, name := range names {
			q.Del(name)
		}
		other := r.Clone(r.Context())
		other.URL.RawQuery = q.Encode()
		next.ServeHTTP(w, other)
	}
}

// header returns a fault in the header of an answer.
func header(meant func(*http.Request) bool, change func(http.Header)) fault {
	return instead(meant, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&headerWriter{w, change}, r)
	})
}

type headerWriter struct {
	http.ResponseWriter
	change func(http.Header)
}

func (w *headerWriter) WriteHeader(status int) {
	w.change(w.Header())
	w.ResponseWriter.WriteHeader(status)
}

// body returns a fault in the bytes of media.
func body(pattern string, change func(data []byte) []byte) fault {
	return instead(is(pattern), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := ask(next, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(change(answer.Body.Bytes()))
	})
}

// keep lists only the last count segments of a playlist without parts.
func keep(count int) fault {
	segment := regexp.MustCompile(`(?m)^#EXT-X-PROGRAM-DATE-TIME:.*\n#EXTINF:.*\n.*\n`)
	sequence := regexp.MustCompile(`(#EXT-X-MEDIA-SEQUENCE:)(\d+)`)
	return rewrite(func(r *http.Request, text string) string {
		if !isMedia(r) {
			return text
		}
		drop := len(segment.FindAllString(text, -1)) - count
		for range drop {
			at := segment.FindStringIndex(text)
			text = text[:at[0]] + text[at[1]:]
		}
		return sequence.ReplaceAllStringFunc(text, func(tag string) string {
			m := sequence.FindStringSubmatch(tag)
			n, _ := strconv.Atoi(m[2])
			return m[1] + strconv.Itoa(n+max(0, drop))
		})
	})
}

// freeze shows the playlist as it was when it was asked for first.
func freeze() fault {
	var first atomic.Pointer[string] // requests come from several connections at once
	return rewrite(func(r *http.Request, text string) string {
		if !isMedia(r) {
			return text
		}
		first.CompareAndSwap(nil, &text)
		return *first.Load()
	})
}

// hinted finds what is asked for before it is there, and answers that.
func hinted(answer func(w http.ResponseWriter, got *httptest.ResponseRecorder)) fault {
	return instead(is(`\.\d+\.\w+$`), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		began := time.Now()
		got := ask(next, r)
		if time.Since(began) > 0 {
			answer(w, got)
			return
		}
		maps.Copy(w.Header(), got.Header())
		w.WriteHeader(got.Code)
		_, _ = w.Write(got.Body.Bytes())
	})
}

// ended finds requests for playlists that have come to their end.
func ended(next http.Handler, r *http.Request) bool {
	plain := r.Clone(r.Context())
	plain.URL.RawQuery = ""
	return isMedia(r) && strings.Contains(ask(next, plain).Body.String(), "#EXT-X-ENDLIST")
}

// atTheEnd answers requests for playlists that have ended.
func atTheEnd(answer func(w http.ResponseWriter, r *http.Request, next http.Handler)) fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ended(next, r) {
				answer(w, r, next)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}
