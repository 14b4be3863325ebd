package httpserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"golive/internal/tlstest"
)

// serveTCP runs serve on a free port until the test ends.
func serveTCP(tb testing.TB, serve func(context.Context, net.Listener) error) (address string) {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- serve(ctx, ln) }()
	tb.Cleanup(func() {
		stop()
		<-done
	})
	return ln.Addr().String()
}

// BenchmarkServer measures a player's requests on one connection: the time of the server, of a
// client that does very little, and of the system between them.
func BenchmarkServer(b *testing.B) {
	config, _ := tlstest.SelfSigned()
	for _, c := range []struct {
		name string
		size int
	}{{"playlist", 3 << 10}, {"part", 150 << 10}} {
		pieces := [][]byte{make([]byte, c.size/3), make([]byte, c.size/3), make([]byte, c.size/3)}
		length := []string{strconv.Itoa(c.size / 3 * 3)}
		site := siteOf(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Length"] = length
			if pw, ok := w.(interface {
				WritePieces(pieces [][]byte) (int64, error)
			}); ok {
				_, _ = pw.WritePieces(pieces)
				return
			}
			for _, p := range pieces {
				_, _ = w.Write(p)
			}
		}))
		site.TLS = config
		s := New(DefaultConfig(), site, slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
		plain, encrypted := serveTCP(b, s.Serve), serveTCP(b, s.ServeTLS)
		b.Run(c.name+"/plain", func(b *testing.B) {
			conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", plain)
			if err != nil {
				b.Fatal(err)
			}
			benchmarkRequests(b, conn, c.size/3*3)
		})
		b.Run(c.name+"/TLS", func(b *testing.B) {
			d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}}
			conn, err := d.DialContext(b.Context(), "tcp", encrypted)
			if err != nil {
				b.Fatal(err)
			}
			benchmarkRequests(b, conn, c.size/3*3)
		})
	}
}

func benchmarkRequests(b *testing.B, conn net.Conn, size int) {
	b.Helper()
	defer func() { _ = conn.Close() }()
	request := []byte("GET /live/studio/source/index.m3u8?_HLS_msn=7&_HLS_part=2 HTTP/1.1\r\nHost: golive\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n")
	in := make([]byte, size+1024)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		got, want := 0, 0
		for want == 0 || got < want {
			n, err := conn.Read(in[got:])
			if err != nil {
				b.Fatal(err)
			}
			got += n
			if end := bytes.Index(in[:min(got, 512)], []byte("\r\n\r\n")); want == 0 && end >= 0 {
				want = end + 4 + size
			}
		}
	}
}
