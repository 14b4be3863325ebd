//go:build e2e

package product

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"golive/e2e/harness"
)

// receiver keeps the events that it is sent.
type receiver struct {
	server *httptest.Server

	mu       sync.Mutex
	received bytes.Buffer
	events   []event
	refusing bool
}

type event struct {
	Type string `json:"type"`
	Data struct {
		ID       string `json:"id"`
		Sequence uint64 `json:"sequence"`
	} `json:"data"`
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

// setRefusing sets whether the receiver refuses what it is sent.
func (r *receiver) setRefusing(refusing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusing = refusing
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var e event
	if err != nil || json.Unmarshal(body, &e) != nil || req.Header.Get("Webhook-Signature") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusing {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.received.Write(body)
	r.events = append(r.events, e)
}

// types returns the types of the events so far, without those of health.
func (r *receiver) types() (types []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Type != "broadcast.health" {
			types = append(types, e.Type)
		}
	}
	return types
}

var away = flag.Duration("away", 0, "how much longer the receiver of webhooks refuses events")

// Whatever happens to the encoder's connection and to the receiver, the receiver learns of one beginning
// and of one end, in order.
func TestWebhook_OneBroadcastIsLiveOnceAndEndsOnce(t *testing.T) { onEachRegistry(t, liveOnce) }

func liveOnce(t *testing.T, registry string) {
	t.Helper()
	hook := startReceiver(t)
	s := start(t, fmt.Sprintf(`api:
  open: true
  webhooks: [ { url: %q, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, allow_private: true } ]
ingest: { publish: { open: false }, reconnect_window: 10s }
%s`, hook.server.URL, registry))
	alice := user(t, s, "alice")
	b := alice.create(map[string]any{"title": "Flicker"})
	file, address := sources.Plain(t), b.Ingest.RTMP+"/"+b.StreamKey
	encoder := harness.PublishLooped(t, file, address)
	alice.waitFor(b.ID, "live")
	hook.setRefusing(true)
	for range 2 {
		encoder.Kill()
		alice.waitFor(b.ID, "reconnecting")
		encoder = harness.PublishLooped(t, file, address)
		alice.waitFor(b.ID, "live")
	}
	// A second publisher of the same key is refused, and a silent connection is not a publisher.
	second := harness.Publish(t, file, address)
	silent, err := net.Dial("tcp", s.RTMP)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	<-second.Done()
	harness.Pause(t.Context(), *away)
	hook.setRefusing(false)
	if r := alice.call(http.MethodPost, "/v1/broadcasts/"+b.ID+"/end", nil); r.status/100 != 2 {
		t.Fatalf("it is not ended: %d %s", r.status, r.body)
	}
	<-encoder.Done()
	harness.Until(t, "the replay is reported", 40*time.Second+*away, func() bool { return slices.Contains(hook.types(), "broadcast.replay_ready") })
	want := []string{
		"broadcast.created", "stream_key.used", "broadcast.live", "broadcast.reconnecting", "stream_key.used", "broadcast.resumed",
		"broadcast.reconnecting", "stream_key.used", "broadcast.resumed", "broadcast.ended", "broadcast.replay_ready",
	}
	if got := hook.types(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	hook.mu.Lock()
	defer hook.mu.Unlock()
	if bytes.Contains(hook.received.Bytes(), []byte(b.StreamKey)) {
		t.Error("an event has the stream key")
	}
	for i, e := range hook.events {
		if e.Data.Sequence != uint64(i+1) {
			t.Errorf("event %d has sequence %d: %+v", i, e.Data.Sequence, e)
		}
	}
}
