package storage

import "github.com/prometheus/client_golang/prometheus"

// The operations: the values of Error.Op, and of the label op.
const (
	OpPut    = "put"
	OpGet    = "get"
	OpDelete = "delete"
	OpList   = "list"
)

// Backends are the names of the backends there are.
func Backends() []string { return []string{"disk", "memory", "s3"} }

// Metrics counts what storage does.
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
