package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"golive/internal/loglimit"
	"golive/internal/publicnet"
	"golive/registry"
)

const (
	// deliverTimeout bounds one attempt.
	deliverTimeout = 10 * time.Second
	// atOnce is for how many broadcasts events are delivered to one address at once.
	atOnce = 16
	// linesPerSecond is how many lines of one kind are logged.
	linesPerSecond = 3
)

// Queue keeps events until they are delivered.
type Queue interface {
	// Consume calls handle with each event since it was first called with that name, until ctx is
	// done: concurrently for up to atOnce broadcasts, and in order for each. It repeats an event
	// for which handle returns an error, after a while, before the next one of its broadcast.
	Consume(ctx context.Context, name string, atOnce int, handle func(context.Context, registry.Event) error) error
}

// Deliverer delivers events to webhooks.
type Deliverer struct {
	queue   Queue
	hooks   []hook
	log     *slog.Logger
	lines   *loglimit.Limiter
	metrics *Metrics
}

// hook is one address.
type hook struct {
	*client
	consumer string // its name in the queue
	events   []string
}

// NewDeliverer returns a Deliverer for the addresses, reading their secrets' files.
func NewDeliverer(all []Config, queue Queue, log *slog.Logger, m *Metrics) (*Deliverer, error) {
	d := &Deliverer{queue: queue, log: log, lines: loglimit.New(log, linesPerSecond), metrics: m}
	for i, cfg := range all {
		c, err := newClient(endpoint{cfg.URL, cfg.Secret, cfg.SecretFile, cfg.AllowPrivate})
		if err != nil {
			return nil, fmt.Errorf("webhooks[%d]: %w", i, err)
		}
		h := hook{client: c, consumer: consumerName(cfg.URL), events: cfg.Events}
		if slices.ContainsFunc(d.hooks, func(o hook) bool { return o.consumer == h.consumer }) {
			return nil, fmt.Errorf("webhooks[%d]: url is that of another one", i)
		}
		d.hooks = append(d.hooks, h)
	}
	return d, nil
}

// consumerName returns the name under which the queue knows how far an address is. It is the same on
// all nodes, and after a change of anything but the URL.
func consumerName(url string) string {
	sum := sha256.Sum256([]byte(url))
	return "webhook-" + hex.EncodeToString(sum[:8])
}

// Run delivers events until ctx is done. An address that does not answer delays no other.
func (d *Deliverer) Run(ctx context.Context) error {
	defer d.lines.Flush()
	g, ctx := errgroup.WithContext(ctx)
	for _, h := range d.hooks {
		g.Go(func() error {
			defer h.http.CloseIdleConnections()
			defer d.metrics.forget(h.consumer)
			err := d.queue.Consume(ctx, h.consumer, atOnce, func(ctx context.Context, e registry.Event) error { return d.deliver(ctx, h, e) })
			if err != nil {
				return fmt.Errorf("webhook %s: %w", h.host, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// deliver delivers one event. An error means that it is to be repeated.
func (d *Deliverer) deliver(ctx context.Context, h hook, e registry.Event) error {
	if len(h.events) > 0 && !slices.Contains(h.events, string(e.Type)) {
		return nil
	}
	log := d.log.With("host", h.host, "event", string(e.Type), "broadcast", e.Broadcast.ID, "sequence", e.Sequence)
	body, err := bodyOf(&e)
	if err != nil { // it will not get better
		log.Error("event cannot be delivered", "err", err)
		return nil
	}
	posting, cancel := context.WithTimeoutCause(ctx, deliverTimeout, errNoAnswer)
	defer cancel()
	began := time.Now()
	_, err = h.post(posting, e.ID, body)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // nobody knows whether it has arrived
	}
	d.metrics.note(undelivered{h.consumer, e.Broadcast.ID}, e.At, err != nil)
	if err != nil {
		if posting.Err() != nil {
			err = context.Cause(posting)
		}
		d.metrics.failed.WithLabelValues(h.host).Inc()
		d.lines.Log(log, slog.LevelWarn, "event was not delivered, it will be tried again", reasonOf(err), "age", time.Since(e.At).Round(time.Second), "err", err)
		return err
	}
	d.metrics.delivered.WithLabelValues(h.host).Inc()
	log.Debug("event delivered", "duration", time.Since(began))
	return nil
}

// errNoAnswer ends a request.
var errNoAnswer = errors.New("there was no answer in time")

// reasonOf classifies the error of a request for logs.
func reasonOf(err error) string {
	_, status := errors.AsType[*StatusError](err)
	switch {
	case status:
		return "status"
	case errors.Is(err, publicnet.ErrNotPublic):
		return "private_address"
	case errors.Is(err, errNoAnswer):
		return "timeout"
	}
	return "connection"
}
