package main

import (
	"log/slog"
	"testing"
	"time"

	"golive/registry"
)

func TestTrials_EndAfterTheirTime(t *testing.T) {
	r := startRegistry(t)
	began := time.Now()
	for id, test := range map[string]bool{"trial": true, "show": false} {
		addBroadcast(t, r, registry.Broadcast{
			ID: id, Owner: "u", State: registry.Live, Details: registry.Details{Test: test}, Times: registry.Times{Created: began, Started: began},
		})
	}
	addBroadcast(t, r, registry.Broadcast{ID: "announced", Owner: "u", Details: registry.Details{Test: true}, Times: registry.Times{Created: began}})
	all := trials{r, slog.New(slog.DiscardHandler)}
	asked := func() (ended []string) {
		page, _ := r.ListBroadcasts(registry.Filter{})
		for _, b := range page {
			if b.End {
				ended = append(ended, b.ID)
			}
		}
		return ended
	}
	all.endDue(t.Context(), began.Add(trialTime-time.Second))
	if ended := asked(); len(ended) > 0 {
		t.Errorf("too early ended: %q", ended)
	}
	all.endDue(t.Context(), began.Add(trialTime+time.Second))
	if ended := asked(); len(ended) != 1 || ended[0] != "trial" {
		t.Errorf("ended are %q, want only the trial", ended)
	}
}
