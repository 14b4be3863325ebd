package registry

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// minBatch is how many records a batch has at least: the server syncs some ten times for one,
	// and once for a single record.
	minBatch = 8
	maxBatch = 64
)

// batcher writes what several callers put at the same time as one atomic batch of the server, which
// syncs the disk once for it. Without it fifty callers wait for each other's syncs.
type batcher struct {
	store *store
	conn  *nats.Conn
	// newest returns the revision of a key that is known: what would replace an older one would
	// keep the whole batch from being written.
	newest func(key string) uint64

	mu    sync.Mutex
	queue []*put
	busy  bool // a caller is writing a batch
}

// put is a write that a caller waits for.
type put struct {
	key      string
	value    []byte
	revision uint64
	ttl      time.Duration

	lead chan struct{} // closed when its caller is to write the next batch
	done chan struct{} // closed when written and err are valid

	written uint64
	err     error
}

// put writes p with all others that wait.
func (b *batcher) put(ctx context.Context, p *put) (uint64, error) {
	p.lead, p.done = make(chan struct{}), make(chan struct{})
	b.mu.Lock()
	b.queue = append(b.queue, p)
	leads := !b.busy
	b.busy = true
	b.mu.Unlock()
	if !leads {
		select {
		case <-p.done:
			return p.written, p.err
		case <-p.lead:
		}
	}
	// The others must not suffer when the caller that leads is cancelled.
	b.write(context.WithoutCancel(ctx), b.take())
	b.mu.Lock()
	if b.busy = len(b.queue) > 0; b.busy {
		close(b.queue[0].lead)
	}
	b.mu.Unlock()
	return p.written, p.err
}

// take removes from the queue what can be in one batch: the first of each key. It refuses what
// comes too late.
func (b *batcher) take() []*put {
	b.mu.Lock()
	defer b.mu.Unlock()
	keys := map[string]struct{}{}
	var batch, rest []*put
	for _, p := range b.queue {
		if _, has := keys[p.key]; has || len(batch) == maxBatch {
			rest = append(rest, p)
			continue
		}
		if b.newest(p.key) > p.revision && p.revision > 0 {
			p.err = errStale
			close(p.done)
			continue
		}
		keys[p.key] = struct{}{}
		batch = append(batch, p)
	}
	b.queue = rest
	return batch
}

// write writes a batch. If one of it cannot be written nothing is: then each is written for itself.
func (b *batcher) write(ctx context.Context, batch []*put) {
	var last uint64
	if len(batch) >= minBatch {
		var err error
		if last, err = b.publish(ctx, batch); err != nil {
			last = 0
		}
	}
	for i, p := range batch {
		if last > 0 {
			p.written = last - uint64(len(batch)-1-i)
		} else {
			p.written, p.err = b.store.putOne(ctx, p.key, p.value, p.revision, p.ttl)
		}
		close(p.done)
	}
}

// publish sends a batch, and returns the revision of its last.
func (b *batcher) publish(ctx context.Context, batch []*put) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	id := newToken()
	for i, p := range batch {
		msg := &nats.Msg{Subject: b.store.subject(p.key), Data: p.value, Header: nats.Header{
			"Nats-Batch-Id":                     {id},
			"Nats-Batch-Sequence":               {strconv.Itoa(i + 1)},
			jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(p.revision, 10)},
		}}
		if p.ttl > 0 {
			msg.Header.Set(jetstream.MsgTTLHeader, p.ttl.String())
		}
		if i < len(batch)-1 {
			if err := b.conn.PublishMsg(msg); err != nil {
				return 0, err
			}
			continue
		}
		msg.Header.Set("Nats-Batch-Commit", "1")
		ack, err := b.store.js.PublishMsg(ctx, msg)
		if err != nil {
			return 0, err
		}
		return ack.Sequence, nil
	}
	return 0, nil
}
