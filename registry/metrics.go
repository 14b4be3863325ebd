package registry

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what an operator sees of the registry.
type Metrics struct {
	connected prometheus.Gauge
	leases    prometheus.Gauge
	lost      prometheus.Counter
	renewals  prometheus.Histogram

	broadcasts     prometheus.Gauge
	damaged        prometheus.Counter
	reportsDropped prometheus.Counter
}

// NewMetrics registers the metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "golive_registry_connected",
			Help: "1 while the registry can be reached, else 0.",
		}),
		leases: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "golive_registry_leases_held",
			Help: "Leases of this node, as the registry has them.",
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_registry_leases_lost_total",
			Help: "Leases that another node took over, or had first.",
		}),
		renewals: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "golive_registry_renewal_seconds",
			Help:    "From a renewal of this node's session to the registry's answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
		}),
		broadcasts: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "golive_registry_broadcasts",
			Help: "Records of broadcasts that the registry has, of those that have ended too.",
		}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_registry_records_damaged_total",
			Help: "Records that were read and skipped because they are damaged.",
		}),
		reportsDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_registry_reports_dropped_total",
			Help: "Changes of broadcasts' states that were not recorded because too many waited for the registry.",
		}),
	}
	reg.MustRegister(m.connected, m.leases, m.lost, m.renewals, m.broadcasts, m.damaged, m.reportsDropped)
	return m
}
