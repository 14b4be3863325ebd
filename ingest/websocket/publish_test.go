package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"golive/container/amf0"
	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/media"
)

func TestPublish_TagsBecomeAccessUnitsAndAreAcknowledged(t *testing.T) {
	h := open(t, keyed())
	c, s := h.live(t, "studio", studioKey)
	if s.ID != "studio" || s.Publisher.Protocol != "websocket" || s.Publisher.Name != "studio" {
		t.Errorf("admitted %+v", s.Publisher.Request)
	}
	c.send(tagOf(flv.TagScript, 0, amf0.Append(nil, "onMetaData", amf0.Object{{Name: "encoder", Value: "golive-client/1"}, {Name: "framerate", Value: 25}})))
	c.video(0, ingesttest.AVCConfig())
	c.audio(0, ingesttest.AACConfig())
	c.video(0, ingesttest.Picture(true, 100_000))
	c.audio(7, ingesttest.AACFrame())
	c.video(0x01000028, ingesttest.Picture(false, 50)) // all 32 bits of the timestamp
	if u := ingesttest.Await(t, "a unit", s.Wrote); !u.Key || u.Track.Codec != media.H264 || u.Track.Width != 320 || u.DTS != 0 {
		t.Errorf("picture at %d of %+v, want a key picture of H.264 at 0", u.DTS, u.Track)
	}
	if u := ingesttest.Await(t, "a unit", s.Wrote); u.Track.Codec != media.AAC || u.DTS != 7*media.Millisecond {
		t.Errorf("audio at %d of %+v, want AAC at 7 ms", u.DTS, u.Track)
	}
	ingesttest.Await(t, "a unit", s.Wrote)
	if m := ingesttest.Await(t, "an acknowledgement", c.texts); m.Type != "ack" || m.Timestamp != 0 {
		t.Errorf("message %+v, want an acknowledgement of 0", m)
	}
	// The last tag is acknowledged although nothing follows it.
	for m := ingesttest.Await(t, "an acknowledgement", c.texts); m.Timestamp != 0x01000028; m = ingesttest.Await(t, "an acknowledgement", c.texts) {
		if m.Type != "ack" || m.Timestamp != 7 {
			t.Fatalf("message %+v, want an acknowledgement of 7", m)
		}
	}
	if err := c.ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	select {
	case <-s.Closed: // before the server answered the close frame
	default:
		t.Error("the server answered the close frame before the session had ended")
	}
	if s.Cause != nil {
		t.Errorf("ended with %v", s.Cause)
	}
	h.line(t, "session ended", "protocol=websocket", "broadcast=studio", "reason=stopped", "video_units=2", "audio_units=1", "skipped=0", "encoder=golive-client/1")
	if n := h.metric(t, "golive_ingest_session_ends_total", "websocket", "stopped"); n != 1 {
		t.Errorf("%v ends are counted", n)
	}
	if n := h.metric(t, "golive_ingest_received_bytes_total"); n < 100_000 {
		t.Errorf("%v bytes are counted, want 100000 at least", n)
	}
}

func TestPublish_OnlyAStopIsACleanEnd(t *testing.T) {
	h := open(t, keyed())
	sessions := 0
	for name, leave := range map[string]func(c *client){
		"lost":       func(c *client) { _ = c.ws.CloseNow() },
		"tab closed": func(c *client) { _ = c.ws.Close(websocket.StatusGoingAway, "") },
		"no status":  func(c *client) { _ = c.ws.Close(websocket.StatusNoStatusRcvd, "") },
		"half a tag": func(c *client) {
			w, err := c.ws.Writer(context.Background(), websocket.MessageBinary)
			if err == nil {
				_, err = w.Write(tagOf(flv.TagVideo, 0, ingesttest.Picture(true, 70_000))[:300])
			}
			if err != nil {
				c.t.Error(err)
			}
			_ = c.ws.CloseNow()
		},
	} {
		c, s := h.live(t, "studio", studioKey)
		c.audio(0, ingesttest.AACConfig())
		c.audio(0, ingesttest.AACFrame())
		ingesttest.Await(t, "a unit", s.Wrote)
		leave(c)
		if err := s.End(t); err == nil || ingest.OutcomeOf(err).End != ingest.EndLost {
			t.Errorf("%s: ended with %v", name, err)
		}
		sessions++
		h.line(t, "session ended", fmt.Sprintf("session=%d ", sessions)) // it is counted then
	}
	if n := h.metric(t, "golive_ingest_session_ends_total", "websocket", "lost"); n != 4 {
		t.Errorf("%v ends are counted", n)
	}
}

