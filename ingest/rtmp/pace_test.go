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
	"golive/ingest/peerconn"
	"golive/ingest/rtmp/chunk"
	"golive/internal/pipenet"
	"golive/media"
)

func TestRow61_SlowPicturesAreNoSilence(t *testing.T) {
	metadata := amf0.Append(nil, "@setDataFrame", "onMetaData", amf0.Object{{Name: "framerate", Value: 1.0 / 12}})
	for name, tt := range map[string]struct {
		told  bool
		first time.Duration // until the first picture
		step  time.Duration
	}{
		"1/12 a second":                       {false, 0, 12 * time.Second},
		"1/12 a second, and an encoder ahead": {true, 36 * time.Second, 12 * time.Second},
		"1/24 a second":                       {false, 0, 24 * time.Second},
		"1 a second":                          {false, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *client, s *sink, _ <-chan uint8) {
				if tt.told {
					c.send(chunk.TypeDataAMF0, 1, 0, metadata)
				}
				c.video(0, avcConfig())
				<-time.After(tt.first) // fake time
				for i := range uint32(10) {
					c.video(i*uint32(tt.step/time.Millisecond), picture(true, 50))
					<-s.wrote
					<-time.After(tt.step)
				}
				_ = c.conn.Close()
				<-s.closed
				if errors.Is(s.cause, ingest.ErrIdle) {
					t.Errorf("ended with %v", s.cause)
				}
			})
		})
	}
}

func TestRow61_DeadPublisherEndsByItsPace(t *testing.T) {
	for name, tt := range map[string]struct{ step, want time.Duration }{
		"30 a second":   {33 * time.Millisecond, 10 * time.Second},
		"1 a second":    {time.Second, 10 * time.Second},
		"1/12 a second": {12 * time.Second, 30 * time.Second},
		"1/50 a second": {50 * time.Second, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *client, s *sink, _ <-chan uint8) {
				c.video(0, avcConfig())
				var last time.Time
				for i := range uint32(3) {
					c.video(i*uint32(tt.step/time.Millisecond), picture(true, 50))
					<-s.wrote
					last = time.Now()
					if i < 2 {
						<-time.After(min(tt.step, 29*time.Second)) // fake time
					}
				}
				<-s.closed
				if quiet := time.Since(last); quiet != tt.want || !errors.Is(s.cause, ingest.ErrIdle) {
					t.Errorf("ended after %v with %v, want %v", quiet, s.cause, tt.want)
				}
			})
		})
	}
}

func TestRow61_LongMessageOnASlowLineIsNoSilence(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *sink, _ <-chan uint8) {
		c.video(0, avcConfig())
		for i := range uint32(3) {
			c.video(33*i, picture(i == 0, 50))
			<-s.wrote
		}
		b := chunk.Append(nil, chunk.Message{Type: chunk.TypeVideo, ChunkStream: 6, Stream: 1, Timestamp: 200, Body: picture(true, 40_000)}, c.size)
		for len(b) > 0 { // 1 kB/s: 40 s
			n := min(len(b), 1000)
			c.write(b[:n])
			b = b[n:]
			<-time.After(time.Second) // fake time
		}
		<-s.wrote
		_ = c.conn.Close()
		<-s.closed
		if errors.Is(s.cause, ingest.ErrIdle) {
			t.Errorf("ended with %v", s.cause)
		}
	})
}

func TestPause_ReceivedDataIsReadBeforeADeadlineCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		pause time.Duration
		sends bool
		want  time.Duration // alive after the pause without a word
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
				c := greet(t, far)
				c.publish("studio")
				_ = far.SetReadDeadline(time.Time{})
				go func() {
					for {
						if _, err := c.chunks.Next(); err != nil {
							return
						}
					}
				}()
				s := <-h.opened
				c.audio(0, aacConfig())
				c.audio(0, aacFrame())
				<-s.wrote
				synctest.Wait()
				resume := stopped.Stop()
				<-time.After(tt.pause) // fake time
				resumed := time.Now()
				if tt.sends {
					go c.audio(20, aacFrame())
				}
				close(resume)
				if tt.sends {
					<-s.wrote
					_ = far.Close()
				}
				<-s.closed
				if !tt.sends && (time.Since(resumed) != tt.want || !errors.Is(s.cause, ingest.ErrIdle)) || tt.sends && errors.Is(s.cause, ingest.ErrIdle) {
					t.Errorf("ended %v after the pause with %v", time.Since(resumed), s.cause)
				}
				_ = far.Close()
				<-done
			})
		})
	}
}

