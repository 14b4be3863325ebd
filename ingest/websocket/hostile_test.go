package websocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/internal/setting"
)

// TestHostile_InvalidMessagesEndOnlyTheirSession sends each bad message in a session of its
// own, while another publisher is live.
func TestHostile_InvalidMessagesEndOnlyTheirSession(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.MessageSize = 100 * setting.KiB
	h := open(t, cfg)
	good, seen := h.live(t, "good", "")
	good.audio(0, ingesttest.AACConfig())
	whole := tagOf(flv.TagVideo, 40, ingesttest.Picture(true, 70_000))
	short := tagOf(flv.TagVideo, 40, ingesttest.Picture(true, 20))
	change := func(at int, to byte) []byte {
		b := append([]byte(nil), short...)
		b[at] = to
		return b
	}
	for name, test := range map[string]struct {
		kind    websocket.MessageType
		message []byte
		code    websocket.StatusCode
		reason  string
	}{
		"text":                {websocket.MessageText, []byte(`{"type":"hello"}`), closeRequest, "a message is text"},
		"empty text":          {websocket.MessageText, nil, closeRequest, "a message is text"},
		"empty":               {websocket.MessageBinary, nil, closeRequest, "it has 0 bytes"},
		"half a header":       {websocket.MessageBinary, whole[:6], closeRequest, "it has 6 bytes"},
		"a header":            {websocket.MessageBinary, whole[:tagHeader], closeRequest, "its header says 70009 bytes, and 0 follow"},
		"half a tag":          {websocket.MessageBinary, whole[:30_000], closeRequest, "and 29989 follow"},
		"all but a byte":      {websocket.MessageBinary, whole[:len(whole)-1], closeRequest, "and 70008 follow"},
		"a byte more":         {websocket.MessageBinary, append(slices.Clip(whole), 0), closeRequest, "longer than the 70009 bytes"},
		"two tags":            {websocket.MessageBinary, append(slices.Clip(short), short...), closeRequest, "longer than"},
		"the size is smaller": {websocket.MessageBinary, change(3, 1), closeRequest, "longer than the 1 bytes"},
		"the size is larger":  {websocket.MessageBinary, change(2, 1), closeRequest, "follow"},
		"of 16 MB":            {websocket.MessageBinary, change(1, 0xff), closeTooMuch, "ingest.limits.message_size"},
		"a file's header":     {websocket.MessageBinary, []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"), closeRequest, "type 70"},
		"encrypted":           {websocket.MessageBinary, change(0, 0x29), closeRequest, "type 41"},
		"of a stream":         {websocket.MessageBinary, change(10, 1), closeRequest, "stream id 1"},
		"of another codec":    {websocket.MessageBinary, tagOf(flv.TagVideo, 0, []byte{0x12, 1, 2}), closeUnsupported, "is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := h.live(t, "bad", "")
			if err := c.ws.Write(t.Context(), test.kind, test.message); err != nil {
				t.Fatal(err)
			}
			if reason := c.end(test.code); !strings.Contains(reason, test.reason) {
				t.Errorf("reason %s", reason)
			}
			if err := s.End(t); err == nil || len(s.Wrote) > 0 {
				t.Errorf("%d units, ended with %v; want none, and an error", len(s.Wrote), err)
			}
		})
	}
	good.audio(20, ingesttest.AACFrame())
	ingesttest.Await(t, "a unit", seen.Wrote)
	if n := h.sessions.Messages.Held(); n != 0 {
		t.Errorf("%d bytes of messages are still counted", n)
	}
}

// TestHostile_FloodsAreBounded sends as fast as loopback carries, in ways that each pass one check.
func TestHostile_FloodsAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.IdleTimeout = 5 * time.Minute
	h := open(t, cfg)
	good, seen := h.live(t, "good", "")
	good.audio(0, ingesttest.AACConfig())
	picture1M := tagOf(flv.TagVideo, 0, ingesttest.Picture(true, 1<<20))
	for name, test := range map[string]struct {
		send func(c *client, i uint32) error
		code websocket.StatusCode
	}{
		"pictures": {func(c *client, i uint32) error {
			b := picture1M
			b[6], b[5], b[4] = byte(i), byte(i>>8), byte(i>>16)
			return c.ws.Write(context.Background(), websocket.MessageBinary, b)
		}, closeTooMuch},
		"script data": {func(c *client, _ uint32) error {
			return c.ws.Write(context.Background(), websocket.MessageBinary, tagOf(flv.TagScript, 0, []byte("x")))
		}, closeRequest},
		"empty tags": {func(c *client, _ uint32) error {
			return c.ws.Write(context.Background(), websocket.MessageBinary, tagOf(flv.TagVideo, 0, nil))
		}, closeRequest},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := h.live(t, "bad", "")
			c.video(0, ingesttest.AVCConfig())
			var most uint64
			for i := range uint32(1_000_000) {
				if err := test.send(c, i); err != nil {
					break
				}
				if i%500 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
				for len(s.Wrote) > 10 {
					<-s.Wrote
				}
			}
			if err := s.End(t); err == nil {
				t.Error("the session ended without an error")
			}
			if err := ingesttest.Await(t, "the end", c.closed); websocket.CloseStatus(err) != test.code {
				// The server closes the connection after a second even if the client still sends: then the
				// close frame may be lost.
				t.Logf("closed with %v", err)
			}
			if most > 256<<20 {
				t.Errorf("%d MB of memory were in use, want 256 at most", most>>20)
			}
		})
	}
	good.audio(20, ingesttest.AACFrame())
	ingesttest.Await(t, "a unit", seen.Wrote)
}

