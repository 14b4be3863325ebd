package archive

import "github.com/prometheus/client_golang/prometheus"

// Why a segment never reached the archive: the values of the label reason.
const (
	droppedQueueFull    = "queue_full"    // offered while too much waited for the local disk
	droppedStopped      = "stopped"       // the server stopped before it was written
	droppedRejected     = "rejected"      // the bucket will never take it
	droppedSpoolFull    = "spool_full"    // the oldest, when too much waited on the local disk
	droppedSpoolDamaged = "spool_damaged" // its local file is missing or damaged
)

// Metrics are the metrics of the archive.
type Metrics struct {
	lag        prometheus.Histogram
	ratio      prometheus.Histogram
	queueBytes prometheus.Gauge
	bytes      prometheus.Gauge
	maxBytes   prometheus.Gauge
	segments   prometheus.Gauge
	damaged    prometheus.Counter
	dropped    *prometheus.CounterVec
}

// NewMetrics registers the metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
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
		queueBytes: gauge("golive_storage_queue_bytes", "Bytes in memory of the segments that wait for the local disk, of all broadcasts."),
		bytes:      gauge("golive_storage_spool_bytes", "Bytes on the local disk of the segments that wait for the bucket, of all broadcasts."),
		maxBytes:   gauge("golive_storage_spool_max_bytes", "Bytes that may wait on the local disk."),
		segments:   gauge("golive_storage_spool_segments", "Segments on the local disk that wait for the bucket, of all broadcasts."),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_storage_spool_damaged_total",
			Help: "Lines of the logs, and files of segments, that were found missing, torn or damaged.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_storage_dropped_total",
			Help: "Segments that never reached the archive.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{droppedQueueFull, droppedStopped, droppedRejected, droppedSpoolFull, droppedSpoolDamaged} {
		m.dropped.WithLabelValues(reason)
	}
	reg.MustRegister(m.lag, m.ratio, m.queueBytes, m.bytes, m.maxBytes, m.segments, m.damaged, m.dropped)
	return m
}