func TestPause_HandshakeContinuesAfterIt(t *testing.T) {
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
		c := greet(t, far)
		c.publish("studio")
		_ = far.Close()
		<-done
	})
}

func TestThrottle_FileIsReadAtRealTimeWithAWarning(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *sink, _ <-chan uint8) {
		start := time.Now()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			c.audio(5000, aacConfig())
			for i := range uint32(3000) { // a minute
				c.audio(5000+20*i, aacFrame())
			}
		}()
		for range 3000 {
			u := <-s.wrote
			ahead := (u.DTS - 5000*media.Millisecond).Duration() - time.Since(start)
			if ahead > 3*time.Second+100*time.Millisecond {
				t.Fatalf("unit %v ahead of time", ahead)
			}
		}
		<-sent
		if took := time.Since(start).Round(time.Second); took != 57*time.Second {
			t.Errorf("a minute took %v", took)
		}
		if n := count(s.warned, func(w ingest.Warning) bool { return w.Code == ingest.WarnFasterThanRealTime }); n != 1 {
			t.Errorf("%d warnings", n)
		}
		for i := range uint32(1000) { // now in real time
			<-time.After(20 * time.Millisecond) // fake time
			c.audio(65_000+20*i, aacFrame())
			<-s.wrote
		}
		if n := count(s.cleared, func(c ingest.WarningCode) bool { return c == ingest.WarnFasterThanRealTime }); n != 1 {
			t.Error("the warning was not cleared")
		}
		_ = c.conn.Close()
		<-s.closed
		if errors.Is(s.cause, ingest.ErrIdle) {
			t.Errorf("ended with %v", s.cause)
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
	inBubble(t, func(t *testing.T, c *client, s *sink, _ <-chan uint8) {
		c.audio(0, aacConfig())
		c.audio(0, aacFrame())
		<-s.wrote
		<-time.After(8 * time.Second) // fake time
		start := time.Now()
		for i := range uint32(500) { // 8 s late and 2 s ahead
			c.audio(20*i, aacFrame())
			<-s.wrote
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("held for %v", took)
		}
		_ = c.conn.Close()
		<-s.closed
	})
}

func TestThrottle_EvictionAndShutdownEndTheRestAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *sink, _ <-chan uint8) {
		c.video(0, avcConfig())
		c.video(0, picture(true, 50))
		c.video(2900, picture(true, 50))
		c.video(5800, picture(true, 50))
		c.video(8700, picture(true, 50)) // to be read in 2.7 s and 2.9 s
		start := time.Now()
		s.publisher.Evict(ingest.ErrTaken)
		<-s.closed
		if took := time.Since(start); took > 0 || !errors.Is(s.cause, ingest.ErrTaken) {
			t.Errorf("ended after %v with %v", took, s.cause)
		}
	})
}

func TestThrottle_PublisherThatClosesEarlyLosesNothing(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Ahead = time.Millisecond
	h := open(t, cfg)
	c, s := h.live(t, "studio")
	c.video(0, avcConfig())
	// 1.8 MB: more than half of the acknowledgement window, after which the publisher is due one as
	// soon as nothing waits to be read, and less than three quarters, after which it is due one anyway.
	const pictures = 55
	for i := range uint32(pictures) {
		c.video(150*min(i, 36)+10*i, picture(i%30 == 0, 33_000))
	}
	c.command(1, "deleteStream", 0, nil, 1)
	_ = c.conn.Close()
	if err := s.end(t); err != nil || len(s.wrote) != pictures {
		t.Errorf("%d pictures, ended with %v", len(s.wrote), err)
	}
}

func TestThrottle_NothingIsAcknowledgedWhileThrottled(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *sink, replies <-chan uint8) {
		c.video(0, avcConfig())
		const pictures = 90 // 3 MB, more than the window
		for i := range uint32(pictures) {
			c.video(200*i, picture(i%30 == 0, 33_000))
			<-s.wrote
		}
		for len(replies) > 0 {
			if kind := <-replies; kind == chunk.TypeAck {
				t.Error("acknowledged while it was throttled")
			}
		}
		_ = c.conn.Close()
		<-s.closed
	})
}
