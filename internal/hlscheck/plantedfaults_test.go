package hlscheck

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golive/internal/mediatest"
	"golive/media"
)

// plantedFaults returns at least one fault for each rule. also are further rules that such a fault
// inevitably breaks.
func plantedFaults() []struct {
	name      string
	rule      int
	also      []int
	broadcast testBroadcast
} {
	const long = 26 * time.Second
	plain := func(f fault) testBroadcast { return testBroadcast{plain: true, fault: f} }
	lowLatency := func(f fault) testBroadcast { return testBroadcast{fault: f} }
	// If blocking reloads fail, a part may be seen late (rule 12), or not: allow some delay.
	withSlack := func(f fault) testBroadcast {
		return testBroadcast{fault: f, options: &Options{LowLatency: true, Probe: true, Discard: true, Slack: time.Second}}
	}
	return []struct {
		name      string
		rule      int
		also      []int
		broadcast testBroadcast
	}{
		{"control character", 0, nil, plain(substitute(`#EXT-X-MEDIA-SEQUENCE`, "#EXT-X-OWN:\x01\n$0"))},
		{
			"rejected by the other decoders only", 0, nil,
			plain(substituteIn("/index.m3u8", `#EXT-X-STREAM-INF`, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\",DEFAULT=MAYBE\n$0")),
		},
		{"no #EXTM3U", 1, []int{0}, plain(substitute(`#EXTM3U`, "#EXTM3UX"))}, // the other decoders reject it
		{"segments of 2.5 s, target 2", 2, nil, testBroadcast{plain: true, segment: 2500 * time.Millisecond, gop: 75, fault: both(substitute(`DURATION:\d`, "DURATION:2"), substitute(`2.50033`, "2.50000"))}},
		{"segments of 4 s, target 3", 3, []int{2}, testBroadcast{plain: true, segment: 4 * time.Second, gop: 120, fault: substitute(`DURATION:\d`, "DURATION:3")}},
		{"target changes", 4, nil, plain(after(10*time.Second, substitute(`DURATION:2`, "DURATION:3")))},
		// Segments are identified by number: with wrong numbers they seem to change.
		{"no media sequence number", 5, []int{8}, testBroadcast{plain: true, window: 12 * time.Second, length: long, fault: substitute(`#EXT-X-MEDIA-SEQUENCE.*\n`, "")}},
		{"discontinuity sequence decreases", 6, nil, plain(between(0, 10*time.Second, substitute(`DISCONTINUITY-SEQUENCE:0`, "DISCONTINUITY-SEQUENCE:1")))},
		{"new picture size without EXT-X-DISCONTINUITY", 7, nil, testBroadcast{plain: true, units: changeSize, fault: substitute(`#EXT-X-DISCONTINUITY\n`, "")}},
		{"duration changes", 8, nil, plain(after(10*time.Second, substitute(`2.00000,\n(.*-2.ts)`, "1.99000,\n$1")))},
		{"same ETag for changed content", 9, nil, plain(changeHeader(isMedia, func(h http.Header) { h.Set("Etag", `"same"`) }))},
		{"truncated playlist", 9, nil, plain(between(10*time.Second, 10500*time.Millisecond, instead(isMedia, truncateResponse)))},
		{"missing segment", 10, nil, plain(refuse(http.StatusNotFound, pathMatches(`-3\.ts$`)))},
		{"slow segment", 10, nil, plain(instead(pathMatches(`-3\.ts$`), delay(2100*time.Millisecond)))},
		{"segment is never sent", 10, nil, plain(instead(pathMatches(`-3\.ts$`), delay(time.Hour)))},
		{"playlist fails with 502", 10, nil, plain(after(10*time.Second, refuse(http.StatusBadGateway, isMedia)))},
		{"segment is listed late", 11, nil, plain(between(9700*time.Millisecond, 11600*time.Millisecond, freezePlaylist()))},
		{"part is listed late", 12, nil, lowLatency(between(9900*time.Millisecond, 10*time.Second, instead(isMedia, delay(700*time.Millisecond))))},
		{"trimmed to 4 s", 13, []int{14}, plain(keepSegments(2))},
		{"trimmed to 5 segments", 14, nil, plain(keepSegments(5))},
		{"removed segment is unavailable at once", 15, nil, testBroadcast{plain: true, window: 12 * time.Second, length: 40 * time.Second, fault: refuse(http.StatusNotFound, isRemovalCheck(`-\d+\.ts$`))}},
		{"removed part is unavailable at once", 16, nil, testBroadcast{length: long, fault: refuse(http.StatusNotFound, isRemovalCheck(`\.\d+\.\w+$`))}},
		// Numbers and dates are then wrong too.
		{"segment removed from the middle", 17, []int{5, 8, 21}, plain(between(10100*time.Millisecond, 10500*time.Millisecond, substitute(`#EXT-X-PROGRAM.*\n#EXTINF.*\n.*-3.ts\n`, "")))},
		{"EVENT playlist slides", 18, nil, testBroadcast{plain: true, window: 12 * time.Second, length: long, fault: substitute(`#EXT-X-MEDIA-SEQ`, "#EXT-X-PLAYLIST-TYPE:EVENT\n$0")}},
		{"playlist disappears at the end", 19, nil, plain(afterTheEnd(notFound))},
		{"hole without EXT-X-GAP or discontinuity", 20, nil, testBroadcast{plain: true, units: dropASecond}},
		{"no dates", 21, nil, plain(substitute(`#EXT-X-PROGRAM.*\n`, ""))},
		{"durations drift", 22, nil, plain(substitute(`INF:2.00000`, "INF:1.98500"))},
		{"no key frames", 23, nil, testBroadcast{plain: true, gop: 100_000, fault: substitute(`#EXT-X-TARGET`, "#EXT-X-INDEPENDENT-SEGMENTS\n$0")}},
		{"part without a key frame is declared independent", 23, nil, lowLatency(substitute(`(\w\.2\.\w+")`, "$1,INDEPENDENT=YES"))},
		{"lost packet", 24, nil, plain(changeBody(`-3\.ts$`, losePacket))},
		{"fMP4 without MAP", 25, []int{45}, plain(changeBody(`\.ts$`, func([]byte) []byte { return []byte("\x00\x00\x00\x18styp....") }))},
		{"no PART-INF", 26, nil, lowLatency(substitute(`#EXT-X-PART-INF.*\n`, ""))},
		{"parts over target", 27, nil, lowLatency(substitute(`PART-TARGET=[\d.]+`, "PART-TARGET=0.45000"))},
		{"parts under target", 28, nil, lowLatency(substitute(`PART-HOLD-BACK=[\d.]+(.*\n.*)PART-TARGET=[\d.]+`, "PART-HOLD-BACK=1.8${1}PART-TARGET=0.60000"))},
		{"hold-back changes", 29, nil, lowLatency(after(10*time.Second, substitute(`PART-HOLD-BACK=1.5`, "PART-HOLD-BACK=1.6")))},
		{"small part hold-back", 30, nil, lowLatency(substitute(`PART-HOLD-BACK=1.5`, "PART-HOLD-BACK=1.2"))},
		{"small hold-back", 31, nil, lowLatency(substitute(`,HOLD-BACK=6`, ",HOLD-BACK=5"))},
		{"reload for a segment does not block", 32, nil, lowLatency(instead(directivesMatch(func(msn, part int, _ bool) bool { return msn > 0 && part < 0 }), answerEarly))},
		{"reload for a part past the end is refused", 32, nil, withSlack(refuse(http.StatusBadRequest, directivesMatch(func(_, part int, _ bool) bool { return part == 4 })))},
		{"reload for a part past the end does not block", 32, nil, withSlack(instead(directivesMatch(func(_, part int, _ bool) bool { return part == 4 }), withoutDirectives("_HLS_msn", "_HLS_part")))},
		{"reload for an old segment is refused", 33, nil, lowLatency(refuse(http.StatusBadRequest, directivesMatch(func(msn, _ int, _ bool) bool { return msn == 0 })))},
		{"_HLS_part alone is accepted", 34, nil, lowLatency(instead(directivesMatch(func(msn, part int, _ bool) bool { return msn < 0 && part >= 0 }), withoutDirectives("_HLS_part")))},
		{"reload for a far segment gets 404", 35, nil, lowLatency(instead(directivesMatch(func(msn, part int, _ bool) bool { return msn > 5 && part < 0 }), refuseAs(http.StatusBadRequest, http.StatusNotFound)))},
		{"reload for a far part blocks", 35, nil, lowLatency(instead(directivesMatch(func(_, part int, _ bool) bool { return part > 10 }), refuseAs(http.StatusBadRequest, 0)))},
		// A playlist without news for so long is late in itself.
		{"request blocks for ever", 36, []int{11, 12}, testBroadcast{length: long, units: stallUplink, fault: instead(isMedia, refuseAs(http.StatusServiceUnavailable, 0))}},
		{"request ends with 504", 36, []int{11, 12}, testBroadcast{length: long, units: stallUplink, fault: instead(isMedia, refuseAs(http.StatusServiceUnavailable, http.StatusGatewayTimeout))}},
		{"directives after the end", 37, nil, lowLatency(afterTheEnd(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			refuse(http.StatusBadRequest, func(r *http.Request) bool { return directive(r, "_HLS_msn") > 10 })(next).ServeHTTP(w, r)
		}))},
		{"delta with a wrong count", 38, nil, testBroadcast{length: long, window: 30 * time.Second, fault: addToNumber(`SKIPPED-SEGMENTS=`, 1)}},
		// The probe of hints waits for a hint in vain. The probe of deltas follows it, and needs
		// segments that are still published then.
		{"delta with a wrong count, and no hints", 38, nil, testBroadcast{
			length: long + 14*time.Second, window: 30 * time.Second,
			fault: both(substitute(`#EXT-X-PRELOAD-HINT.*\n`, ""), addToNumber(`SKIPPED-SEGMENTS=`, 1)),
		}},
		{"two EXT-X-SKIP tags", 38, nil, testBroadcast{length: long, window: 30 * time.Second, fault: substitute(`#EXT-X-SKIP.*\n`, "$0$0")}},
		{"delta of version 8", 38, nil, testBroadcast{length: long, window: 30 * time.Second, fault: substitute(`VERSION:9`, "VERSION:8")}},
		{"delta skips segments within the boundary", 38, nil, testBroadcast{length: long, window: 30 * time.Second, fault: substitute(`CAN-SKIP-UNTIL=12`, "CAN-SKIP-UNTIL=16")}},
		{"no delta on request", 38, nil, testBroadcast{length: long, window: 30 * time.Second, fault: instead(directivesMatch(func(_, _ int, skip bool) bool { return skip }), withoutDirectives("_HLS_skip"))}},
		{"delta that was not offered", 38, nil, testBroadcast{length: long, window: 30 * time.Second, fault: substitute(`,CAN-SKIP-UNTIL=12.00000`, "")}},
		{"delta that was not requested", 38, nil, testBroadcast{length: long, window: 30 * time.Second, fault: between(18*time.Second, 18600*time.Millisecond, instead(isMedia, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			other := r.Clone(r.Context())
			other.URL.RawQuery += "&_HLS_skip=YES"
			next.ServeHTTP(w, other)
		}))}},
		{"hinted part is not found", 39, nil, lowLatency(atHintedPart(func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
			w.WriteHeader(http.StatusNotFound)
		}))},
		{"hinted part is unfinished", 39, nil, lowLatency(atHintedPart(func(w http.ResponseWriter, got *httptest.ResponseRecorder) {
			w.Header().Set("Content-Type", "video/mp2t")
			w.Header().Set("Cache-Control", "max-age=60")
			_, _ = w.Write(got.Body.Bytes()[PacketSize:])
		}))},
		{"hint at another part", 39, nil, lowLatency(substitute(`HINT:TYPE=PART,URI="`, "${0}x-"))},
		{"two hints", 40, nil, lowLatency(substitute(`#EXT-X-PRELOAD-HINT.*\n`, "$0$0"))},
		{"no report", 41, nil, testBroadcast{pair: true, fault: substituteIn("/live/a/", `#EXT-X-RENDITION-REPORT.*\n`, "")}},
		{"report of a segment that does not exist", 41, nil, testBroadcast{pair: true, fault: addToNumber(`LAST-MSN=`, 1)}},
		{"outdated report", 41, nil, testBroadcast{pair: true, fault: addToNumber(`LAST-MSN=`, -1)}},
		{"renditions' targets differ", 42, nil, testBroadcast{pair: true, plain: true, fault: substituteIn("/live/b/", `DURATION:2`, "DURATION:3")}},
		{"renditions' hold-backs differ", 42, nil, testBroadcast{pair: true, fault: substituteIn("/live/b/", `,HOLD-BACK=6.00000`, ",HOLD-BACK=6.50000")}},
		{"renditions' discontinuities differ", 42, nil, testBroadcast{pair: true, plain: true, fault: substituteIn("/live/b/", `DISCONTINUITY-SEQUENCE:0`, "DISCONTINUITY-SEQUENCE:1")}},
		{"renditions' dates differ", 42, nil, testBroadcast{pair: true, plain: true, fault: substituteIn("/live/b/", `(PROGRAM-DATE-TIME:.*)\.\d+Z`, "$1.700Z")}},
		{"no frame rate", 43, nil, plain(substituteIn("/index.m3u8", `,FRAME-RATE=[\d.]*`, ""))},
		{"peak above BANDWIDTH", 43, nil, plain(substituteIn("/index.m3u8", `INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+`, "INF:BANDWIDTH=150000,AVERAGE-BANDWIDTH=150000"))},
		{"average above AVERAGE-BANDWIDTH", 43, nil, plain(substituteIn("/index.m3u8", `AVERAGE-BANDWIDTH=\d+`, "AVERAGE-BANDWIDTH=150000"))},
		{"no compression", 44, nil, plain(instead(isPlaylist, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Accept-Encoding")
			next.ServeHTTP(w, r)
		}))},
		{"media type of playlists", 45, nil, plain(changeHeader(isPlaylist, func(h http.Header) { h.Set("Content-Type", "text/plain") }))},
		{"media type of segments", 45, nil, plain(changeHeader(pathMatches(`\.ts$`), func(h http.Header) { h.Set("Content-Type", "application/octet-stream") }))},
		{"old TLS", 46, nil, testBroadcast{plain: true, secure: true, server: func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
			s.EnableHTTP2 = false
		}}},
		{"segments are redirected", 46, nil, plain(instead(func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, ".ts") && r.URL.RawQuery == ""
		}, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.URL.Path+"?here", http.StatusFound)
		}))},
		{"playlists without Cache-Control", 47, nil, plain(changeHeader(isPlaylist, func(h http.Header) { h.Del("Cache-Control") }))},
		{"live playlists may be cached for a minute", 47, nil, plain(changeHeader(isMedia, func(h http.Header) { h.Set("Cache-Control", "max-age=60") }))},
		{"segments may not be cached", 47, nil, plain(changeHeader(pathMatches(`\.ts$`), func(h http.Header) { h.Set("Cache-Control", "no-store") }))},
		{"HTTP/1.1", 48, nil, testBroadcast{secure: true, server: func(s *httptest.Server) { s.EnableHTTP2 = false }}},
		{"version of a media playlist is too high", 49, nil, plain(substitute(`VERSION:6`, "VERSION:7"))},
		{"version of a media playlist is too low", 49, nil, plain(substitute(`VERSION:6`, "VERSION:2"))},
		{"version of the multivariant playlist is too high", 49, nil, plain(substituteIn("/index.m3u8", `#EXTM3U\n`, "$0#EXT-X-VERSION:4\n"))},
		{"removed playlist gets 403", 50, nil, plain(after(10*time.Second, refuse(http.StatusForbidden, isMedia)))},
		{"playlist is removed with its segments", 50, []int{19}, plain(removeAll())},
		{"captions of a group that does not exist", 52, nil, plain(substituteIn("/index.m3u8", `CLOSED-CAPTIONS=NONE`, `CLOSED-CAPTIONS="cc"`))},
		{"PCRs are missing", 51, nil, plain(changeBody(`-3\.ts$`, dropPCRs))},
	}
}

