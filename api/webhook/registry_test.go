package webhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/registry"
)

// startRegistry runs a registry with its own server until the test ends.
func startRegistry(t *testing.T) *registry.Registry {
	t.Helper()
	cfg := registry.DefaultConfig()
	cfg.Events = true
	r := registry.New(cfg, registry.Node{Name: "a"}, t.TempDir(), discard(), registry.NewMetrics(prometheus.NewRegistry()))
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error)
	go func() { over <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	return r
}

// create creates a broadcast as soon as the registry can be reached.
func create(t *testing.T, r *registry.Registry, b registry.Broadcast) {
	t.Helper()
	b.State, b.Created = registry.Created, time.Now()
	for {
		if _, err := r.CreateBroadcast(t.Context(), b); err == nil {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestDeliverer_DeliversEventsOfTheRegistryInOrder(t *testing.T) {
	q := startRegistry(t)
	r := newReceiver(t)
	var down atomic.Bool
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ received) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	deliver(t, q, discard(), private(r.URL))
	// Only what happens from the first call of Consume on is delivered.
	for i := 0; len(r.new) == 0; i++ {
		create(t, q, registry.Broadcast{ID: fmt.Sprintf("first-%d", i), Owner: "user-1"})
		<-time.After(50 * time.Millisecond)
	}
	down.Store(true)
	key := registry.NewStreamKey()
	ids := []string{"a", "b", "c"}
	for _, id := range ids {
		create(t, q, registry.Broadcast{ID: id, Owner: "user-1", Key: registry.HashKey(key + id)})
		for _, state := range []registry.State{registry.Starting, registry.Live, registry.Reconnecting, registry.Live, registry.Reconnecting, registry.Live, registry.Ended} {
			q.Report(registry.Report{ID: id, State: state, At: time.Now()})
		}
	}
	refused := 0
	for refused < 2*len(ids) { // each is repeated
		<-r.new
		r.mu.Lock()
		refused = len(r.all) - len(r.got)
		r.mu.Unlock()
	}
	down.Store(false)
	types := map[string][]string{}
	done := func() bool {
		clear(types)
		r.mu.Lock()
		defer r.mu.Unlock()
		ended := 0
		for _, m := range r.got {
			id, _ := m.Data.Broadcast["id"].(string)
			types[id] = append(types[id], strings.TrimPrefix(m.Type, "broadcast."))
			if m.Data.Sequence != len(types[id]) {
				t.Errorf("%s: sequence %d is delivered as %d", id, m.Data.Sequence, len(types[id]))
			}
			if strings.Contains(m.text, registry.HashKey(key+id)) || strings.Contains(m.text, key) {
				t.Errorf("the key is delivered: %s", m.text)
			}
			if m.Type == string(registry.EventEnded) {
				ended++
			}
		}
		return ended == len(ids)
	}
	for !done() {
		<-r.new
	}
	want := []string{"created", "live", "reconnecting", "resumed", "reconnecting", "resumed", "ended"}
	for _, id := range ids {
		if !slices.Equal(types[id], want) {
			t.Errorf("%s: %v", id, types[id])
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	of := map[string]string{}
	for _, m := range r.all {
		if text, ok := of[m.id]; ok && text != m.text {
			t.Errorf("%s was repeated with another body", m.id)
		}
		of[m.id] = m.text
	}
}
