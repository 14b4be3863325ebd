package storage

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Copying says whether a Mirror has a copy of an object.
type Copying uint8

// The ways of copying.
const (
	NoCopy Copying = iota
	// CopyBefore: the copy is written before the bucket is tried. What the bucket
	// refuses for now is what a restart must find.
	CopyBefore
	// CopyAfter: it is written when the bucket has the object, to be read instead.
	CopyAfter
)

// Mirror is bucket with copies in local of the objects whose keys ask for it. Get
// reads a copy where there is one: so viewers do not wait for a bucket that is slow,
// or away. What cannot be written to local is logged, and does not hold up the
// bucket.
func Mirror(bucket, local Bucket, copying func(key string) Copying, log *slog.Logger) Bucket {
	return &mirror{Bucket: bucket, local: local, copying: copying, log: log}
}

type mirror struct {
	Bucket
	local   Bucket
	copying func(key string) Copying
	log     *slog.Logger

	mu       sync.Mutex
	troubles tally
	failing  bool
}

// Put implements Bucket.
func (m *mirror) Put(ctx context.Context, o Object) error {
	how := m.copying(o.Key)
	if how == CopyBefore {
		m.keep(ctx, o)
	}
	if err := m.Bucket.Put(ctx, o); err != nil {
		return err
	}
	if how == CopyAfter {
		m.keep(ctx, o)
	}
	return nil
}

// keep writes the copy. A loss of power may take it away: the bucket has it, or
// will be given it again.
func (m *mirror) keep(ctx context.Context, o Object) {
	o.Volatile = true
	m.note(m.local.Put(ctx, o))
}

// Get implements Bucket.
func (m *mirror) Get(ctx context.Context, key string, offset, length int64) (*Reader, error) {
	if m.copying(key) == CopyAfter {
		if r, err := m.local.Get(ctx, key, offset, length); err == nil {
			return r, nil
		}
	}
	return m.Bucket.Get(ctx, key, offset, length)
}

// Delete implements Bucket.
func (m *mirror) Delete(ctx context.Context, key string) error {
	if m.copying(key) != NoCopy {
		m.note(m.local.Delete(ctx, key))
	}
	return m.Bucket.Delete(ctx, key)
}

func (m *mirror) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		if m.failing {
			m.log.Info("local copies of objects are written again")
		}
		m.failing = false
		return
	}
	m.failing = true
	m.troubles.add(err.Error())
	if n, last := m.troubles.take(time.Now(), false); n > 0 {
		m.log.Warn("local copies of objects not written", "count", n, "err", last)
	}
}
