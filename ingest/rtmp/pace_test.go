package rtmp

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/peerconn"
	"golive/ingest/rtmp/chunk"
	"golive/internal/pipenet"
	"golive/media"
)

func TestRow61_SlowPicturesAreNoSilence(t *testing.T) {
	metadata := amf0.Append(nil, "@setDataFrame", "onMetaData", amf0.Object{{Name: "framerate", Value: 1.0 / 12}})
	for name, tt := range map[string]struct {
		declared bool          // the metadata has the frame rate
		first    time.Duration // until the first picture
		step     time.Duration
	}{
		"1/12 a second":                       {false, 0, 12 * time.Second},
		"1/12 a second, and an encoder ahead": {true, 36 * time.Second, 12 * time.Second},
		"1/24 a second":                       {false, 0, 24 * time.Second},
		"1 a second":                          {false, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, _ <-chan uint8) {
				if tt.declared {
					c.send(chunk.TypeDataAMF0, 1, 0, metadata)
				}
				c.video(0, ingesttest.AVCConfig())
				<-time.After(tt.first) // fake time
				for i := range uint32(10) {
					c.video(i*uint32(tt.step/time.Millisecond), ingesttest.Picture(true, 50))
					<-s.Wrote
					<-time.After(tt.step)
				}
				_ = c.conn.Close()
				<-s.Closed
				if errors.Is(s.Cause, ingest.ErrIdle) {
					t.Errorf("ended with %v", s.Cause)
				}
			})
		})
	}
}

func TestRow61_DeadPublisherEndsAfterATimeoutOfItsPace(t *testing.T) {
	for name, tt := range map[string]struct{ step, want time.Duration }{
		"30 a second":   {33 * time.Millisecond, 10 * time.Second},
		"1 a second":    {time.Second, 10 * time.Second},
		"1/12 a second": {12 * time.Second, 30 * time.Second},
		"1/50 a second": {50 * time.Second, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, _ <-chan uint8) {
				c.video(0, ingesttest.AVCConfig())
				var last time.Time
				for i := range uint32(3) {
					c.video(i*uint32(tt.step/time.Millisecond), ingesttest.Picture(true, 50))
					<-s.Wrote
					last = time.Now()
					if i < 2 {
						<-time.After(min(tt.step, 29*time.Second)) // fake time
					}
				}
				<-s.Closed
				if quiet := time.Since(last); quiet != tt.want || !errors.Is(s.Cause, ingest.ErrIdle) {
					t.Errorf("ended after %v with %v, want %v", quiet, s.Cause, tt.want)
				}
			})
		})
	}
}

func TestRow61_LongMessageOnASlowLineIsNoSilence(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, _ <-chan uint8) {
		c.video(0, ingesttest.AVCConfig())
		for i := range uint32(3) {
			c.video(33*i, ingesttest.Picture(i == 0, 50))
			<-s.Wrote
		}
		b := chunk.Append(nil, chunk.Message{Type: chunk.TypeVideo, ChunkStream: 6, Stream: 1, Timestamp: 200, Body: ingesttest.Picture(true, 40_000)}, c.size)
		for len(b) > 0 { // 1 kB/s: 40 s
			n := min(len(b), 1000)
			c.write(b[:n])
			b = b[n:]
			<-time.After(time.Second) // fake time
		}
		<-s.Wrote
		_ = c.conn.Close()
		<-s.Closed
		if errors.Is(s.Cause, ingest.ErrIdle) {
			t.Errorf("ended with %v", s.Cause)
		}
	})
}

func TestPause_ReceivedDataIsReadBeforeADeadlineCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		pause time.Duration
		sends bool
		want  time.Duration // a silent session ends so long after the pause
	}{
		"11 s":           {11 * time.Second, true, 0},
		"30 s":           {30 * time.Second, true, 0},
		"30 s and a day": {24 * time.Hour, true, 0},
		"dead":           {30 * time.Second, false, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.IdleTimeout = 10 * time.Second
				h := newHarness(t, cfg)
				near, far := net.Pipe()
				stopped := &pipenet.Stopped{Conn: near}
				done := make(chan struct{})
				go func() {
					defer close(done)
					h.server.serve(context.Background(), peerconn.Pausable(stopped), protocolPlain)
				}()
				c := handshakeOver(t, far)
				c.publish("studio")
				_ = far.SetReadDeadline(time.Time{})
				go func() {
					for {
						if _, err := c.chunks.Next(); err != nil {
							return
						}
					}
				}()
				s := <-h.Opened
				c.audio(0, ingesttest.AACConfig())
				c.audio(0, ingesttest.AACFrame())
				<-s.Wrote
				synctest.Wait()
				resume := stopped.Stop()
				<-time.After(tt.pause) // fake time
				resumed := time.Now()
				if tt.sends {
					go c.audio(20, ingesttest.AACFrame())
				}
				close(resume)
				if tt.sends {
					<-s.Wrote
					_ = far.Close()
				}
				<-s.Closed
				if !tt.sends && (time.Since(resumed) != tt.want || !errors.Is(s.Cause, ingest.ErrIdle)) || tt.sends && errors.Is(s.Cause, ingest.ErrIdle) {
					t.Errorf("ended %v after the pause with %v", time.Since(resumed), s.Cause)
				}
				_ = far.Close()
				<-done
			})
		})
	}
}