// dropPCRs removes all PCRs but the first ten.
func dropPCRs(data []byte) []byte {
	data = slices.Clone(data)
	for at, n := 0, 0; at < len(data); at += PacketSize {
		if p := data[at:]; p[3]&0x20 != 0 && p[4] > 0 && p[5]&0x10 != 0 {
			if n++; n > 10 {
				p[5] &^= 0x10
			}
		}
	}
	return data
}

// changeSize changes the picture size from 8 s on.
func changeSize(units []media.AccessUnit) []media.AccessUnit {
	was, other := units[0].Track, mediatest.H264(320, 18)
	for i := range units {
		if units[i].Track.Codec == media.H264 {
			was = units[i].Track
		}
		if units[i].Track == was && units[i].DTS >= 8*media.Second {
			units[i].Track = other
		}
	}
	return units
}

// dropASecond removes the media from 8.2 s to 9.1 s.
func dropASecond(units []media.AccessUnit) []media.AccessUnit {
	return slices.DeleteFunc(units, func(u media.AccessUnit) bool {
		return u.DTS > 8200*media.Second/1000 && u.DTS < 9100*media.Second/1000
	})
}

// stallUplink delays what arrives from 8.1 s on until 17 s.
func stallUplink(units []media.AccessUnit) []media.AccessUnit {
	begin := units[0].Arrived
	for i := range units {
		if at := units[i].Arrived.Sub(begin); at > 8100*time.Millisecond && at < 17*time.Second {
			units[i].Arrived = begin.Add(17 * time.Second)
		}
	}
	return units
}