func TestHostile_FloodsOfFramesAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.MessageSize = setting.MiB
	cfg.IdleTimeout = 5 * time.Minute
	h := open(t, cfg)
	good, seen := h.live(t, "good", "")
	good.audio(0, ingesttest.AACConfig())
	const mask = "\x00\x00\x00\x00"
	for name, test := range map[string]struct{ first, flood, want string }{
		"pings":              {"", "\x89\x81" + mask + "x", "more than 500 a second are no media"},
		"pongs":              {"", "\x8a\x80" + mask, "more than 500 a second are no media"},
		"pings in a message": {"\x02\x81" + mask + "\x08", "\x89\x80" + mask, "more than 500 a second are no media"},
		"empty frames":       {"\x02\x81" + mask + "\x08", "\x00\x80" + mask, "a message has too many frames"},
		"text":               {"", "\x81\x81" + mask + "x", "a message is text"},
	} {
		t.Run(name, func(t *testing.T) {
			host := strings.TrimPrefix(h.url, "ws://")
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if _, err := fmt.Fprintf(c, "GET /v1/broadcasts/bad/publish HTTP/1.1\r\nHost: %s\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: golive.flv\r\n\r\n%s", host, test.first); err != nil {
				t.Fatal(err)
			}
			s := ingesttest.Await(t, "the publication", h.Opened)
			flood := []byte(strings.Repeat(test.flood, 1000))
			for range 1_000_000 { // the client reads nothing
				if _, err := c.Write(flood); err != nil {
					break
				}
			}
			if err := s.End(t); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ended with %v", err)
			}
		})
	}
	good.audio(20, ingesttest.AACFrame())
	ingesttest.Await(t, "a unit", seen.Wrote)
}

func TestHostile_UnfinishedTagsOfAllSessionsAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.MessageSize, cfg.Limits.MessageMemory = 8*setting.MiB, 16*setting.MiB
	h := open(t, cfg)
	good, seen := h.live(t, "good", "")
	good.audio(0, ingesttest.AACConfig())
	var all []*client
	var sinks []*ingesttest.Sink
	for _, id := range []string{"a", "b", "c"} {
		c, s := h.live(t, id, "")
		w, err := c.ws.Writer(t.Context(), websocket.MessageBinary)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(tagOf(flv.TagVideo, 0, make([]byte, 8<<20-100))[:5<<20]); err != nil && len(all) < 2 {
			t.Fatal(err)
		}
		all, sinks = append(all, c), append(sinks, s)
	}
	var first int // the session that ends
	select {
	case <-sinks[0].Closed:
	case <-sinks[1].Closed:
		first = 1
	case <-sinks[2].Closed:
		first = 2
	case <-time.After(ingesttest.Timeout):
		t.Fatal("no session has ended")
	}
	if reason := all[first].end(closeBusy); !strings.Contains(reason, "incomplete messages of all publishers occupy") {
		t.Errorf("reason %s", reason)
	}
	if n := h.sessions.Messages.Held(); n > 16<<20 {
		t.Errorf("%d bytes are held, want %d at most", n, 16<<20)
	}
	good.audio(20, ingesttest.AACFrame())
	ingesttest.Await(t, "a unit", seen.Wrote)
}

func TestReasonOf_FitsIntoACloseFrame(t *testing.T) {
	long := &ingest.CutError{Err: errors.Join(ingest.ErrRefused, errors.New(strings.Repeat("é", 100)))}
	for _, err := range []error{nil, ingest.ErrIdle, long, &ingest.CutError{Err: errors.New("database is locked")}} {
		reason := reasonOf(err)
		if len(reason) > maxReason || !utf8.ValidString(reason) || strings.Contains(reason, "database") {
			t.Errorf("%v: %q has %d bytes", err, reason, len(reason))
		}
	}
	if reason := reasonOf(long); !strings.HasPrefix(reason, "publishing was refused") || !strings.HasSuffix(reason, "…") {
		t.Errorf("reason %q, want the beginning and an ellipsis", reason)
	}
}
