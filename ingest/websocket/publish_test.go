package websocket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"golive/container/amf0"
	"golive/container/flv"
	"golive/ingest"
	"golive/media"
)

func TestPublish_TagsBecomeAccessUnitsAndAreAcknowledged(t *testing.T) {
	h := open(t, keyed())
	c, s := h.live(t, "studio", studioKey)
	if s.id != "studio" || s.publisher.Protocol != "websocket" || s.publisher.Name != "studio" {
		t.Errorf("admitted %+v", s.publisher.Request)
	}
	c.send(tagOf(flv.TagScript, 0, amf0.Append(nil, "onMetaData", amf0.Object{{Name: "encoder", Value: "golive-client/1"}, {Name: "framerate", Value: 25}})))
	c.video(0, avcConfig())
	c.audio(0, aacConfig())
	c.video(0, picture(true, 100_000))
	c.audio(7, aacFrame())
	c.video(0x01000028, picture(false, 50)) // all 32 bits of the timestamp
	if u := await(t, "a unit", s.wrote); !u.Key || u.Track.Codec != media.H264 || u.Track.Width != 320 || u.DTS != 0 {
		t.Errorf("picture %+v of %+v", u.DTS, u.Track)
	}
	if u := await(t, "a unit", s.wrote); u.Track.Codec != media.AAC || u.DTS != 7*media.Millisecond {
		t.Errorf("sound at %d of %+v", u.DTS, u.Track)
	}
	await(t, "a unit", s.wrote)
	if m := await(t, "an acknowledgement", c.texts); m.Type != "ack" || m.Timestamp != 0 {
		t.Errorf("%+v", m)
	}
	// The last one is acknowledged though nothing follows.
	for m := await(t, "an acknowledgement", c.texts); m.Timestamp != 0x01000028; m = await(t, "an acknowledgement", c.texts) {
		if m.Type != "ack" || m.Timestamp != 7 {
			t.Fatalf("%+v", m)
		}
	}
	if err := c.ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	select {
	case <-s.closed: // before the peer was told
	default:
		t.Error("the client's close has ended before the session")
	}
	if s.cause != nil {
		t.Errorf("ended with %v", s.cause)
	}
	h.line(t, "session ended", "protocol=websocket", "broadcast=studio", "reason=stopped", "video_units=2", "audio_units=1", "skipped=0", "encoder=golive-client/1")
	if n := h.metric(t, "golive_ingest_session_ends_total", "websocket", "stopped"); n != 1 {
		t.Errorf("%v ends are counted", n)
	}
	if n := h.metric(t, "golive_ingest_received_bytes_total"); n < 100_000 {
		t.Errorf("%v bytes are counted", n)
	}
}

func TestPublish_OnlyAStopIsCleanAndALostPublisherMayReturn(t *testing.T) {
	h := open(t, keyed())
	for name, leave := range map[string]func(c *client){
		"lost":       func(c *client) { _ = c.ws.CloseNow() },
		"tab closed": func(c *client) { _ = c.ws.Close(websocket.StatusGoingAway, "") },
		"no status":  func(c *client) { _ = c.ws.Close(websocket.StatusNoStatusRcvd, "") },
		"half a tag": func(c *client) {
			w, err := c.ws.Writer(context.Background(), websocket.MessageBinary)
			if err == nil {
				_, err = w.Write(tagOf(flv.TagVideo, 0, picture(true, 70_000))[:300])
			}
			if err != nil {
				c.t.Error(err)
			}
			_ = c.ws.CloseNow()
		},
	} {
		c, s := h.live(t, "studio", studioKey)
		c.audio(0, aacConfig())
		c.audio(0, aacFrame())
		await(t, "a unit", s.wrote)
		leave(c)
		if err := s.end(t); err == nil || ingest.OutcomeOf(err).End != ingest.EndLost {
			t.Errorf("%s: ended with %v", name, err)
		}
	}
	if n := h.metric(t, "golive_ingest_session_ends_total", "websocket", "lost"); n != 4 {
		t.Errorf("%v ends are counted", n)
	}
}

func TestPublish_FragmentsAndPingsInsideAMessage(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio", "")
	w, err := c.ws.Writer(t.Context(), websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	c.audioInPieces(w, tagOf(flv.TagAudio, 0, aacConfig()))
	c.audio(0, aacFrame())
	await(t, "a unit", s.wrote)
	if err := c.ws.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
}

// audioInPieces writes a message with a frame for each byte, and a ping after each.
func (c *client) audioInPieces(w io.WriteCloser, message []byte) {
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
	s := await(t, "the publication", h.opened)
	await(t, "a ping", pinged)
	if reason := c.end(closeIdle); !strings.Contains(reason, "no audio or video was received for too long") {
		t.Errorf("reason %s", reason)
	}
	if err := s.end(t); !errors.Is(err, ingest.ErrIdle) {
		t.Errorf("ended with %v", err)
	}
}

func TestRun_TellsPublishersToReconnectAndWaitsForThem(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio", "")
	h.stop()
	select {
	case <-s.closed:
	default:
		t.Error("Run has not waited")
	}
	if !errors.Is(s.cause, ingest.ErrClosing) {
		t.Errorf("ended with %v", s.cause)
	}
	c.end(websocket.StatusServiceRestart)
	_, answer, err := websocket.Dial(t.Context(), h.url+"/v1/broadcasts/studio/publish", nil)
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the end: %v", err)
	}
}

func TestPublish_EvictionIsToldAndEndsAHeldPublisher(t *testing.T) {
	for cause, code := range map[error]websocket.StatusCode{
		ingest.ErrTaken: closeTaken, ingest.ErrEnded: closeEnded, errors.New("an operator ended it"): closeRefused,
	} {
		cfg := testConfig()
		cfg.Limits.Ahead = time.Second
		h := open(t, cfg)
		c, s := h.live(t, "studio", "")
		c.audio(0, aacConfig())
		for i := range uint32(1000) { // 20 s, which are read in real time
			c.audio(20*i, aacFrame())
		}
		await(t, "a unit", s.wrote)
		s.publisher.Evict(cause)
		c.end(code)
		if err := s.end(t); !errors.Is(err, cause) {
			t.Errorf("ended with %v", err)
		}
	}
}
