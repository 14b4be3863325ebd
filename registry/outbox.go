package registry

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The stream of events: each is kept for eventsAge, and published again with the same id within
// eventsWindow it is stored once.
const (
	eventStream  = "golive_events"
	eventSubject = "golive.events."
	eventsAge    = 3 * 24 * time.Hour
	eventsWindow = time.Hour
	// maxEventBytes bounds the stream of the embedded server; the oldest events go first.
	maxEventBytes = 1 << 30
)

// note is an event that the record of its broadcast contains until it is in the stream of events.
// The write that makes an event real also notes it: no crash loses it, or makes another.
type note struct {
	Type     EventType `json:"type"`
	Sequence uint64    `json:"sequence"`
	At       time.Time `json:"at"`
	Reason   string    `json:"reason,omitempty"`
	Issues   string    `json:"issues,omitempty"`
	State    State     `json:"state"` // after it
}

// maxNotes is how many events of a broadcast wait at most; the oldest are dropped.
const maxNotes = 64

// cause is why a record changes.
type cause struct {
	at     time.Time
	reason string
	issues string
	event  EventType // what has happened besides; may be empty
}

// isOut reports whether others than the owner have been able to watch the run of b.
func (b *Broadcast) isOut() bool { return !b.Started.IsZero() && !b.Preview }

// eventsBetween returns what a change of a record means; before is nil for a new one.
func eventsBetween(before, after *Broadcast) (types []EventType) {
	if before == nil {
		types, before = []EventType{EventCreated}, &Broadcast{}
	}
	wasOut := before.isOut() && before.State != Ended // an ended one may begin again
	switch {
	case after.State == Ended && before.State != Ended:
		types = append(types, EventEnded)
	case after.State == Ended || !after.isOut():
	case !wasOut:
		types = append(types, EventLive)
	case after.State == Reconnecting && before.State != Reconnecting:
		types = append(types, EventReconnecting)
	case after.State == Live && before.State == Reconnecting:
		types = append(types, EventResumed)
	}
	return types
}

// record counts the events of a change in b, and notes them if somebody consumes events.
func (b *Broadcast) record(before *Broadcast, c cause, consumed bool) {
	types := eventsBetween(before, b)
	if c.event != "" {
		types = append(types, c.event)
	}
	if len(types) == 0 {
		return
	}
	notes := append([]note(nil), b.notes...)
	for _, t := range types {
		b.Events++
		n := note{Type: t, Sequence: b.Events, At: c.at.Round(0).UTC(), State: b.State}
		switch t {
		case EventEnded:
			n.Reason = c.reason
		case EventHealth:
			n.Issues = c.issues
		default:
		}
		notes = append(notes, n)
	}
	if consumed {
		b.notes = notes[max(0, len(notes)-maxNotes):]
	}
}

// event returns the event of a note.
func (b *Broadcast) event(n note) Event {
	e := Event{ID: eventID(b, n.Sequence), Type: n.Type, Sequence: n.Sequence, At: n.At, Broadcast: *b, Reason: n.Reason}
	e.Broadcast.Key, e.Broadcast.notes = "", nil
	e.Broadcast.State, e.Broadcast.Events = n.State, n.Sequence
	if n.Type == EventHealth {
		e.Issues = strings.Fields(n.Issues)
	}
	if n.State != Ended {
		e.Broadcast.Ended = time.Time{}
	}
	return e
}

// eventID returns the id of an event, which is the same whoever publishes it.
func eventID(b *Broadcast, sequence uint64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", b.ID, b.Created.UnixNano(), sequence))
	return "evt_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// publishNotes puts the events that b notes into the stream.
func (s *store) publishNotes(ctx context.Context, b Broadcast) error {
	if len(b.notes) == 0 {
		return nil
	}
	return s.events.write(func() error {
		for _, n := range b.notes {
			if err := s.publish(ctx, b.event(n)); err != nil {
				return fmt.Errorf("%w: publish event: %w", ErrAway, withHint(err))
			}
		}
		return nil
	})
}

func (s *store) publish(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	msg := &nats.Msg{Subject: keyOf(eventSubject, e.Broadcast.ID), Data: encode(e)}
	_, err := s.js.PublishMsg(ctx, msg, jetstream.WithMsgID(e.ID))
	return err
}

// sendNotes publishes the events that a record notes, and removes them from the record.
func (r *Registry) sendNotes(ctx context.Context, records *store, id string) error {
	b, ok := r.FindBroadcast(id)
	if !ok || len(b.notes) == 0 {
		return nil
	}
	if err := records.publishNotes(ctx, b); err != nil {
		return err
	}
	sent := b.notes[len(b.notes)-1].Sequence
	return r.update(ctx, records, broadcastKeys, id, func() (write, error) {
		b, ok := r.FindBroadcast(id)
		if !ok {
			return write{}, nil
		}
		i := 0
		for i < len(b.notes) && b.notes[i].Sequence <= sent {
			i++
		}
		if i == 0 {
			return write{}, nil
		}
		b.notes = b.notes[i:]
		return write{encodeBroadcast(b), b.revision, r.keep(b)}, nil
	})
}

// resendEvery is the time between two searches for events that their writers have not published.
const resendEvery = 10 * time.Second

// resendNotes has one node publish what those nodes have not that wrote the records: they were
// killed in between.
func (r *Registry) resendNotes(ctx context.Context) {
	lease := r.Task("events")
	defer lease.Release()
	tick := time.NewTicker(resendEvery)
	defer tick.Stop()
	before := map[string]uint64{}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		noted := r.catalog.noted()
		if lease.Held() {
			for id, revision := range noted {
				if before[id] == revision {
					r.outbox.add(id)
				}
			}
		}
		before = noted
	}
}

// noted returns the revisions of the records that note events.
func (c *catalog) noted() map[string]uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	noted := make(map[string]uint64, len(c.table.noted))
	for id, b := range c.table.noted {
		noted[id] = b.revision
	}
	return noted
}
