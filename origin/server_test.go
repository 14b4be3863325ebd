package origin

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of one end of each pipe.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error { close(p); return nil }
func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestServer_DoesNotWaitForABodyForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
		s := NewServer(handler, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		ln, done := make(pipes), make(chan error)
		go func() { done <- s.Serve(ctx, ln) }()
		client, server := net.Pipe()
		ln <- server
		go func() { _, _ = fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n") }()
		began := time.Now()
		if _, err := io.Copy(io.Discard, client); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > readTimeout+time.Second {
			t.Errorf("the connection was held for %s", took)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
