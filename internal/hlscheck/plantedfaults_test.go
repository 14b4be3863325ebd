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

// planted returns one fault for each rule, and more where a rule has several sides. also
// are the rules that such a fault cannot help breaking too.
func planted() []struct {
	name string
	rule int
	also []int
	show show
} {
	const long = 26 * time.Second
	plain := func(f fault) show { return show{plain: true, plant: f} }
	low := func(f fault) show { return show{plant: f} }
	// Without an answer to what comes next, a part may be seen late (rule 12), or not.
	patient := func(f fault) show {
		return show{plant: f, options: &Options{LowLatency: true, Probe: true, Discard: true, Slack: time.Second}}
	}
	return []struct {
		name string
		rule int
		also []int
		show show
	}{
		{"control character", 0, nil, plain(swap(`#EXT-X-MEDIA-SEQUENCE`, "#EXT-X-OWN:\x01\n$0"))},
		{
			"only the other decoders mind", 0, nil,
			plain(swapIn("/index.m3u8", `#EXT-X-STREAM-INF`, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\",DEFAULT=MAYBE\n$0")),
		},
		{"no #EXTM3U", 1, []int{0}, plain(swap(`#EXTM3U`, "#EXTM3UX"))}, // the other decoders refuse it
		{"segments of 2.5 s, target 2", 2, nil, show{plain: true, segment: 2500 * time.Millisecond, gop: 75, plant: both(swap(`DURATION:\d`, "DURATION:2"), swap(`2.50033`, "2.50000"))}},
		{"segments of 4 s, target 3", 3, []int{2}, show{plain: true, segment: 4 * time.Second, gop: 120, plant: swap(`DURATION:\d`, "DURATION:3")}},
		{"target changes", 4, nil, plain(after(10*time.Second, swap(`DURATION:2`, "DURATION:3")))},
		// Segments are known by their numbers: with wrong ones they are others.
		{"no sequence number", 5, []int{8}, show{plain: true, window: 12 * time.Second, length: long, plant: swap(`#EXT-X-MEDIA-SEQUENCE.*\n`, "")}},
		{"discontinuity sequence falls", 6, nil, plain(during(0, 10*time.Second, swap(`DISCONTINUITY-SEQUENCE:0`, "DISCONTINUITY-SEQUENCE:1")))},
		{"new picture without a mark", 7, nil, show{plain: true, units: otherPicture, plant: swap(`#EXT-X-DISCONTINUITY\n`, "")}},
		{"duration changes", 8, nil, plain(after(10*time.Second, swap(`2.00000,\n(.*-2.ts)`, "1.99000,\n$1")))},
		{"ETag lies", 9, nil, plain(header(isMedia, func(h http.Header) { h.Set("Etag", `"same"`) }))},
		{"playlist is cut short", 9, nil, plain(during(10*time.Second, 10500*time.Millisecond, instead(isMedia, cutShort)))},
		{"segment is not there", 10, nil, plain(refuse(http.StatusNotFound, is(`-3\.ts$`)))},
		{"segment comes slowly", 10, nil, plain(instead(is(`-3\.ts$`), wait(2100*time.Millisecond)))},
		{"segment never comes", 10, nil, plain(instead(is(`-3\.ts$`), wait(time.Hour)))},
		{"playlist cannot be had", 10, nil, plain(after(10*time.Second, refuse(http.StatusBadGateway, isMedia)))},
		{"segment comes late", 11, nil, plain(during(9700*time.Millisecond, 11600*time.Millisecond, freeze()))},
		{"part comes late", 12, nil, low(during(9900*time.Millisecond, 10*time.Second, instead(isMedia, wait(700*time.Millisecond))))},
		{"trimmed to 4 s", 13, []int{14}, plain(keep(2))},
		{"trimmed to 5 segments", 14, nil, plain(keep(5))},
		{"segment goes at once", 15, nil, show{plain: true, window: 12 * time.Second, length: 40 * time.Second, plant: refuse(http.StatusNotFound, stillThere(`-\d+\.ts$`))}},
		{"part goes at once", 16, nil, show{length: long, plant: refuse(http.StatusNotFound, stillThere(`\.\d+\.\w+$`))}},
		// Numbers and dates are wrong then, too.
		{"removed from the middle", 17, []int{5, 8, 21}, plain(during(10100*time.Millisecond, 10500*time.Millisecond, swap(`#EXT-X-PROGRAM.*\n#EXTINF.*\n.*-3.ts\n`, "")))},
		{"EVENT slides", 18, nil, show{plain: true, window: 12 * time.Second, length: long, plant: swap(`#EXT-X-MEDIA-SEQ`, "#EXT-X-PLAYLIST-TYPE:EVENT\n$0")}},
		{"playlist vanishes", 19, nil, plain(atTheEnd(notFound))},
		{"hole without a mark", 20, nil, show{plain: true, units: silence}},
		{"no dates", 21, nil, plain(swap(`#EXT-X-PROGRAM.*\n`, ""))},
		{"durations drift", 22, nil, plain(swap(`INF:2.00000`, "INF:1.98500"))},
		{"no key frames", 23, nil, show{plain: true, gop: 100_000, plant: swap(`#EXT-X-TARGET`, "#EXT-X-INDEPENDENT-SEGMENTS\n$0")}},
		{"part without a key frame is called independent", 23, nil, low(swap(`(\w\.2\.\w+")`, "$1,INDEPENDENT=YES"))},
		{"lost packet", 24, nil, plain(body(`-3\.ts$`, losePacket))},
		{"fMP4 without MAP", 25, []int{45}, plain(body(`\.ts$`, func([]byte) []byte { return []byte("\x00\x00\x00\x18styp....") }))},
		{"no PART-INF", 26, nil, low(swap(`#EXT-X-PART-INF.*\n`, ""))},
		{"parts over target", 27, nil, low(swap(`PART-TARGET=[\d.]+`, "PART-TARGET=0.45000"))},
		{"parts under target", 28, nil, low(swap(`PART-HOLD-BACK=[\d.]+(.*\n.*)PART-TARGET=[\d.]+`, "PART-HOLD-BACK=1.8${1}PART-TARGET=0.60000"))},
		{"hold-back changes", 29, nil, low(after(10*time.Second, swap(`PART-HOLD-BACK=1.5`, "PART-HOLD-BACK=1.6")))},
		{"small part hold-back", 30, nil, low(swap(`PART-HOLD-BACK=1.5`, "PART-HOLD-BACK=1.2"))},
		{"small hold-back", 31, nil, low(swap(`,HOLD-BACK=6`, ",HOLD-BACK=5"))},
		{"segment alone is not waited for", 32, nil, low(instead(asks(func(msn, part int, _ bool) bool { return msn > 0 && part < 0 }), early))},
		{"part past the end is refused", 32, nil, patient(refuse(http.StatusBadRequest, asks(func(_, part int, _ bool) bool { return part == 4 })))},
		{"part past the end is not waited for", 32, nil, patient(instead(asks(func(_, part int, _ bool) bool { return part == 4 }), without("_HLS_msn", "_HLS_part")))},
		{"old segment is refused", 33, nil, low(refuse(http.StatusBadRequest, asks(func(msn, _ int, _ bool) bool { return msn == 0 })))},
		{"part alone is taken", 34, nil, low(instead(asks(func(msn, part int, _ bool) bool { return msn < 0 && part >= 0 }), without("_HLS_part")))},
		{"far segment is not found", 35, nil, low(instead(asks(func(msn, part int, _ bool) bool { return msn > 5 && part < 0 }), refuseAs(http.StatusBadRequest, http.StatusNotFound)))},
		{"far part is waited for", 35, nil, low(instead(asks(func(_, part int, _ bool) bool { return part > 10 }), refuseAs(http.StatusBadRequest, 0)))},
		// Nothing new for so long is late in itself.
		{"request waits for ever", 36, []int{11, 12}, show{length: long, units: standstill, plant: instead(isMedia, refuseAs(http.StatusServiceUnavailable, 0))}},
		{"request ends with 504", 36, []int{11, 12}, show{length: long, units: standstill, plant: instead(isMedia, refuseAs(http.StatusServiceUnavailable, http.StatusGatewayTimeout))}},
		{"directives after the end", 37, nil, low(atTheEnd(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			refuse(http.StatusBadRequest, func(r *http.Request) bool { return directive(r, "_HLS_msn") > 10 })(next).ServeHTTP(w, r)
		}))},
		{"delta counts wrongly", 38, nil, show{length: long, window: 30 * time.Second, plant: swapNumber(`SKIPPED-SEGMENTS=`, 1)}},
		// The probe of hints waits for one in vain. The probe of deltas follows it, and the
		// segments that it is compared with must still be published then.
		{"delta counts wrongly and nothing is hinted at", 38, nil, show{
			length: long + 14*time.Second, window: 30 * time.Second,
			plant: both(swap(`#EXT-X-PRELOAD-HINT.*\n`, ""), swapNumber(`SKIPPED-SEGMENTS=`, 1)),
		}},
		{"delta skips twice", 38, nil, show{length: long, window: 30 * time.Second, plant: swap(`#EXT-X-SKIP.*\n`, "$0$0")}},
		{"delta of version 8", 38, nil, show{length: long, window: 30 * time.Second, plant: swap(`VERSION:9`, "VERSION:8")}},
		{"delta within the boundary", 38, nil, show{length: long, window: 30 * time.Second, plant: swap(`CAN-SKIP-UNTIL=12`, "CAN-SKIP-UNTIL=16")}},
		{"delta is not made", 38, nil, show{length: long, window: 30 * time.Second, plant: instead(asks(func(_, _ int, skip bool) bool { return skip }), without("_HLS_skip"))}},
		{"delta that was not offered", 38, nil, show{length: long, window: 30 * time.Second, plant: swap(`,CAN-SKIP-UNTIL=12.00000`, "")}},
		{"delta that was not asked for", 38, nil, show{length: long, window: 30 * time.Second, plant: during(18*time.Second, 18600*time.Millisecond, instead(isMedia, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			other := r.Clone(r.Context())
			other.URL.RawQuery += "&_HLS_skip=YES"
			next.ServeHTTP(w, other)
		}))}},
		{"hinted part is not found", 39, nil, low(hinted(func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
			w.WriteHeader(http.StatusNotFound)
		}))},
		{"hinted part is unfinished", 39, nil, low(hinted(func(w http.ResponseWriter, got *httptest.ResponseRecorder) {
			w.Header().Set("Content-Type", "video/mp2t")
			w.Header().Set("Cache-Control", "max-age=60")
			_, _ = w.Write(got.Body.Bytes()[PacketSize:])
		}))},
		{"another part is hinted at", 39, nil, low(swap(`HINT:TYPE=PART,URI="`, "${0}x-"))},
		{"two hints", 40, nil, low(swap(`#EXT-X-PRELOAD-HINT.*\n`, "$0$0"))},
		{"no report", 41, nil, show{pair: true, plant: swapIn("/live/a/", `#EXT-X-RENDITION-REPORT.*\n`, "")}},
		{"report of what is not there", 41, nil, show{pair: true, plant: swapNumber(`LAST-MSN=`, 1)}},
		{"old report", 41, nil, show{pair: true, plant: swapNumber(`LAST-MSN=`, -1)}},
		{"renditions' targets differ", 42, nil, show{pair: true, plain: true, plant: swapIn("/live/b/", `DURATION:2`, "DURATION:3")}},
		{"renditions' hold-backs differ", 42, nil, show{pair: true, plant: swapIn("/live/b/", `,HOLD-BACK=6.00000`, ",HOLD-BACK=6.50000")}},
		{"renditions' discontinuities differ", 42, nil, show{pair: true, plain: true, plant: swapIn("/live/b/", `DISCONTINUITY-SEQUENCE:0`, "DISCONTINUITY-SEQUENCE:1")}},
		{"renditions' dates differ", 42, nil, show{pair: true, plain: true, plant: swapIn("/live/b/", `(PROGRAM-DATE-TIME:.*)\.\d+Z`, "$1.700Z")}},
		{"no frame rate", 43, nil, plain(swapIn("/index.m3u8", `,FRAME-RATE=[\d.]*`, ""))},
		{"peak is higher", 43, nil, plain(swapIn("/index.m3u8", `INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+`, "INF:BANDWIDTH=150000,AVERAGE-BANDWIDTH=150000"))},
		{"average is higher", 43, nil, plain(swapIn("/index.m3u8", `AVERAGE-BANDWIDTH=\d+`, "AVERAGE-BANDWIDTH=150000"))},
		{"no compression", 44, nil, plain(instead(isPlaylist, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Accept-Encoding")
			next.ServeHTTP(w, r)
		}))},
		{"type of playlists", 45, nil, plain(header(isPlaylist, func(h http.Header) { h.Set("Content-Type", "text/plain") }))},
		{"type of segments", 45, nil, plain(header(is(`\.ts$`), func(h http.Header) { h.Set("Content-Type", "application/octet-stream") }))},
		{"old TLS", 46, nil, show{plain: true, secure: true, server: func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
			s.EnableHTTP2 = false
		}}},
		{"segments are elsewhere", 46, nil, plain(instead(func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, ".ts") && r.URL.RawQuery == ""
		}, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.URL.Path+"?here", http.StatusFound)
		}))},
		{"playlists are kept for as long as one likes", 47, nil, plain(header(isPlaylist, func(h http.Header) { h.Del("Cache-Control") }))},
		{"live playlists are kept for a minute", 47, nil, plain(header(isMedia, func(h http.Header) { h.Set("Cache-Control", "max-age=60") }))},
		{"segments are not kept", 47, nil, plain(header(is(`\.ts$`), func(h http.Header) { h.Set("Cache-Control", "no-store") }))},
		{"HTTP/1.1", 48, nil, show{secure: true, server: func(s *httptest.Server) { s.EnableHTTP2 = false }}},
		{"version of a media playlist", 49, nil, plain(swap(`VERSION:6`, "VERSION:7"))},
		{"version that is too low", 49, nil, plain(swap(`VERSION:6`, "VERSION:2"))},
		{"version of the multivariant playlist", 49, nil, plain(swapIn("/index.m3u8", `#EXTM3U\n`, "$0#EXT-X-VERSION:4\n"))},
		{"removed playlist is forbidden", 50, nil, plain(after(10*time.Second, refuse(http.StatusForbidden, isMedia)))},
		{"removed with its segments", 50, []int{19}, plain(removeAll())},
		{"captions of no group", 52, nil, plain(swapIn("/index.m3u8", `CLOSED-CAPTIONS=NONE`, `CLOSED-CAPTIONS="cc"`))},
		{"clock is not told", 51, nil, plain(body(`-3\.ts$`, stopClock))},
	}
}

