package registry

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what an operator sees of the registry.
type Metrics struct {
	connected prometheus.Gauge
	leases    prometheus.Gauge
	lost      prometheus.Counter
	renewals  prometheus.Histogram
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
	}
	reg.MustRegister(m.connected, m.leases, m.lost, m.renewals)
	return m
}
