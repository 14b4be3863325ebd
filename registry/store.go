package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// store is a key-value bucket of the registry, in which every write names the revision that it
// replaces.
type store struct {
	js   jetstream.JetStream
	kv   jetstream.KeyValue
	name string
	// disk and events are those of the bucket and of the stream of events; nil unless the server
	// is embedded.
	disk, events *disk
}

// subject returns that of a key.
func (s *store) subject(key string) string { return "$KV." + s.name + "." + key }

// put writes a key that expires ttl after that, 0 is never, in place of a revision; 0 is none.
// It returns the new revision.
func (s *store) put(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (next uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = s.disk.write(func() (err error) {
		if revision == 0 {
			next, err = s.kv.Create(ctx, key, value, jetstream.KeyTTL(ttl))
			return err
		}
		options := []jetstream.PublishOpt{jetstream.WithExpectLastSequencePerSubject(revision)}
		if ttl > 0 {
			options = append(options, jetstream.WithMsgTTL(ttl))
		}
		ack, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: s.subject(key), Data: value}, options...)
		if err == nil {
			next = ack.Sequence
		}
		return err
	})
	return next, err
}

// get asks the leader for a key; nil when there is none.
func (s *store) get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	entry, err := s.kv.Get(ctx, key)
	if isMissing(err) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	return entry, err
}

// remove deletes a key of that revision; it leaves a mark for the watches, for ttl.
func (s *store) remove(ctx context.Context, key string, revision uint64, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.disk.write(func() error {
		return s.kv.Purge(ctx, key, jetstream.LastRevision(revision), jetstream.PurgeTTL(ttl))
	})
}

// watch calls add with all that the bucket has, then complete, and then update with each change, until
// ctx is done or the watch ends.
func (s *store) watch(ctx context.Context, add func(jetstream.KeyValueEntry), complete func(), update func(jetstream.KeyValueEntry)) error {
	watch, err := s.kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch %s: %w", s.name, err)
	}
	defer func() { _ = watch.Stop() }() // it ends with ctx anyway
	handle := add
	for {
		select {
		case entry, ok := <-watch.Updates():
			switch {
			case !ok:
				return fmt.Errorf("watch %s: it ended", s.name)
			case entry == nil: // once
				complete()
				handle = update
			default:
				handle(entry)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
