package httpserver

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/internal/connlimit"
)

// frame returns a frame of HTTP/2 (RFC 9113 section 4.1).
func frame(kind, flags byte, stream uint32, payload string) string {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return string(binary.BigEndian.AppendUint32(b, stream)) + payload
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// getOf returns a HEADERS frame that requests /10 of host x, from HPACK's static table.
func getOf(stream uint32) string {
	return frame(1, 0x5, stream, "\x82\x86\x41\x01x\x44\x03/10")
}

// send writes next(0), next(1) and so on until a write fails or limit bytes are written, and returns
// how many were written.
func send(c net.Conn, next func(i int) string, limit int) (total int) {
	for i := 0; total < limit; i++ {
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
		overBoth(t, func(t *testing.T, open starter) {
			f := open(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
			c := f.dialFor(t, "h2")
			go func() { _, _ = io.Copy(io.Discard, c) }()
			if _, err := io.WriteString(c, preface+frame(4, 0, 0, "")); err != nil {
				t.Fatal(err)
			}
			const limit = 1 << 20
			if n := send(c, next, limit); n > 2*inputBurst {
				t.Errorf("%s: %d bytes were read, want %d at most", name, n, 2*inputBurst)
			}
			synctest.Wait()
			if n := testutil.ToFloat64(f.metrics.floods); n != 1 {
				t.Errorf("%s: %v floods are counted, want 1", name, n)
			}
			_ = c.Close()
			f.close(t)
		})
	}
}

func TestServer_EndsFloodsOfPipelinedRequests(t *testing.T) {
	for _, path := range []string{"/live/10", "/10"} { // of http1, and of net/http
		overBoth(t, func(t *testing.T, open starter) {
			f := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") }))
			c := f.dial(t)
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
				t.Errorf("%s: %d requests were answered, want about %d", path, answers, pipelinedBurst)
			}
			if n := testutil.ToFloat64(f.metrics.floods); n != 1 {
				t.Errorf("%s: %v floods are counted, want 1", path, n)
			}
			_ = c.Close()
			f.close(t)
		})
	}
}

// A player requests a playlist and a part eight times a second, and cancels some requests. That is
// not a flood, however long it lasts.
func TestServer_DoesNotCountPlayersAsFloods(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		overBoth(t, func(t *testing.T, open starter) {
			f := open(t, sized())
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

func TestServer_BlocksAddressesThatFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.TrustedProxies = []string{"192.0.2.9"}
		s := New(cfg, siteOf(sized()), slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
		for _, address := range []string{"192.0.2.1", "192.0.2.9"} {
			for range 2 * penaltyBurst {
				c := s.admit(from(address))
				if c == nil {
					break
				}
				c.closeForInput()
			}
		}
		for address, want := range map[string]bool{"192.0.2.1": false, "192.0.2.2": true, "192.0.2.9": true} {
			if got := s.admit(from(address)) != nil; got != want {
				t.Errorf("%s is admitted: %t, want %t", address, got, want)
			}
		}
		time.Sleep(time.Minute)
		if s.admit(from("192.0.2.1")) == nil {
			t.Error("the address is still refused a minute later")
		}
	})
}

func peerOf(address string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(address), Port: 1} }

// addressed is a connection from the address remote.
type addressed struct {
	net.Conn
	remote net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.remote }

// from returns a new connection from the address.
func from(address string) net.Conn {
	_, server := net.Pipe()
	return addressed{server, peerOf(address)}
}

func TestPenalties_AreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := penalties{by: map[netip.Prefix]*tokens{}}
		for i := range 2 * maxPenalties {
			p.add(connlimit.Network(peerOf(fmt.Sprintf("10.0.%d.%d", i/256, i%256))), time.Now())
		}
		if n := len(p.by); n > maxPenalties {
			t.Errorf("%d addresses are remembered, want %d at most", n, maxPenalties)
		}
		time.Sleep(time.Minute)
		p.add(connlimit.Network(peerOf("10.9.9.9")), time.Now())
		if n := len(p.by); n != 1 {
			t.Errorf("%d addresses are remembered a minute later, want 1", n)
		}
	})
}

// A trusted proxy forwards the requests of many clients.
func TestServer_DoesNotMeterTrustedProxies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.TrustedProxies = []string{"192.0.2.9"}
		s := New(cfg, siteOf(sized()), slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
		c := s.admit(from("192.0.2.9"))
		c.meter()
		if c.input.metered || !c.AllowPipelined() {
			t.Error("the connection of a trusted proxy is metered")
		}
	})
}