func TestPublish_MessagesMayHaveFragmentsAndPingsBetweenThem(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio", "")
	w, err := c.ws.Writer(t.Context(), websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	c.writeInPieces(w, tagOf(flv.TagAudio, 0, ingesttest.AACConfig()))
	c.audio(0, ingesttest.AACFrame())
	ingesttest.Await(t, "a unit", s.Wrote)
	if err := c.ws.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
}

// writeInPieces writes a message with a frame for each byte, and a ping after each.
func (c *client) writeInPieces(w io.WriteCloser, message []byte) {
	c.t.Helper()
	for i := range message {
		if _, err := w.Write(message[i : i+1]); err != nil {
			c.t.Fatal(err)
		}
		if err := c.ws.Ping(context.Background()); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		c.t.Fatal(err)
	}
}

func TestPublish_SilentPublisherIsPingedAndThenEnded(t *testing.T) {
	cfg := testConfig()
	cfg.IdleTimeout = time.Second
	h := open(t, cfg)
	pinged := make(chan struct{}, 10)
	c, err := dialWith(t, h.url+"/v1/broadcasts/studio/publish", &websocket.DialOptions{
		Subprotocols:   offered(""),
		OnPingReceived: func(context.Context, []byte) bool { pinged <- struct{}{}; return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := ingesttest.Await(t, "the publication", h.Opened)
	ingesttest.Await(t, "a ping", pinged)
	if reason := c.end(closeIdle); !strings.Contains(reason, "no audio or video was received for too long") {
		t.Errorf("reason %s", reason)
	}
	if err := s.End(t); !errors.Is(err, ingest.ErrIdle) {
		t.Errorf("ended with %v", err)
	}
}

func TestRun_TellsPublishersToReconnectAndWaitsForThem(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio", "")
	h.stop()
	select {
	case <-s.Closed:
	default:
		t.Error("Run returned before the session had ended")
	}
	if !errors.Is(s.Cause, ingest.ErrClosing) {
		t.Errorf("ended with %v", s.Cause)
	}
	c.end(websocket.StatusServiceRestart)
	_, answer, err := websocket.Dial(t.Context(), h.url+"/v1/broadcasts/studio/publish", nil)
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("publishing after the end: err = %v, want status 503", err)
	}
}

func TestPublish_EvictionEndsAThrottledPublisherWithACode(t *testing.T) {
	for cause, code := range map[error]websocket.StatusCode{
		ingest.ErrTaken: closeTaken, ingest.ErrEnded: closeEnded, errors.New("an operator ended it"): closeRefused,
	} {
		cfg := testConfig()
		cfg.Limits.Ahead = time.Second
		h := open(t, cfg)
		c, s := h.live(t, "studio", "")
		c.audio(0, ingesttest.AACConfig())
		for i := range uint32(1000) { // 20 s, which the server reads in real time
			c.audio(20*i, ingesttest.AACFrame())
		}
		ingesttest.Await(t, "a unit", s.Wrote)
		s.Publisher.Evict(cause)
		c.end(code)
		if err := s.End(t); !errors.Is(err, cause) {
			t.Errorf("ended with %v", err)
		}
	}
}
