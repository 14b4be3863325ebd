package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"golive/broadcast"
	"golive/ingest"
	"golive/registry"
)

// issuedKeys finds the broadcasts of the stream keys that the API issued.
type issuedKeys struct {
	registry *registry.Registry

	mu    sync.Mutex
	begun map[string]string // ids of broadcasts that wait for their records, by channel
}

func newIssuedKeys(r *registry.Registry) *issuedKeys {
	return &issuedKeys{registry: r, begun: map[string]string{}}
}

// Lookup implements ingest.Keys.
func (k *issuedKeys) Lookup(name string) (id string, found bool, err error) {
	if !registry.IsStreamKey(name) {
		if b, ok := k.registry.FindBroadcast(name); ok && b.Owner != "" {
			return "", false, fmt.Errorf("%w: this broadcast is published with its stream key", ingest.ErrUnauthorized)
		}
		return "", false, nil
	}
	b, ch, found := k.registry.FindKey(name)
	switch {
	case !found && k.registry.ID() == "":
		return "", false, fmt.Errorf("%w: stream keys are not known before the registry was reached", ingest.ErrUnavailable)
	case !found:
		return "", false, fmt.Errorf("%w: it was replaced, revoked or never issued", ingest.ErrUnauthorized)
	case b.ID == "":
		return k.ofChannel(ch), true, nil
	case b.End || b.State == registry.Ended:
		return "", false, fmt.Errorf("%w: its stream key cannot be used again", ingest.ErrEnded)
	}
	return b.ID, true, nil
}

// ofChannel returns the id of the channel's broadcast: of the one that has begun, or else the newest
// that was announced, or else of a new one.
func (k *issuedKeys) ofChannel(ch registry.Channel) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if id, ok := k.begun[ch.Name]; ok {
		if _, recorded := k.registry.FindBroadcast(id); !recorded {
			return id
		}
		delete(k.begun, ch.Name)
	}
	announced := ""
	active, _ := k.registry.ListBroadcasts(registry.Filter{Channel: ch.Name, Active: true})
	for _, b := range active {
		switch {
		case b.Owner != ch.Owner || b.End:
		case b.State != registry.Created:
			return b.ID
		case announced == "" && b.ScheduledStart.Before(time.Now()):
			announced = b.ID
		}
	}
	if announced != "" {
		return announced
	}
	id := registry.NewID()
	k.begun[ch.Name] = id
	k.registry.Report(registry.Report{ID: id, Channel: ch.Name, Owner: ch.Owner, State: registry.Created})
	return id
}

// reporter tells the registry what happens to the broadcasts of this node.
type reporter struct{ registry *registry.Registry }

// Changed implements broadcast.Observer.
func (r reporter) Changed(c broadcast.Change) {
	report := registry.Report{ID: c.ID, At: c.At, Reason: c.Reason}
	switch c.Kind {
	case broadcast.StateChanged:
		report.State = registry.State(c.State.String())
		if c.State == broadcast.Ended && c.Reason == broadcast.EndedWithoutMedia {
			report.State = registry.Created // its key can be used another time
		}
	case broadcast.ReplayReady:
		report.Event = registry.EventReplayReady
	case broadcast.WarningsChanged:
		report.Event = registry.EventHealth
		codes := make([]string, len(c.Warnings))
		for i, code := range c.Warnings {
			codes[i] = string(code)
		}
		report.Issues = strings.Join(codes, " ")
	case broadcast.KeyUsed:
		report.Event = registry.EventKeyUsed
	}
	r.registry.Report(report)
}

// endRequested returns a function that ends what was asked to end, for registry.OnChange.
func endRequested(hub *broadcast.Hub) func(registry.Broadcast) {
	return func(b registry.Broadcast) {
		if b.End {
			hub.End(b.ID, "its owner ended it")
		}
	}
}
