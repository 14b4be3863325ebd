package storage_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/storage"
	"golive/storage/storagetest"
	"golive/storage/storagetest/memory"
)

// broken is a bucket whose operations all fail.
type broken struct{ err error }

func (b broken) Put(context.Context, storage.Object) error { return b.err }
func (b broken) Get(context.Context, string, int64, int64) (*storage.Reader, error) {
	return nil, b.err
}
func (b broken) Delete(context.Context, string) error { return b.err }
func (b broken) List(context.Context, string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) { yield(storage.Info{}, b.err) }
}

func TestInstrument_KeepsTheContract(t *testing.T) {
	storagetest.Test(t, func(*testing.T) storage.Bucket {
		return storage.Instrument(memory.New(), "memory", storage.NewMetrics(prometheus.NewRegistry()))
	})
}

func TestInstrument_CountsOperationsAndFailures(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := storage.NewMetrics(reg)
	use := func(b storage.Bucket) {
		_ = b.Put(t.Context(), storage.Object{Key: "k"})
		_, _ = b.Get(t.Context(), "missing", 0, -1) // a missing object is not a failure
		_ = b.Delete(t.Context(), "k")
		for info, err := range b.List(t.Context(), "") {
			t.Logf("listed %s, %v", info.Key, err)
		}
	}
	use(storage.Instrument(memory.New(), "memory", m))
	use(storage.Instrument(broken{errors.New("no")}, "disk", m))

	want := `
# HELP golive_storage_operation_failures_total Operations that the bucket failed. A missing object is an answer, not a failure.
# TYPE golive_storage_operation_failures_total counter
golive_storage_operation_failures_total{backend="disk",op="delete"} 1
golive_storage_operation_failures_total{backend="disk",op="get"} 1
golive_storage_operation_failures_total{backend="disk",op="list"} 1
golive_storage_operation_failures_total{backend="disk",op="put"} 1
golive_storage_operation_failures_total{backend="memory",op="delete"} 0
golive_storage_operation_failures_total{backend="memory",op="get"} 0
golive_storage_operation_failures_total{backend="memory",op="list"} 0
golive_storage_operation_failures_total{backend="memory",op="put"} 0
golive_storage_operation_failures_total{backend="s3",op="delete"} 0
golive_storage_operation_failures_total{backend="s3",op="get"} 0
golive_storage_operation_failures_total{backend="s3",op="list"} 0
golive_storage_operation_failures_total{backend="s3",op="put"} 0
# HELP golive_storage_operations_total Operations asked of the bucket.
# TYPE golive_storage_operations_total counter
golive_storage_operations_total{backend="disk",op="delete"} 1
golive_storage_operations_total{backend="disk",op="get"} 1
golive_storage_operations_total{backend="disk",op="list"} 1
golive_storage_operations_total{backend="disk",op="put"} 1
golive_storage_operations_total{backend="memory",op="delete"} 1
golive_storage_operations_total{backend="memory",op="get"} 1
golive_storage_operations_total{backend="memory",op="list"} 1
golive_storage_operations_total{backend="memory",op="put"} 1
golive_storage_operations_total{backend="s3",op="delete"} 0
golive_storage_operations_total{backend="s3",op="get"} 0
golive_storage_operations_total{backend="s3",op="list"} 0
golive_storage_operations_total{backend="s3",op="put"} 0
`
	err := testutil.GatherAndCompare(reg, strings.NewReader(want),
		"golive_storage_operations_total", "golive_storage_operation_failures_total")
	if err != nil {
		t.Error(err)
	}
}

func TestError_ReportsWhetherItIsRetryable(t *testing.T) {
	for _, c := range []struct {
		err  storage.Error
		want bool
	}{
		{storage.Error{Err: errors.New("reset")}, true},
		{storage.Error{Err: context.DeadlineExceeded}, true},
		{storage.Error{Err: errors.New("too long"), Permanent: true}, false},
		{storage.Error{Err: storage.ErrKey}, false},
		{storage.Error{Err: storage.ErrRange}, false},
		{storage.Error{Err: storage.ErrNotExist}, false},
		{storage.Error{Err: context.Canceled}, false},
	} {
		if got := c.err.Retryable(); got != c.want {
			t.Errorf("%v: retryable is %t, want %t", c.err.Err, got, c.want)
		}
	}
	e := &storage.Error{Op: "put", Key: "live/a/1.ts", Err: errors.New("no space left"), Hint: "free some"}
	if got, want := e.Error(), "put live/a/1.ts: no space left (free some)"; got != want {
		t.Errorf("error is %q, want %q", got, want)
	}
}