// losePacket drops a packet in the middle of a picture.
func losePacket(data []byte) []byte {
	at := 6
	for data[at*PacketSize+1]&0x40 != 0 || data[at*PacketSize+3]&0x10 == 0 {
		at++
	}
	return slices.Concat(data[:at*PacketSize], data[(at+1)*PacketSize:])
}

func truncateResponse(w http.ResponseWriter, r *http.Request, next http.Handler) {
	text := responseOf(next, r).Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func delay(d time.Duration) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if pause(r.Context(), d) {
			next.ServeHTTP(w, r)
		}
	}
}

func notFound(w http.ResponseWriter, r *http.Request, _ http.Handler) { http.NotFound(w, r) }

// answerEarly answers blocking requests for future media at once.
func answerEarly(w http.ResponseWriter, r *http.Request, next http.Handler) {
	now := responseOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { withoutDirectives("_HLS_msn")(w, r, next) }), r)
	if m, _ := ParseMedia("", now.Body.Bytes()); int64(directive(r, "_HLS_msn")) > m.lastMSN()+2 {
		next.ServeHTTP(w, r)
		return
	}
	withoutDirectives("_HLS_msn")(w, r, next)
}

// refuseAs replaces the status of refusals by another one; if as is 0, it never responds.
func refuseAs(status, as int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := responseOf(next, r)
		switch {
		case answer.Code == http.StatusOK:
			answer.Header().Del("Content-Length")
			writeText(w, r, answer.Header(), answer.Body.String())
		case answer.Code != status:
			w.WriteHeader(answer.Code)
		case as == 0:
			<-r.Context().Done()
		default:
			w.WriteHeader(as)
		}
	}
}

