package storage

import (
	"context"
	"iter"

	"github.com/prometheus/client_golang/prometheus"
)

// Instrument returns bucket with every operation counted in metrics under the
// backend's name, one of Backends.
func Instrument(bucket Bucket, backend string, metrics *Metrics) Bucket {
	counters := func(op string) counted {
		return counted{metrics.operations.WithLabelValues(op, backend), metrics.failures.WithLabelValues(op, backend)}
	}
	return &instrumented{
		bucket: bucket,
		put:    counters(opPut),
		get:    counters(opGet),
		delete: counters(opDelete),
		list:   counters(opList),
	}
}

// counted is one operation's counters, looked up once.
type counted struct{ operations, failures prometheus.Counter }

func (c counted) done(err error) {
	c.operations.Inc()
	if err != nil && !notFailure(err) {
		c.failures.Inc()
	}
}

type instrumented struct {
	bucket                 Bucket
	put, get, delete, list counted
}

func (i *instrumented) Put(ctx context.Context, o Object) error {
	err := i.bucket.Put(ctx, o)
	i.put.done(err)
	return err
}

func (i *instrumented) Get(ctx context.Context, key string, offset, length int64) (*Reader, error) {
	r, err := i.bucket.Get(ctx, key, offset, length)
	i.get.done(err)
	return r, err
}

func (i *instrumented) Delete(ctx context.Context, key string) error {
	err := i.bucket.Delete(ctx, key)
	i.delete.done(err)
	return err
}

// List counts one operation however many objects it yields, and at most one
// failure.
func (i *instrumented) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		var failed error
		defer func() { i.list.done(failed) }()
		for info, err := range i.bucket.List(ctx, prefix) {
			if err != nil {
				failed = err
			}
			if !yield(info, err) {
				return
			}
		}
	}
}