// stopClock takes the PCRs out of all but the first ten packets that have one.
func stopClock(data []byte) []byte {
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

// otherPicture has another size from 8 s on.
func otherPicture(units []media.AccessUnit) []media.AccessUnit {
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

// silence has no media from 8.2 to 9.1 s.
func silence(units []media.AccessUnit) []media.AccessUnit {
	return slices.DeleteFunc(units, func(u media.AccessUnit) bool {
		return u.DTS > 8200*media.Second/1000 && u.DTS < 9100*media.Second/1000
	})
}

// standstill returns an uplink that lets nothing through from 8.1 to 17 s.
func standstill(units []media.AccessUnit) []media.AccessUnit {
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

func cutShort(w http.ResponseWriter, r *http.Request, next http.Handler) {
	text := ask(next, r).Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func wait(d time.Duration) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if pause(r.Context(), d) {
			next.ServeHTTP(w, r)
		}
	}
}

func notFound(w http.ResponseWriter, r *http.Request, _ http.Handler) { http.NotFound(w, r) }

// early answers requests for future media at once.
func early(w http.ResponseWriter, r *http.Request, next http.Handler) {
	now := ask(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { without("_HLS_msn")(w, r, next) }), r)
	if m, _ := ParseMedia("", now.Body.Bytes()); int64(directive(r, "_HLS_msn")) > m.lastMSN()+2 {
		next.ServeHTTP(w, r)
		return
	}
	without("_HLS_msn")(w, r, next)
}

// refuseAs replaces one status by another; with 0 it never answers.
func refuseAs(status, as int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := ask(next, r)
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

// swapNumber adds to a number in media playlists.
func swapNumber(before string, add int) fault {
	re := regexp.MustCompile(before + `(\d+)`)
	return rewrite(func(_ *http.Request, text string) string {
		return re.ReplaceAllStringFunc(text, func(s string) string {
			n, _ := strconv.Atoi(re.FindStringSubmatch(s)[1])
			return before + strconv.Itoa(max(0, n+add))
		})
	})
}

// removeAll takes the playlist away at its end, and the media with it.
func removeAll() fault {
	return func(next http.Handler) http.Handler {
		var gone atomic.Bool // requests come from several connections at once
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !gone.Load() && ended(next, r) {
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

func TestFollow_GoliveIsClean(t *testing.T) {
	for name, s := range map[string]show{
		"low latency":         {length: 40 * time.Second},
		"plain":               {plain: true, length: 40 * time.Second},
		"two renditions":      {pair: true},
		"two plain ones":      {pair: true, plain: true},
		"HTTP/2":              {secure: true},
		"from its first part": {length: 5 * time.Second, join: 510 * time.Millisecond},
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
	for _, c := range planted() {
		found[c.rule] = true
		t.Run(strconv.Itoa(c.rule)+" "+c.name, func(t *testing.T) {
			t.Parallel()
			rec := c.show.follow(t)
			want := slices.Sorted(slices.Values(append(c.also, c.rule)))
			if got := rules(rec.Violations); !slices.Equal(got, want) {
				t.Errorf("rules %v, want %v", got, want)
				for _, v := range rec.Violations {
					t.Log(v)
				}
			}
		})
	}
	for _, c := range plantedInCMAF() {
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
			t.Errorf("no fault of rule %d is planted", n)
		}
	}
}
