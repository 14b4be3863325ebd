package storage

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Mirror is bucket with a copy in local of the objects whose keys are wanted there:
// those that a server needs that is started again while bucket is away. What cannot
// be written to local is logged, and does not hold up the bucket.
func Mirror(bucket, local Bucket, wanted func(key string) bool, log *slog.Logger) Bucket {
	return &mirror{Bucket: bucket, local: local, wanted: wanted, log: log}
}

type mirror struct {
	Bucket
	local  Bucket
	wanted func(key string) bool
	log    *slog.Logger

	mu       sync.Mutex
	troubles tally
}

// Put writes the copy first: what the bucket refuses for now is what a restart
// must find.
func (m *mirror) Put(ctx context.Context, o Object) error {
	if m.wanted(o.Key) {
		o := o
		o.Volatile = true // a loss of power loses what the bucket may have
		m.note(m.local.Put(ctx, o))
	}
	return m.Bucket.Put(ctx, o)
}

func (m *mirror) Delete(ctx context.Context, key string) error {
	if m.wanted(key) {
		m.note(m.local.Delete(ctx, key))
	}
	return m.Bucket.Delete(ctx, key)
}

func (m *mirror) note(err error) {
	if err == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.troubles.add(err.Error())
	if n, last := m.troubles.take(time.Now(), false); n > 0 {
		m.log.Warn("local copies of playlists not written", "count", n, "err", last)
	}
}
