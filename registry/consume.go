package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// consumerKeys is how the keys begin in the record bucket under which consumers keep how far
	// they are.
	consumerKeys = "consumer."
	// maxOpen is how many events a consumer has taken and not handled, at most.
	maxOpen = 1000
	// saveEvery is the time between two writes of how far a consumer is. What was handled since
	// is handled again after a crash.
	saveEvery = time.Second
)

// Consume calls handle with each event from when it was first called with that name, on one node
// at a time, until ctx is done: concurrently for up to atOnce broadcasts, and in order for each. An
// event for which handle returns an error is tried again, after 1 s to 10 min, and those after it
// wait. After three days it is dropped. After a crash some events are handled again, with the same
// id. Config.Events must be set on all nodes.
func (r *Registry) Consume(ctx context.Context, name string, atOnce int, handle func(context.Context, Event) error) error {
	if !isRecordName(name) {
		return fmt.Errorf("consume events as %q: %w", name, errBadName)
	}
	lease := r.Task(consumerKeys + name)
	defer lease.Release()
	tick := time.NewTicker(saveEvery / 4)
	defer tick.Stop()
	for {
		records, err := r.connected()
		if err == nil && lease.Held() {
			c := newConsumption(r, keyOf(consumerKeys, name), records, atOnce, handle)
			err = c.run(ctx, lease)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, ErrAway) {
			r.log.Warn("events are not consumed, it is tried again", "consumer", name, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// run consumes until the lease or the connection is lost, or ctx is done.
func (c *consumption) run(ctx context.Context, lease *Lease) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	consumer, err := c.records.js.OrderedConsumer(ctx, eventStream, c.start())
	if err != nil {
		return fmt.Errorf("read events: %w", withHint(err))
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read events: %w", withHint(err))
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reading := make(chan error, 1)
	go func() { reading <- c.read(ctx, messages) }()
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	ended := false
	for err == nil && ctx.Err() == nil && lease.Held() && c.isConnected() {
		select {
		case <-tick.C:
			err = c.save(ctx)
		case err = <-reading:
			ended = true
		case <-ctx.Done():
		}
	}
	stop()
	messages.Stop()
	if !ended {
		<-reading
	}
	c.running.Wait()
	if c.isConnected() && lease.Held() {
		err = errors.Join(err, c.save(context.WithoutCancel(ctx)))
	}
	return err
}

// isConnected reports whether the connection is still that with which c began.
func (c *consumption) isConnected() bool {
	records, err := c.registry.connected()
	return err == nil && records == c.records
}

// start returns where in the stream c begins.
func (c *consumption) start() jetstream.OrderedConsumerConfig {
	if c.progress.Floor > 0 {
		return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: c.progress.Floor + 1}
	}
	return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &c.progress.Since}
}

// read takes events from the stream, as long as not too many are open.
func (c *consumption) read(ctx context.Context, messages jetstream.MessagesContext) error {
	for {
		select {
		case c.open <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		msg, err := messages.Next()
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		var e Event
		if err := json.Unmarshal(msg.Data(), &e); err != nil {
			c.registry.log.Warn("event skipped", "sequence", meta.Sequence.Stream, "err", err)
		}
		c.accept(ctx, taken{event: e, sequence: meta.Sequence.Stream, until: time.Now().Add(eventsAge - time.Since(meta.Timestamp))})
	}
}
