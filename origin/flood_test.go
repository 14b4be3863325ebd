package origin

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/internal/connlimit"
)

// frame is a frame of HTTP/2 (RFC 9113 section 4.1).
func frame(kind, flags byte, stream uint32, payload string) string {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return string(binary.BigEndian.AppendUint32(b, stream)) + payload
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// getOf is a HEADERS frame that asks for /10 of host x, from HPACK's static table.
func getOf(stream uint32) string {
	return frame(1, 0x5, stream, "\x82\x86\x41\x01x\x44\x03/10")
}

// send writes text again and again, of which from and to are stream ids when it asks
// for them, until the connection ends or most bytes are written.
func send(c net.Conn, next func(i int) string, most int) (total int) {
	for i := 0; total < most; i++ {
		n, err := io.WriteString(c, next(i))
		if total += n; err != nil {
			return total
		}
	}
	return total
}

func TestServer_EndsFloodsOfHTTP2(t *testing.T) {
	for name, next := range map[string]func(i int) string{
		"PING":          func(int) string { return frame(6, 0, 0, "12345678") },
		"PING ACK":      func(int) string { return frame(6, 1, 0, "12345678") },
		"SETTINGS":      func(int) string { return frame(4, 0, 0, "") },
		"SETTINGS ACK":  func(int) string { return frame(4, 1, 0, "") },
		"PRIORITY":      func(i int) string { return frame(2, 0, uint32(2*i+1), "\x00\x00\x00\x00\x10") },
		"WINDOW_UPDATE": func(int) string { return frame(8, 0, 0, "\x00\x00\x00\x01") },
		"unknown":       func(int) string { return frame(0x42, 0, 0, "") },
		"RST_STREAM":    func(i int) string { s := uint32(2*i + 1); return getOf(s) + frame(3, 0, s, "\x00\x00\x00\x08") },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := openFront(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
			c, err := f.ln.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
			if _, err := io.WriteString(c, preface+frame(4, 0, 0, "")); err != nil {
				t.Fatal(err)
			}
			const most = 1 << 20
			if n := send(c, next, most); n > 2*floodBurst {
				t.Errorf("%s: %d bytes are read", name, n)
			}
			synctest.Wait()
			if n := testutil.ToFloat64(f.metrics.floods); n != 1 {
				t.Errorf("%s: %v floods are counted", name, n)
			}
			_ = c.Close()
			f.close(t)
		})
	}
}

func TestServer_EndsFloodsOfPipelinedRequests(t *testing.T) {
	for _, path := range []string{"/live/10", "/10"} { // http1's, net/http's
		synctest.Test(t, func(t *testing.T) {
			f := openFront(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") }))
			c, err := f.ln.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			go func() {
				send(c, func(int) string { return strings.Repeat(request, 50) }, 1<<20)
			}()
			in, answers := bufio.NewReader(c), 0
			for ; ; answers++ {
				a, err := http.ReadResponse(in, nil)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, a.Body)
			}
			if answers < pipelinedBurst/2 || answers > 3*pipelinedBurst {
				t.Errorf("%s: %d are answered", path, answers)
			}
			if n := testutil.ToFloat64(f.metrics.floods); n != 1 {
				t.Errorf("%s: %v floods are counted", path, n)
			}
			_ = c.Close()
			f.close(t)
		})
	}
}

// A player asks for a playlist and a part eight times a second, acknowledges what it is
// sent and takes a request back now and then; nothing of it is a flood, for hours.
func TestServer_DoesNotTakeAPlayerForAFlood(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			f := openFront(t, sized())
			rt := f.client(protocol)
			for i := range 3000 {
				<-time.After(time.Second / 8)
				for _, size := range []int{300, 30_000} {
					res, err := fetch(t.Context(), rt, fmt.Sprintf("/%d", size))
					if err != nil {
						t.Fatalf("HTTP/%d: request %d: %v", protocol, i, err)
					}
					if i%8 == 7 && size > 1000 {
						_ = res.Body.Close()
						continue
					}
					if n, err := io.Copy(io.Discard, res.Body); int(n) != size || err != nil {
						t.Fatalf("HTTP/%d: request %d: %d bytes, %v", protocol, i, n, err)
					}
				}
			}
			if n := testutil.ToFloat64(f.metrics.floods); n != 0 {
				t.Errorf("HTTP/%d: %v floods are counted", protocol, n)
			}
			rt.CloseIdleConnections()
			f.close(t)
		})
	}
}

func TestServer_BarsAddressesThatFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(100, 0, nil)
		offender, err := p.take(peerOf("192.0.2.1"))
		if err != "" {
			t.Fatal(err)
		}
		for range 3 * offenceBurst {
			offender.offend()
		}
		if _, why := p.take(peerOf("192.0.2.1")); why != refusedFlood {
			t.Errorf("the offender: %q", why)
		}
		if _, why := p.take(peerOf("192.0.2.2")); why != "" {
			t.Errorf("another: %q", why)
		}
		time.Sleep(time.Minute)
		if _, why := p.take(peerOf("192.0.2.1")); why != "" {
			t.Errorf("a minute later: %q", why)
		}
	})
}

func peerOf(address string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(address), Port: 1} }

func TestOffenders_AreNotRememberedWithoutABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(100, 0, nil)
		for i := range 2 * mostOffenders {
			p.offenders.add(connlimit.NetworkOf(addressOf(peerOf(fmt.Sprintf("10.0.%d.%d", i/256, i%256)))), time.Now())
		}
		if n := len(p.offenders.by); n > mostOffenders {
			t.Errorf("%d are remembered", n)
		}
		time.Sleep(time.Minute)
		p.offenders.add(connlimit.NetworkOf(addressOf(peerOf("10.9.9.9"))), time.Now())
		if n := len(p.offenders.by); n != 1 {
			t.Errorf("%d are remembered a minute later", n)
		}
	})
}

// A trusted proxy has the requests of many.
func TestServer_DoesNotMeterTrustedProxies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.TrustedProxies = []string{"192.0.2.9"}
		s := NewPublicServer(cfg, nil, sized(), slog.New(slog.DiscardHandler), NewServerMetrics(prometheus.NewRegistry()))
		place, _ := s.places.take(peerOf("192.0.2.9"))
		c := &conn{place: place}
		c.meter()
		if c.allowed.metered || !c.Pipelined() {
			t.Error("it is metered")
		}
	})
}

func TestNotice_IsWrittenOnceASecondWithTheCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		n := &notice{log: slog.New(slog.NewTextHandler(&log, nil)), level: slog.LevelWarn, message: "it came"}
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() { n.note(peerOf("192.0.2.1")) })
		}
		all.Wait()
		time.Sleep(noticeEvery)
		n.note(peerOf("192.0.2.1"), "reason", errors.New("as planned"))
		if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "count=1 ") || !strings.Contains(lines[1], "count=1000 ") {
			t.Errorf("%d lines: %q", len(lines), lines)
		}
	})
}
