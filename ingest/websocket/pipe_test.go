package websocket

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/internal/pipenet"
)

// requestFor returns a request to publish the broadcast id.
func requestFor(ctx context.Context, id string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/broadcasts/"+id+"/publish", http.NoBody)
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}, "Sec-Websocket-Protocol": {subprotocol},
	}
	r.SetPathValue("id", id)
	return r
}

// frame returns a client's frame with a whole message, masked with zeros.
func frame(opcode byte, payload []byte) []byte {
	b := []byte{0x80 | opcode, 0x80}
	switch n := len(payload); {
	case n < 126:
		b[1] |= byte(n)
	case n < 1<<16:
		b[1] |= 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] |= 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// binaryFrame is the opcode of a frame with a binary message.
const binaryFrame = 2

// inBubble runs a test with a publisher over a pipe, in fake time. wrap wraps the server's end of the
// pipe, and send sends a message of the publisher.
func inBubble(t *testing.T, wrap func(net.Conn) net.Conn, run func(t *testing.T, far net.Conn, send func([]byte), s *ingesttest.Sink)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, testConfig(), Site{})
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.http.ServeHTTP(&ingesttest.HijackRecorder{Conn: wrap(near)}, requestFor(t.Context(), "studio"))
		}()
		go func() { // the client reads everything
			for b := make([]byte, 1000); ; {
				if _, err := far.Read(b); err != nil {
					return
				}
			}
		}()
		send := func(message []byte) {
			if _, err := far.Write(frame(binaryFrame, message)); err != nil {
				t.Errorf("write: %v", err)
			}
		}
		run(t, far, send, <-h.Opened)
		_ = far.Close()
		<-done
	})
}

func TestPause_ReceivedDataIsReadBeforeADeadlineCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		pause time.Duration
		sends bool
		want  time.Duration // a silent session ends so long after the pause
	}{
		"11 s":  {11 * time.Second, true, 0},
		"a day": {24 * time.Hour, true, 0},
		"dead":  {30 * time.Second, false, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			stopped := &pipenet.Stopped{}
			inBubble(t, func(c net.Conn) net.Conn { stopped.Conn = c; return stopped }, func(t *testing.T, far net.Conn, send func([]byte), s *ingesttest.Sink) {
				send(tagOf(flv.TagAudio, 0, ingesttest.AACConfig()))
				send(tagOf(flv.TagAudio, 0, ingesttest.AACFrame()))
				<-s.Wrote
				synctest.Wait()
				resume := stopped.Stop()
				<-time.After(tt.pause) // fake time
				resumed := time.Now()
				if tt.sends {
					go send(tagOf(flv.TagAudio, 20, ingesttest.AACFrame()))
				}
				close(resume)
				if tt.sends {
					<-s.Wrote
					_ = far.Close()
				}
				<-s.Closed
				if idle := errors.Is(s.Cause, ingest.ErrIdle); idle == tt.sends || idle && time.Since(resumed) != tt.want {
					t.Errorf("ended %v after the pause with %v", time.Since(resumed), s.Cause)
				}
			})
		})
	}
}

func TestPace_LongMessageOnASlowLineIsNoSilence(t *testing.T) {
	inBubble(t, func(c net.Conn) net.Conn { return c }, func(t *testing.T, far net.Conn, send func([]byte), s *ingesttest.Sink) {
		send(tagOf(flv.TagVideo, 0, ingesttest.AVCConfig()))
		for i := range uint32(3) {
			send(tagOf(flv.TagVideo, 33*i, ingesttest.Picture(i == 0, 50)))
			<-s.Wrote
		}
		b := frame(binaryFrame, tagOf(flv.TagVideo, 200, ingesttest.Picture(true, 40_000)))
		for len(b) > 0 { // 1 kB/s: 40 s
			n := min(len(b), 1000)
			if _, err := far.Write(b[:n]); err != nil {
				t.Fatal(err)
			}
			b = b[n:]
			<-time.After(time.Second) // fake time
		}
		<-s.Wrote
		_ = far.Close()
		if <-s.Closed; errors.Is(s.Cause, ingest.ErrIdle) {
			t.Errorf("ended with %v", s.Cause)
		}
	})
}

// TestPace_PublisherThatDoesNotReadContinues has a publisher that never reads the server's messages.
func TestPace_PublisherThatDoesNotReadContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, testConfig(), Site{})
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.http.ServeHTTP(&ingesttest.HijackRecorder{Conn: near}, requestFor(t.Context(), "studio"))
		}()
		s := <-h.Opened
		for i := range uint32(3000) { // a minute
			<-time.After(20 * time.Millisecond) // fake time
			body := ingesttest.AACFrame()
			if i == 0 {
				body = ingesttest.AACConfig()
			}
			if _, err := far.Write(frame(binaryFrame, tagOf(flv.TagAudio, 20*i, body))); err != nil {
				t.Fatal(err)
			}
		}
		_ = far.Close()
		<-done
		if <-s.Closed; len(s.Wrote) != 2999 || ingest.OutcomeOf(s.Cause).End != ingest.EndLost {
			t.Errorf("%d units, want 2999; ended with %v, want a lost connection", len(s.Wrote), s.Cause)
		}
	})
}
