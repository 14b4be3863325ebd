//go:build e2e

package product

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"golive/container/flv"
	"golive/e2e/harness"
	"golive/internal/clip"
	"golive/internal/hlscheck"
)

// page publishes the built-in clip over WebSocket, again and again, in real time, as a page does.
type page struct {
	tb      testing.TB
	address string
	key     string
	configs []flv.Tag // of the decoders
	tags    []flv.Tag
	began   time.Time // when the clip began
	next    int       // the next tag, counted over all loops
}

func newPage(tb testing.TB, address, key string) *page {
	tb.Helper()
	p := &page{tb: tb, address: address, key: key, began: time.Now()}
	for r := flv.NewReader(bytes.NewReader(clip.FLV())); ; {
		t, err := r.Next()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			tb.Fatal(err)
		}
		switch {
		case t.Type == flv.TagScript:
		case t.Body[1] == 0: // of the two codecs of the clip
			p.configs = append(p.configs, t)
		default:
			p.tags = append(p.tags, t)
		}
	}
}

// clipTime is how long the clip is, in milliseconds.
const clipTime = 16_000

// tag returns the next tag with its time, in milliseconds since the beginning.
func (p *page) tag() (t flv.Tag, at int) {
	t = p.tags[p.next%len(p.tags)]
	return t, p.next/len(p.tags)*clipTime + int(t.Timestamp)
}

// dial connects. The connection ends with the test.
func (p *page) dial(ctx context.Context) *websocket.Conn {
	p.tb.Helper()
	ws, _, err := websocket.Dial(ctx, p.address, &websocket.DialOptions{Subprotocols: []string{"golive.flv", "golive.key." + p.key}})
	if err != nil {
		p.tb.Fatal(err)
	}
	p.tb.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// publish connects, and sends for that long, from the next key frame on. It returns the connection.
func (p *page) publish(ctx context.Context, d time.Duration) *websocket.Conn {
	p.tb.Helper()
	ws := p.dial(ctx)
	if _, text, err := ws.Read(ctx); err != nil || string(text) != `{"type":"started"}` {
		p.tb.Fatalf("the first message is %q, %v", text, err)
	}
	for p.skip(); ; p.next++ {
		t, at := p.tag()
		if isKey := t.Type == flv.TagVideo && t.Body[0]>>4 == 1; isKey && time.Until(p.due(at)) > -time.Second/10 {
			for _, t := range p.configs {
				p.send(ctx, ws, t, at)
			}
			break
		}
	}
	for end := time.Now().Add(d); time.Now().Before(end); p.next++ {
		t, at := p.tag()
		harness.Pause(ctx, time.Until(p.due(at)))
		p.send(ctx, ws, t, at)
	}
	return ws
}

// skip drops what was due while there was no connection.
func (p *page) skip() {
	for {
		if _, at := p.tag(); time.Until(p.due(at)) > -time.Second/10 {
			return
		}
		p.next++
	}
}

func (p *page) due(at int) time.Time { return p.began.Add(time.Duration(at) * time.Millisecond) }

func (p *page) send(ctx context.Context, ws *websocket.Conn, t flv.Tag, at int) {
	p.tb.Helper()
	n := len(t.Body)
	b := []byte{t.Type, byte(n >> 16), byte(n >> 8), byte(n), byte(at >> 16), byte(at >> 8), byte(at), byte(at >> 24), 0, 0, 0}
	if err := ws.Write(ctx, websocket.MessageBinary, append(b, t.Body...)); err != nil {
		p.tb.Fatal(err)
	}
}

// A page publishes with its key, loses its connection ten times, and stops. It is one broadcast, in which
// a strict player finds no fault.
func TestWebSocket_OneBroadcastOverTenLostConnections(t *testing.T) {
	s := start(t, "api: { open: true }\ningest: { publish: { open: false, takeover: never } }\n")
	alice, mallory := user(t, s, "alice"), user(t, s, "mallory")
	b, other := alice.create(map[string]any{"title": "Kitchen"}), mallory.create(map[string]any{"title": "Cellar"})
	if want := "ws" + strings.TrimPrefix(s.URL("/v1/broadcasts/"+b.ID+"/publish"), "http"); b.Ingest.WebSocket != want {
		t.Fatalf("the address is %q, want %q", b.Ingest.WebSocket, want)
	}
	for name, wrong := range map[string]string{"another's": other.StreamKey, "none": "none", "the id": b.ID} {
		_, _, err := newPage(t, b.Ingest.WebSocket, wrong).dial(t.Context()).Read(t.Context())
		if websocket.CloseStatus(err) != 4401 {
			t.Errorf("with %s key it ended with %v", name, err)
		}
	}
	const cuts = 10
	p := newPage(t, b.Ingest.WebSocket, b.StreamKey)
	var viewer *harness.Follower
	for i := range cuts {
		ws := p.publish(t.Context(), 2500*time.Millisecond)
		if i == 0 {
			alice.waitFor(b.ID, "live")
			viewer = harness.Follow(t, b.Playback.TS, hlscheck.Options{})
			_, _, err := newPage(t, b.Ingest.WebSocket, b.StreamKey).dial(t.Context()).Read(t.Context())
			if websocket.CloseStatus(err) != 4409 {
				t.Errorf("a second publisher ended with %v", err)
			}
		}
		_ = ws.CloseNow()
		harness.Until(t, "the session's end", 10*time.Second, func() bool { return s.Logs.Count("session ended", "reason=lost") == i+1 })
	}
	ws := p.publish(t.Context(), 4*time.Second)
	if err := ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	r := viewer.Wait(30 * time.Second)
	viewer.Check()
	if n := harness.Discontinuities(r); n != cuts {
		t.Errorf("%d discontinuities, want %d", n, cuts)
	}
	alice.waitFor(b.ID, "ended")
	if n := s.Logs.Count("broadcast started"); n != 1 {
		t.Errorf("%d broadcasts have begun", n)
	}
	_, _, err := p.dial(t.Context()).Read(t.Context())
	if websocket.CloseStatus(err) != 4410 {
		t.Errorf("after the end it ended with %v", err)
	}
	s.Stop()
	mustNotContain(t, s, b.StreamKey)
}

// The session continues after the server was stopped (SIGSTOP) for longer than ingest.idle_timeout; when
// the server ends, the publisher is asked to reconnect.
func TestWebSocket_SurvivesAPausedServerAndIsAskedToReconnectAtItsEnd(t *testing.T) {
	s := start(t, "")
	p := newPage(t, "ws"+strings.TrimPrefix(s.URL("/v1/broadcasts/studio/publish"), "http"), "studio")
	resumed := make(chan struct{})
	go func() {
		defer close(resumed)
		harness.Pause(t.Context(), 2*time.Second)
		s.Signal(syscall.SIGSTOP)
		harness.Pause(t.Context(), 12*time.Second)
		s.Signal(syscall.SIGCONT)
	}()
	ws := p.publish(t.Context(), 18*time.Second)
	<-resumed
	if s.Logs.Count("session ended") > 0 {
		t.Error("the pause has ended the session")
	}
	ended := make(chan error)
	go func() {
		for {
			if _, _, err := ws.Read(context.WithoutCancel(t.Context())); err != nil {
				ended <- err
				return
			}
		}
	}()
	s.Stop()
	if err := <-ended; websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("ended with %v", err)
	}
}
