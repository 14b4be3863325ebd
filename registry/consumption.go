package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// consumption is one node's turn of consuming events.
type consumption struct {
	registry *Registry
	key      string
	records  *store
	handle   func(context.Context, Event) error
	revision uint64        // of the saved progress
	open     chan struct{} // holds a token for each event that is not handled
	atOnce   chan struct{} // holds a token for each call of handle
	running  sync.WaitGroup

	mu       sync.Mutex
	progress progress
	taken    []uint64           // sequences that are not below the floor, in order
	queues   map[string][]taken // by broadcast: the events that wait or are being handled
}

// progress is how far a consumer is in the stream.
type progress struct {
	// Since is where it began.
	Since time.Time `json:"since"`
	// Floor, as in the ack floor of JetStream, is the newest sequence up to which all events were handled, 0 for none; Handled
	// are those above.
	Floor   uint64   `json:"floor"`
	Handled []uint64 `json:"handled,omitempty"`

	saved bool
}

// taken is an event of the stream, to be handled until a time.
type taken struct {
	event    Event
	sequence uint64
	until    time.Time
}

func newConsumption(r *Registry, key string, records *store, atOnce int, handle func(context.Context, Event) error) *consumption {
	return &consumption{
		registry: r, key: key, records: records, handle: handle,
		open: make(chan struct{}, maxOpen), atOnce: make(chan struct{}, max(1, atOnce)),
		queues: map[string][]taken{},
	}
}

// load reads how far the consumer is. It begins when this node began.
func (c *consumption) load(ctx context.Context) error {
	entry, err := c.records.get(ctx, c.key)
	if err != nil {
		return err
	}
	if entry == nil {
		c.progress = progress{Since: c.registry.began.Round(0).UTC()}
		return c.save(ctx)
	}
	c.revision = entry.Revision()
	if err := json.Unmarshal(entry.Value(), &c.progress); err != nil {
		return fmt.Errorf("read %s: %w", c.key, err)
	}
	c.progress.saved = true
	return nil
}

// save writes how far the consumer is, if that has changed.
func (c *consumption) save(ctx context.Context) error {
	c.mu.Lock()
	p := c.progress
	p.Handled = slices.Clone(p.Handled)
	c.progress.saved = true
	c.mu.Unlock()
	if p.saved {
		return nil
	}
	revision, err := c.records.put(ctx, c.key, encode(p), c.revision, 0)
	if err != nil {
		return notWritten(err)
	}
	c.revision = revision
	return nil
}

// accept has an event handled after those of its broadcast before it.
func (c *consumption) accept(ctx context.Context, t taken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = append(c.taken, t.sequence)
	if t.event.ID == "" || slices.Contains(c.progress.Handled, t.sequence) {
		c.done(t.sequence)
		return
	}
	id := t.event.Broadcast.ID
	queue, busy := c.queues[id]
	c.queues[id] = append(queue, t)
	if !busy {
		c.running.Go(func() { c.runQueue(ctx, id) })
	}
}

// done counts an event as handled; the caller holds mu.
func (c *consumption) done(sequence uint64) {
	<-c.open
	p := &c.progress
	p.saved = false
	if !slices.Contains(p.Handled, sequence) {
		p.Handled = append(p.Handled, sequence)
	}
	for len(c.taken) > 0 && slices.Contains(p.Handled, c.taken[0]) {
		p.Floor, c.taken = c.taken[0], c.taken[1:]
	}
	p.Handled = slices.DeleteFunc(p.Handled, func(s uint64) bool { return s <= p.Floor })
}

// runQueue handles the events of a broadcast until there is none, or ctx is done.
func (c *consumption) runQueue(ctx context.Context, id string) {
	for {
		c.mu.Lock()
		queue := c.queues[id]
		if len(queue) == 0 {
			delete(c.queues, id)
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if !c.tryUntilHandled(ctx, queue[0]) {
			return
		}
		c.mu.Lock()
		c.queues[id] = c.queues[id][1:]
		c.done(queue[0].sequence)
		c.mu.Unlock()
	}
}

// The times between two tries of an event.
const (
	minBackoff = time.Second
	maxBackoff = 10 * time.Minute
)

// tryUntilHandled calls handle until it returns nil, the event is too old, or ctx is done; then it
// returns false.
func (c *consumption) tryUntilHandled(ctx context.Context, t taken) bool {
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		select {
		case c.atOnce <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		err := c.handle(ctx, t.event)
		<-c.atOnce
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		case time.Now().After(t.until):
			c.registry.log.Error("event dropped, it was not taken for days", "consumer", c.key, "event", t.event.ID, "type", t.event.Type, "err", err)
			return true
		}
		select {
		case <-time.After(wait/2 + rand.N(wait/2)):
		case <-ctx.Done():
			return false
		}
	}
}
