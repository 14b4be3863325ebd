package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golive/ingest"
	"golive/registry"
)

func TestIssuedKeys_AdmitToWhatTheyAreFor(t *testing.T) {
	r := startRegistry(t)
	keys := map[string]string{}
	for _, id := range []string{"show", "over", "ending"} {
		keys[id] = registry.NewStreamKey()
	}
	addBroadcast(t, r, registry.Broadcast{ID: "show", Owner: "u", Key: registry.HashKey(keys["show"])})
	addBroadcast(t, r, registry.Broadcast{ID: "over", Owner: "u", State: registry.Ended, Key: registry.HashKey(keys["over"])})
	addBroadcast(t, r, registry.Broadcast{ID: "ending", Owner: "u", State: registry.Live, End: true, Key: registry.HashKey(keys["ending"])})
	addBroadcast(t, r, registry.Broadcast{ID: "anybody", State: registry.Live})
	k := newIssuedKeys(r)
	for name, want := range map[string]struct {
		id  string
		err error
	}{
		keys["show"]:            {"show", nil},
		keys["over"]:            {"", ingest.ErrEnded},
		keys["ending"]:          {"", ingest.ErrEnded},
		registry.NewStreamKey(): {"", ingest.ErrUnauthorized},
		"show":                  {"", ingest.ErrUnauthorized},
		"anybody":               {"", nil},
		"free":                  {"", nil},
	} {
		id, found, err := k.Lookup(name)
		if id != want.id || found != (want.id != "") || !errors.Is(err, want.err) {
			t.Errorf("%s: %q, %v, %v; want %q, %v", name, id, found, err, want.id, want.err)
		}
		if err != nil && registry.IsStreamKey(name) && strings.Contains(err.Error(), name) {
			t.Errorf("the error has the key: %v", err)
		}
	}
}

func TestIssuedKeys_ChannelsKeyIsForItsNextBroadcast(t *testing.T) {
	r := startRegistry(t)
	addBroadcast(t, r, registry.Broadcast{ID: "last", Channel: "news", Owner: "u", State: registry.Ended})
	key := registry.NewStreamKey()
	if _, err := r.PutChannel(t.Context(), registry.Channel{Name: "news", Owner: "u", Key: registry.HashKey(key)}); err != nil {
		t.Fatal(err)
	}
	k := newIssuedKeys(r)
	want := func(id string) {
		t.Helper()
		if got, found, err := k.Lookup(key); got != id || !found || err != nil {
			t.Errorf("%q, %v, %v; want %q", got, found, err, id)
		}
	}
	id, _, err := k.Lookup(key)
	if err != nil || id == "last" {
		t.Fatalf("%q, %v", id, err)
	}
	want(id) // before and after its record is there
	for {
		b, ok := r.FindBroadcast(id)
		if ok {
			if b.Owner != "u" || b.Channel != "news" {
				t.Errorf("%+v", b)
			}
			break
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("there is no record of it")
		}
	}
	want(id)
	addBroadcast(t, r, registry.Broadcast{ID: "live", Channel: "news", Owner: "u", State: registry.Live})
	want("live")
}