func TestPause_HandshakeContinuesAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.Limits.HandshakeTimeout = 5 * time.Second
		h := newHarness(t, cfg)
		near, far := net.Pipe()
		stopped := &pipenet.Stopped{Conn: near}
		resume := stopped.Stop()
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.server.serve(context.Background(), peerconn.Pausable(stopped), protocolPlain)
		}()
		<-time.After(20 * time.Second) // fake time
		close(resume)
		c := handshakeOver(t, far)
		c.publish("studio")
		_ = far.Close()
		<-done
	})
}

func TestThrottle_FileIsReadAtRealTimeWithAWarning(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, _ <-chan uint8) {
		start := time.Now()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			c.audio(5000, ingesttest.AACConfig())
			for i := range uint32(3000) { // a minute
				c.audio(5000+20*i, ingesttest.AACFrame())
			}
		}()
		for range 3000 {
			u := <-s.Wrote
			ahead := (u.DTS - 5000*media.Millisecond).Duration() - time.Since(start)
			if ahead > 3*time.Second+100*time.Millisecond {
				t.Fatalf("a unit is %v ahead of real time, want 3s at most", ahead)
			}
		}
		<-sent
		if took := time.Since(start).Round(time.Second); took != 57*time.Second {
			t.Errorf("reading a minute took %v, want 57s", took)
		}
		if n := count(s.Warned, func(w ingest.Warning) bool { return w.Code == ingest.WarnFasterThanRealTime }); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
		for i := range uint32(1000) { // now in real time
			<-time.After(20 * time.Millisecond) // fake time
			c.audio(65_000+20*i, ingesttest.AACFrame())
			<-s.Wrote
		}
		if n := count(s.Cleared, func(c ingest.WarningCode) bool { return c == ingest.WarnFasterThanRealTime }); n != 1 {
			t.Error("the warning was not cleared")
		}
		_ = c.conn.Close()
		<-s.Closed
		if errors.Is(s.Cause, ingest.ErrIdle) {
			t.Errorf("ended with %v", s.Cause)
		}
	})
}

// count empties the channel, and returns the number of values for which f is true.
func count[T any](all chan T, f func(T) bool) (n int) {
	for range len(all) {
		if f(<-all) {
			n++
		}
	}
	return n
}

func TestThrottle_LateMediaMayCatchUp(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, _ <-chan uint8) {
		c.audio(0, ingesttest.AACConfig())
		c.audio(0, ingesttest.AACFrame())
		<-s.Wrote
		<-time.After(8 * time.Second) // fake time
		start := time.Now()
		for i := range uint32(500) { // 8 s late and 2 s ahead
			c.audio(20*i, ingesttest.AACFrame())
			<-s.Wrote
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("late media was held for %v", took)
		}
		_ = c.conn.Close()
		<-s.Closed
	})
}

func TestThrottle_EvictionEndsAThrottledPublisherAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, _ <-chan uint8) {
		c.video(0, ingesttest.AVCConfig())
		c.video(0, ingesttest.Picture(true, 50))
		c.video(2900, ingesttest.Picture(true, 50))
		c.video(5800, ingesttest.Picture(true, 50))
		c.video(8700, ingesttest.Picture(true, 50)) // to be read in 2.7 s and 2.9 s
		start := time.Now()
		s.Publisher.Evict(ingest.ErrTaken)
		<-s.Closed
		if took := time.Since(start); took > 0 || !errors.Is(s.Cause, ingest.ErrTaken) {
			t.Errorf("ended after %v with %v", took, s.Cause)
		}
	})
}

func TestThrottle_PublisherThatClosesEarlyLosesNothing(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Ahead = time.Millisecond
	h := open(t, cfg)
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.AVCConfig())
	// 1.8 MB: more than half of the acknowledgement window, when the server acknowledges as soon as
	// nothing waits to be read, and less than three quarters, when it acknowledges in any case.
	const pictures = 55
	for i := range uint32(pictures) {
		c.video(150*min(i, 36)+10*i, ingesttest.Picture(i%30 == 0, 33_000))
	}
	c.command(1, "deleteStream", 0, nil, 1)
	_ = c.conn.Close()
	if err := s.End(t); err != nil || len(s.Wrote) != pictures {
		t.Errorf("%d pictures, want %d; ended with %v, want a clean end", len(s.Wrote), pictures, err)
	}
}

func TestThrottle_NothingIsAcknowledgedWhileThrottled(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, replies <-chan uint8) {
		c.video(0, ingesttest.AVCConfig())
		const pictures = 90 // 3 MB, more than the window
		for i := range uint32(pictures) {
			c.video(200*i, ingesttest.Picture(i%30 == 0, 33_000))
			<-s.Wrote
		}
		for len(replies) > 0 {
			if kind := <-replies; kind == chunk.TypeAck {
				t.Error("the server acknowledged while it throttled the publisher")
			}
		}
		_ = c.conn.Close()
		<-s.Closed
	})
}
