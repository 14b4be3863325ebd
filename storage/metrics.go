package storage

import (
	"context"
	"iter"

	"github.com/prometheus/client_golang/prometheus"
)

// The operations: the values of Error.Op, and of the label op.
const (
	OpPut    = "put"
	OpGet    = "get"
	OpDelete = "delete"
	OpList   = "list"
)

// Backends returns the names of all backends.
func Backends() []string { return []string{"disk", "memory", "s3"} }

// Metrics counts the operations of a Bucket.
type Metrics struct {
	operations *prometheus.CounterVec
	failures   *prometheus.CounterVec
}

// NewMetrics registers storage's metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_storage_operations_total",
			Help: "Operations asked of the bucket.",
		}, []string{"op", "backend"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_storage_operation_failures_total",
			Help: "Operations that the bucket failed. A missing object is an answer, not a failure.",
		}, []string{"op", "backend"}),
	}
	for _, backend := range Backends() {
		for _, op := range []string{OpPut, OpGet, OpDelete, OpList} {
			m.operations.WithLabelValues(op, backend)
			m.failures.WithLabelValues(op, backend)
		}
	}
	reg.MustRegister(m.operations, m.failures)
	return m
}

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
