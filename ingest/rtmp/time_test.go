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
	"golive/ingest/rtmp/chunk"
)

// inBubble publishes over a pipe in fake time. The server's messages are read, and their
// types sent to replies.
func inBubble(t *testing.T, play func(t *testing.T, c *client, s *sink, replies <-chan uint8)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.IdleTimeout = 10 * time.Second
		cfg.Limits.Ahead = 3 * time.Second
		h := newHarness(t, cfg)
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); h.server.serve(context.Background(), near, protocolPlain) }()
		c := greet(t, far)
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
		play(t, c, <-h.opened, replies)
		_ = far.Close()
		<-done
	})
}

func TestRow44_SilenceEndsTheSessionExactlyAtTheIdleTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *sink, replies <-chan uint8) {
		c.audio(0, aacConfig())
		<-time.After(3300 * time.Millisecond) // fake time
		c.audio(0, aacFrame())
		last := time.Now()
		<-s.closed
		if quiet := time.Since(last); quiet != 10*time.Second || !errors.Is(s.cause, ingest.ErrIdle) {
			t.Errorf("ended after %v with %v", quiet, s.cause)
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
	inBubble(t, func(t *testing.T, c *client, s *sink, replies <-chan uint8) {
		start := time.Now()
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			ping := chunk.Append(nil, chunk.Message{Type: chunk.TypeUserControl, ChunkStream: 2, Body: unhex("000600000000")}, chunk.DefaultSize)
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
		<-s.closed
		<-stopped
		if alive := time.Since(start).Truncate(10 * time.Second); alive != 10*time.Second || !errors.Is(s.cause, ingest.ErrIdle) {
			t.Errorf("ended after %v with %v", alive, s.cause)
		}
	})
}

func TestRow44_MediaKeepsASessionAlive(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *sink, _ <-chan uint8) {
		c.audio(0, aacConfig())
		for i := range uint32(20) {
			<-time.After(9 * time.Second) // fake time
			c.audio(9000*i, aacFrame())
			<-s.wrote
		}
		_ = c.conn.Close()
		<-s.closed
		if !errors.Is(s.cause, io.EOF) {
			t.Errorf("ended with %v", s.cause)
		}
	})
}

func TestPeerConn_PublisherThatNeverReadsContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, testConfig())
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); h.server.serve(context.Background(), near, protocolPlain) }()
		c := greet(t, far)
		c.publish("studio")
		s := <-h.opened
		c.audio(0, aacConfig())
		c.send(chunk.TypeUserControl, 0, 0, unhex("000600000000"))
		for i := range uint32(3) { // the first waits until the server gives up its answer
			c.audio(20*i, aacFrame())
			<-s.wrote
		}
		_ = far.Close()
		<-done
	})
}
