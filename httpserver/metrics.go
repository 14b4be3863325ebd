package httpserver

import (
	"github.com/prometheus/client_golang/prometheus"

	"golive/internal/connlimit"
)

// Metrics are the metrics of the connections of a Server.
type Metrics struct {
	connections prometheus.Gauge
	refused     map[connlimit.Refusal]prometheus.Counter
	slow        prometheus.Counter
	floods      prometheus.Counter
}

// NewMetrics registers the metrics of a Server.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "golive_origin_refused_total",
		Help: "Connections, and requests of HTTP/2, that were refused because a limit was reached.",
	}, []string{"reason"})
	m := &Metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "golive_origin_connections",
			Help: "Connections of viewers.",
		}),
		refused: map[connlimit.Refusal]prometheus.Counter{},
		slow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_origin_slow_viewers_total",
			Help: "Connections, and responses of HTTP/2, that were cut off because the viewer read too slowly.",
		}),
		floods: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_origin_floods_total",
			Help: "Connections that were closed because the client sent too much that is no request.",
		}),
	}
	for _, why := range []connlimit.Refusal{connlimit.RefusedFull, connlimit.RefusedAddress, refusedStreams, refusedFlood, refusedSilent} {
		m.refused[why] = refused.WithLabelValues(string(why))
	}
	reg.MustRegister(m.connections, refused, m.slow, m.floods)
	return m
}
