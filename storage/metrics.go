package storage

import "github.com/prometheus/client_golang/prometheus"

// Why a segment never reached the bucket: the values of the label reason.
const (
	droppedQueueFull = "queue_full" // offered while the queue was over its bytes
	droppedExpired   = "expired"    // its expiration came first
	droppedRejected  = "rejected"   // the bucket will never take it
	droppedStopped   = "stopped"    // the archiver was stopped before its turn

	droppedSpoolFull    = "spool_full"    // the oldest, when the spool was over its bytes
	droppedSpoolDamaged = "spool_damaged" // what was spooled cannot be read any more
)

// Operations and backends: the values of the labels op and backend.
const (
	opPut    = "put"
	opGet    = "get"
	opDelete = "delete"
	opList   = "list"
)

// Backends are the names of the backends there are.
func Backends() []string { return []string{"disk", "memory", "s3"} }

// Metrics counts what storage does.
type Metrics struct {
	operations *prometheus.CounterVec
	failures   *prometheus.CounterVec
	lag        prometheus.Histogram
	ratio      prometheus.Histogram
	queueBytes prometheus.Gauge
	dropped    *prometheus.CounterVec
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
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "golive_storage_upload_lag_seconds",
			Help:    "From a segment's end to its acknowledgement by the bucket.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300},
		}),
		ratio: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "golive_storage_upload_ratio",
			Help:    "Time spent on a segment's upload, all tries together, over the segment's duration.",
			Buckets: []float64{.01, .025, .05, .1, .2, .35, .5, .7, .85, 1, 1.5, 2, 5, 10},
		}),
		queueBytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "golive_storage_queue_bytes",
			Help: "Bytes in memory of the segments that wait for the bucket, of all broadcasts.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_storage_dropped_total",
			Help: "Segments that never reached the bucket.",
		}, []string{"reason"}),
	}
	for _, backend := range Backends() {
		for _, op := range []string{opPut, opGet, opDelete, opList} {
			m.operations.WithLabelValues(op, backend)
			m.failures.WithLabelValues(op, backend)
		}
	}
	for _, reason := range []string{
		droppedQueueFull, droppedExpired, droppedRejected, droppedStopped, droppedSpoolFull, droppedSpoolDamaged,
	} {
		m.dropped.WithLabelValues(reason)
	}
	reg.MustRegister(m.operations, m.failures, m.lag, m.ratio, m.queueBytes, m.dropped)
	return m
}
