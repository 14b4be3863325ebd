package rtmp

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
)

const reconnectRequest = "NetConnection.Connect.ReconnectRequest"

// publishAs publishes as a client with the given capabilities (capsEx).
func (c *client) publishAs(caps float64) {
	c.t.Helper()
	c.command(0, "connect", 1, amf0.Object{{Name: "app", Value: "live"}, {Name: "capsEx", Value: caps}})
	c.reply("_result")
	c.command(1, "publish", 0, nil, "studio")
	if s := c.status(); s.String("code") != "NetStream.Publish.Start" {
		c.t.Fatalf("publish: %v", s)
	}
}

func TestRow51_ShutdownAsksAPublisherThatCanToReconnect(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.publishAs(1)
	s := ingesttest.Await(t, "the publication", h.Opened)
	c.audio(0, ingesttest.AACConfig())
	// The server is shut down in the middle of a message, which is not lost.
	frame := chunk.Append(nil, chunk.Message{Type: chunk.TypeAudio, ChunkStream: 4, Stream: 1, Timestamp: 20, Body: ingesttest.AACFrame()}, c.size)
	c.write(frame[:5])
	h.stop()
	request := c.next(chunk.TypeCommandAMF0)
	values, err := amf0.DecodeAll(request.Body)
	if err != nil || request.Stream != 0 || values[0] != "onStatus" || values[1] != 0.0 || values[2] != nil {
		t.Fatalf("request %v on stream %d, err = %v", values, request.Stream, err)
	}
	if info := values[3].(amf0.Object); info.String("level") != "status" || info.String("code") != reconnectRequest || info.Get("tcUrl") != nil {
		t.Errorf("request %v", info)
	}
	c.write(frame[5:])
	c.audio(41, ingesttest.AACFrame())
	for _, want := range []string{"20/20", "41/41"} {
		if u := s.Unit(t); at(u) != want {
			t.Errorf("unit at %s, want %s", at(u), want)
		}
	}
	_ = c.conn.Close()
	if err := s.End(t); !errors.Is(err, ingest.ErrClosing) {
		t.Errorf("ended with %v", err)
	}
	h.stopServer(t)
	h.line(t, "session ended", "reason=closing")
}

func TestRow51_StopAfterAReconnectRequestIsNotACleanEnd(t *testing.T) {
	for _, command := range []string{"FCUnpublish", "deleteStream"} {
		h := open(t, testConfig())
		c := h.dial(t)
		c.publishAs(7)
		s := ingesttest.Await(t, "the publication", h.Opened)
		h.stop()
		if code := c.status().String("code"); code != reconnectRequest {
			t.Fatalf("status %s", code)
		}
		c.command(1, command, 0, nil, 1)
		c.closed()
		if err := s.End(t); !errors.Is(err, ingest.ErrClosing) {
			t.Errorf("%s: ended with %v", command, err)
		}
		h.stopServer(t)
	}
}

func TestRow51_PublisherThatCannotReconnectIsDisconnectedWithoutAStatus(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.publishAs(6)
	s := ingesttest.Await(t, "the publication", h.Opened)
	h.stopServer(t)
	if err := s.End(t); !errors.Is(err, ingest.ErrClosing) {
		t.Errorf("ended with %v", err)
	}
	if answer := readAll(t, c.conn); strings.Contains(string(answer), "onStatus") {
		t.Errorf("the server sent %q, want no onStatus", answer)
	}
}

func TestRow51_PublisherThatStaysIsDisconnectedAfterTheGracePeriod(t *testing.T) {
	for name, run := range map[string]func(*client){
		"silent":     func(*client) {},
		"continues":  func(c *client) { sendAudio(c, 100*time.Millisecond) },
		"never ends": func(c *client) { sendAudio(c, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, testConfig())
				near, far := net.Pipe()
				ctx, stop := context.WithCancelCause(context.Background())
				done := make(chan struct{})
				go func() { defer close(done); h.server.serve(ctx, near, protocolPlain) }()
				c := handshakeOver(t, far)
				c.publishAs(1)
				_ = far.SetReadDeadline(time.Time{})
				s := <-h.Opened
				go func() {
					for range s.Wrote {
					}
				}()
				read, wrote := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(read)
					for {
						if _, err := c.chunks.Next(); err != nil {
							return
						}
					}
				}()
				start := time.Now()
				stop(ingest.ErrClosing)
				synctest.Wait()
				go func() { defer close(wrote); run(c) }()
				<-s.Closed
				if took := time.Since(start); took < graceTimeout || took > graceTimeout+100*time.Millisecond || !errors.Is(s.Cause, ingest.ErrClosing) {
					t.Errorf("disconnected after %v with %v, want %v with %v", took, s.Cause, graceTimeout, ingest.ErrClosing)
				}
				_ = far.Close()
				<-done
				<-read
				<-wrote
				close(s.Wrote)
			})
		})
	}
}

// sendAudio sends audio until a write fails. Without a pause it sends several messages at a time,
// because fake time does not advance otherwise.
func sendAudio(c *client, pause time.Duration) {
	message := chunk.Append(nil, chunk.Message{Type: chunk.TypeAudio, ChunkStream: 4, Stream: 1, Body: ingesttest.AACConfig()}, c.size)
	for i := 0; ; i++ {
		if _, err := c.conn.Write(message); err != nil {
			return
		}
		if pause > 0 || i%100 == 0 {
			<-time.After(max(pause, time.Millisecond)) // fake time
		}
	}
}