// addToNumber returns a fault that adds to the number after a text in playlists.
func addToNumber(before string, add int) fault {
	re := regexp.MustCompile(before + `(\d+)`)
	return rewrite(func(_ *http.Request, text string) string {
		return re.ReplaceAllStringFunc(text, func(s string) string {
			n, _ := strconv.Atoi(re.FindStringSubmatch(s)[1])
			return before + strconv.Itoa(max(0, n+add))
		})
	})
}

// removeAll returns a fault that removes the playlist and its media when the playlist ends.
func removeAll() fault {
	return func(next http.Handler) http.Handler {
		var gone atomic.Bool // requests come from several connections at once
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !gone.Load() && hasEnded(next, r) {
				gone.Store(true)
			}
			if gone.Load() && r.URL.Path != "/index.m3u8" {
				http.NotFound(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestFollow_FindsNothingWrongWithGolive(t *testing.T) {
	for name, s := range map[string]testBroadcast{
		"low latency":          {length: 40 * time.Second},
		"plain":                {plain: true, length: 40 * time.Second},
		"two renditions":       {pair: true},
		"two plain renditions": {pair: true, plain: true},
		"HTTP/2":               {secure: true},
		"from its first part":  {length: 5 * time.Second, join: 510 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range s.follow(t).Violations {
				t.Error(v)
			}
		})
	}
}

func TestFollow_FindsAPlantedFaultOfEveryRule(t *testing.T) {
	found := map[int]bool{}
	for _, c := range plantedFaults() {
		found[c.rule] = true
		t.Run(strconv.Itoa(c.rule)+" "+c.name, func(t *testing.T) {
			t.Parallel()
			rec := c.broadcast.follow(t)
			want := slices.Sorted(slices.Values(append(c.also, c.rule)))
			if got := rules(rec.Violations); !slices.Equal(got, want) {
				t.Errorf("rules %v, want %v", got, want)
				for _, v := range rec.Violations {
					t.Log(v)
				}
			}
		})
	}
	for _, c := range plantedCMAFFaults() {
		for _, rule := range c.rules {
			found[rule] = true
		}
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?m)^//\t ?(\d+) `).FindAllStringSubmatch(string(doc), -1)
	if len(table) < 54 {
		t.Errorf("the table in doc.go has %d rules", len(table))
	}
	for _, m := range table {
		if n, _ := strconv.Atoi(m[1]); !found[n] {
			t.Errorf("there is no fault for rule %d", n)
		}
	}
}
