package api

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/registry"
	"golive/rollout"
)

// changing is a Directory whose broadcasts change.
type changing struct {
	catalogue

	now atomic.Pointer[Broadcast]
}

func (c *changing) Live(id string) (Broadcast, bool) {
	b := c.now.Load()
	if b == nil || b.ID != id {
		return Broadcast{}, false
	}
	return *b, true
}

func TestAPI_StreamsEventsUntilTheBroadcastEnds(t *testing.T) {
	d := &changing{}
	b := newTestAPI(t, DefaultConfig(), rollout.DefaultConfig(), d)
	record := registry.Broadcast{ID: "b", Owner: "ann", State: registry.Starting, Details: registry.Details{Preview: true}}
	b.records.put(record)
	server := httptest.NewServer(b)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+broadcasts+"/b/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer dev:ann")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	next := func() string {
		var text []string
		for lines.Scan() && lines.Text() != "" {
			text = append(text, lines.Text())
		}
		return strings.Join(text, " ")
	}
	want := func(events ...string) {
		t.Helper()
		for _, e := range events {
			if diff := cmp.Diff(e, next()); diff != "" {
				t.Fatal(diff)
			}
		}
	}
	want(`event: state data: {"state":"starting"}`, `event: viewers data: {"viewers":0}`, `event: health data: {"issues":[]}`)
	record.State = registry.Live
	b.records.put(record)
	want(`event: state data: {"state":"preview"}`)
	live := studio()
	live.ID, live.StorageLag, live.Viewers = "b", 0, 7
	live.Warnings = []Warning{{Code: "audio_silent", Text: "no sound; check the microphone", Since: time.Unix(0, 0).UTC()}}
	d.now.Store(&live)
	record.Preview = false
	b.records.put(record)
	want(`event: state data: {"state":"live"}`, `event: viewers data: {"viewers":7}`,
		`event: health data: {"issues":[{"type":"audio_silent","severity":"error","since":"1970-01-01T00:00:00Z","reason":"no sound","advice":"check the microphone"}]}`)
	d.now.Store(nil)
	record.State = registry.Ended
	b.records.put(record)
	want(`event: state data: {"state":"ended"}`)
	for next() != "" { // the response ends
	}
}

func TestAPI_HidesEventsOfBroadcastsThatTheCallerMayNotSee(t *testing.T) {
	b := newTestAPI(t, withKeys(), rollout.DefaultConfig(), catalogue{})
	b.records.put(registry.Broadcast{ID: "private", Owner: "ann", State: registry.Ended, Details: registry.Details{Visibility: registry.Private}})
	path := broadcasts + "/private/events"
	b.want(404, "", "GET", path, "")
	b.want(404, serverKey, "GET", path, "", "Golive-User", "bob")
	b.want(404, "", "GET", broadcasts+"/none/events", "")
	b.want(404, "", "GET", broadcasts+"/a%20b/events", "")
	if w := b.as(serverKey, "GET", path, "", "Golive-User", "ann"); w.Code != 200 || !strings.Contains(w.Body.String(), `{"state":"ended"}`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAPI_LimitsTheEventStreamsOfAnAddress(t *testing.T) {
	b := openTestAPI(t)
	b.records.put(registry.Broadcast{ID: "b", State: registry.Ended})
	from := networkOf(netip.MustParseAddr("192.0.2.1")) // httptest's
	for range maxStreamsPerAddress {
		if !b.api.streams.begin(from) {
			t.Fatal("refused too early")
		}
	}
	if got := b.want(429, "", "GET", broadcasts+"/b/events", ""); got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for range maxStreamsPerAddress {
		b.api.streams.end(from)
	}
	if len(b.api.streams.by) != 0 || b.api.streams.total != 0 {
		t.Error("streams that have ended are counted")
	}
	if w := b.as("", "GET", broadcasts+"/b/events", ""); w.Code != 200 {
		t.Error(w.Code)
	}
}
