package rtmp

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
)

// inBubble runs play with a publisher over a pipe, in fake time. The types of the server's messages
// are sent to replies.
func inBubble(t *testing.T, play func(t *testing.T, c *client, s *ingesttest.Sink, replies <-chan uint8)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.IdleTimeout = 10 * time.Second
		cfg.Limits.Ahead = 3 * time.Second
		h := newHarness(t, cfg)
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); h.server.serve(context.Background(), near, protocolPlain) }()
		c := handshakeOver(t, far)
		c.publish("studio")
		_ = far.SetReadDeadline(time.Time{})
		replies := make(chan uint8, 1000)
		go func() {
			defer close(replies)
			for {
				m, err := c.chunks.Next()
				if err != nil {
					return
				}
				replies <- m.Type
			}
		}()
		play(t, c, <-h.Opened, replies)
		_ = far.Close()
		<-done
	})
}

func TestRow44_SilenceEndsTheSessionAtTheIdleTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, replies <-chan uint8) {
		c.audio(0, ingesttest.AACConfig())
		<-time.After(3300 * time.Millisecond) // fake time
		c.audio(0, ingesttest.AACFrame())
		last := time.Now()
		<-s.Closed
		if quiet := time.Since(last); quiet != 10*time.Second || !errors.Is(s.Cause, ingest.ErrIdle) {
			t.Errorf("ended after %v with %v", quiet, s.Cause)
		}
		pings := 0
		for kind := range replies {
			if kind == chunk.TypeUserControl {
				pings++
			}
		}
		if pings != 1 {
			t.Errorf("%d pings in the silence, want 1", pings)
		}
	})
}

func TestRow44_PingsAloneDoNotKeepASessionAlive(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, replies <-chan uint8) {
		start := time.Now()
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			ping := chunk.Append(nil, chunk.Message{Type: chunk.TypeUserControl, ChunkStream: 2, Body: ingesttest.Hex("000600000000")}, chunk.DefaultSize)
			for {
				if _, err := c.conn.Write(ping); err != nil {
					return
				}
				<-time.After(time.Second) // fake time
			}
		}()
		go func() {
			for range replies {
			}
		}()
		<-s.Closed
		<-stopped
		if alive := time.Since(start).Truncate(10 * time.Second); alive != 10*time.Second || !errors.Is(s.Cause, ingest.ErrIdle) {
			t.Errorf("ended after %v with %v", alive, s.Cause)
		}
	})
}

func TestRow44_MediaKeepsASessionAlive(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, _ <-chan uint8) {
		c.audio(0, ingesttest.AACConfig())
		for i := range uint32(20) {
			<-time.After(9 * time.Second) // fake time
			c.audio(9000*i, ingesttest.AACFrame())
			<-s.Wrote
		}
		_ = c.conn.Close()
		<-s.Closed
		if !errors.Is(s.Cause, io.EOF) {
			t.Errorf("ended with %v", s.Cause)
		}
	})
}

func TestPeerConn_PublisherThatNeverReadsContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, testConfig())
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); h.server.serve(context.Background(), near, protocolPlain) }()
		c := handshakeOver(t, far)
		c.publish("studio")
		s := <-h.Opened
		c.audio(0, ingesttest.AACConfig())
		c.send(chunk.TypeUserControl, 0, 0, ingesttest.Hex("000600000000"))
		for i := range uint32(3) { // the first is read when the server has stopped waiting to write
			c.audio(20*i, ingesttest.AACFrame())
			<-s.Wrote
		}
		_ = far.Close()
		<-done
	})
}
