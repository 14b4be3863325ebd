package main

import (
	"log/slog"
	"testing"
	"time"

	"golive/registry"
)

func TestOverdue_EndsTrialsAfterTheirTime(t *testing.T) {
	r := startRegistry(t)
	began := time.Now()
	for id, test := range map[string]bool{"trial": true, "show": false} {
		addBroadcast(t, r, registry.Broadcast{
			ID: id, Owner: "u", State: registry.Live, Details: registry.Details{Test: test}, Times: registry.Times{Created: began, Started: began},
		})
	}
	addBroadcast(t, r, registry.Broadcast{ID: "announced", Owner: "u", Details: registry.Details{Test: true}, Times: registry.Times{Created: began}})
	all := overdue{registry: r, log: slog.New(slog.DiscardHandler)}
	asked := func() (ended []string) {
		page, _ := r.ListBroadcasts(registry.Filter{})
		for _, b := range page {
			if b.End {
				ended = append(ended, b.ID)
			}
		}
		return ended
	}
	all.end(t.Context(), began.Add(trialTime-time.Second))
	if ended := asked(); len(ended) > 0 {
		t.Errorf("too early ended: %q", ended)
	}
	all.end(t.Context(), began.Add(trialTime+time.Second))
	if ended := asked(); len(ended) != 1 || ended[0] != "trial" {
		t.Errorf("ended are %q, want only the trial", ended)
	}
}

func TestOverdue_EndsWhatNoNodeHas(t *testing.T) {
	r := startRegistry(t)
	began := time.Now()
	for id, state := range map[string]registry.State{"announced": registry.Created, "lost": registry.Live, "had": registry.Reconnecting} {
		addBroadcast(t, r, registry.Broadcast{ID: id, Owner: "u", State: state, Times: registry.Times{Created: began, Started: began}})
	}
	lease := r.Claim("had", false)
	defer lease.Release()
	if err := lease.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := overdue{registry: r, log: slog.New(slog.DiscardHandler)}
	ended := func() (ids []string) {
		page, _ := r.ListBroadcasts(registry.Filter{State: registry.Ended})
		for _, b := range page {
			ids = append(ids, b.ID)
		}
		return ids
	}
	for _, after := range []time.Duration{0, abandonTime - time.Second} {
		if all.end(t.Context(), began.Add(after)); len(ended()) > 0 {
			t.Fatalf("after %v ended are %q", after, ended())
		}
	}
	all.end(t.Context(), began.Add(abandonTime))
	if got := ended(); len(got) != 1 || got[0] != "lost" {
		t.Errorf("ended are %q, want only the lost one", got)
	}
}
