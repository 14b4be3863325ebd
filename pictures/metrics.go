package pictures

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the metrics of pictures.
type Metrics struct {
	made, failed prometheus.Counter
	seconds      prometheus.Histogram
	available    prometheus.Gauge
}

// NewMetrics registers the metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		made: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_pictures_made_total", Help: "Key pictures of which a poster and a preview were made.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_pictures_failures_total", Help: "Key pictures that ffmpeg did not decode.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "golive_pictures_seconds", Help: "Time of a run of ffmpeg that made a poster and a preview.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		available: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "golive_pictures_available", Help: "1 if ffmpeg was found.",
		}),
	}
	reg.MustRegister(m.made, m.failed, m.seconds, m.available)
	return m
}
