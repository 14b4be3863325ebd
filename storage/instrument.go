package storage

import (
	"context"
	"iter"
)

// Instrument returns bucket with every operation counted in metrics under the
// backend's name, one of Backends.
func Instrument(bucket Bucket, backend string, metrics *Metrics) Bucket {
	return &instrumented{bucket, backend, metrics}
}

type instrumented struct {
	bucket  Bucket
	backend string
	metrics *Metrics
}

func (i *instrumented) done(op string, err error) {
	i.metrics.operations.WithLabelValues(op, i.backend).Inc()
	if err != nil && !notFailure(err) {
		i.metrics.failures.WithLabelValues(op, i.backend).Inc()
	}
}

func (i *instrumented) Put(ctx context.Context, o Object) error {
	err := i.bucket.Put(ctx, o)
	i.done(OpPut, err)
	return err
}

func (i *instrumented) Get(ctx context.Context, key string, offset, length int64) (*Reader, error) {
	r, err := i.bucket.Get(ctx, key, offset, length)
	i.done(OpGet, err)
	return r, err
}

func (i *instrumented) Delete(ctx context.Context, key string) error {
	err := i.bucket.Delete(ctx, key)
	i.done(OpDelete, err)
	return err
}

// List counts one operation however many objects it yields, and at most one
// failure.
func (i *instrumented) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		var failed error
		defer func() { i.done(OpList, failed) }()
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
