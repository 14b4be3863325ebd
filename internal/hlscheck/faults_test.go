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

// A fault wraps a handler and makes it break a rule.
type fault = func(next http.Handler) http.Handler

// rewrite returns a fault that changes the text of playlists.
func rewrite(change func(r *http.Request, text string) string) fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isPlaylist(r) {
				next.ServeHTTP(w, r)
				return
			}
			answer := responseOf(next, r)
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

// responseOf returns the uncompressed response of h.
func responseOf(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	plain := r.Clone(r.Context())
	plain.Header.Del("Accept-Encoding")
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, plain)
	return answer
}

// writeText sends a playlist with a given header, compressed if the request accepts that.
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

// substitute returns a fault that replaces the matches of a pattern in media playlists.
func substitute(pattern, with string) fault {
	re := regexp.MustCompile(pattern)
	return rewrite(func(r *http.Request, text string) string {
		if !isMedia(r) {
			return text
		}
		return re.ReplaceAllString(text, with)
	})
}

// substituteIn is substitute for the playlists below a path.
func substituteIn(path, pattern, with string) fault {
	re := regexp.MustCompile(pattern)
	return rewrite(func(r *http.Request, text string) string {
		if !strings.HasPrefix(r.URL.Path, path) {
			return text
		}
		return re.ReplaceAllString(text, with)
	})
}

// both combines two faults.
func both(a, b fault) fault {
	return func(next http.Handler) http.Handler { return a(b(next)) }
}

// after applies a fault from d after the start of the server on.
func after(d time.Duration, f fault) fault { return between(d, 1<<62, f) }

// between applies a fault from and to those times after the start of the server.
func between(from, to time.Duration, f fault) fault {
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

// refuse answers the matching requests with a status.
func refuse(status int, matches func(r *http.Request) bool) fault {
	return instead(matches, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "refused", status)
	})
}

// instead has answer respond to the matching requests.
func instead(matches func(r *http.Request) bool, answer func(w http.ResponseWriter, r *http.Request, next http.Handler)) fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if matches(r) {
				answer(w, r, next)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// pathMatches matches requests by their path.
func pathMatches(pattern string) func(*http.Request) bool {
	re := regexp.MustCompile(pattern)
	return func(r *http.Request) bool { return re.MatchString(r.URL.Path) }
}

// isRemovalCheck matches the requests that check whether something that was removed from the
// playlist is still available. They are the only ones with a Range header.
func isRemovalCheck(pattern string) func(*http.Request) bool {
	path := pathMatches(pattern)
	return func(r *http.Request) bool { return path(r) && r.Header.Get("Range") != "" }
}

// directivesMatch matches media playlist requests by their directives, which are -1 if absent.
func directivesMatch(matches func(msn, part int, skip bool) bool) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return isMedia(r) && matches(directive(r, "_HLS_msn"), directive(r, "_HLS_part"), r.URL.Query().Has("_HLS_skip"))
	}
}

// directive returns the value of a delivery directive, or -1 if it is absent.
func directive(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return -1
	}
	return n
}

// withoutDirectives answers a request as if it did not have those directives.
func withoutDirectives(names ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
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

// changeHeader returns a fault in the header of the responses to the matching requests.
func changeHeader(matches func(*http.Request) bool, change func(http.Header)) fault {
	return instead(matches, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
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

// changeBody returns a fault in the bytes of the responses for a path.
func changeBody(pattern string, change func(data []byte) []byte) fault {
	return instead(pathMatches(pattern), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := responseOf(next, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(change(answer.Body.Bytes()))
	})
}

// keepSegments returns a fault that lists only the last count segments of a playlist without parts.
func keepSegments(count int) fault {
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

// freezePlaylist returns a fault that repeats the first response.
func freezePlaylist() fault {
	var first atomic.Pointer[string] // requests come from several connections at once
	return rewrite(func(r *http.Request, text string) string {
		if !isMedia(r) {
			return text
		}
		first.CompareAndSwap(nil, &text)
		return *first.Load()
	})
}

// atHintedPart has answer respond to requests for parts that do not exist yet, and passes it the
// right response.
func atHintedPart(answer func(w http.ResponseWriter, got *httptest.ResponseRecorder)) fault {
	return instead(pathMatches(`\.\d+\.\w+$`), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		began := time.Now()
		got := responseOf(next, r)
		if time.Since(began) > 0 {
			answer(w, got)
			return
		}
		maps.Copy(w.Header(), got.Header())
		w.WriteHeader(got.Code)
		_, _ = w.Write(got.Body.Bytes())
	})
}

// hasEnded reports whether a request is for a playlist that has ended.
func hasEnded(next http.Handler, r *http.Request) bool {
	plain := r.Clone(r.Context())
	plain.URL.RawQuery = ""
	return isMedia(r) && strings.Contains(responseOf(next, plain).Body.String(), "#EXT-X-ENDLIST")
}

// afterTheEnd has answer respond to requests for playlists that have ended.
func afterTheEnd(answer func(w http.ResponseWriter, r *http.Request, next http.Handler)) fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hasEnded(next, r) {
				answer(w, r, next)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}
