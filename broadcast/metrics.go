package broadcast

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the metrics of broadcasts.
type Metrics struct {
	broadcasts   prometheus.Gauge
	ended        *prometheus.CounterVec
	reconnects   prometheus.Counter
	takeovers    prometheus.Counter
	parts        prometheus.Counter
	forcedCuts   prometheus.Counter
	gapParts     prometheus.Counter
	dropped      *prometheus.CounterVec
	publishDelay *prometheus.HistogramVec
}

// NewMetrics registers the metrics of broadcasts.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	byReason := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"reason"})
	}
	m := &Metrics{
		broadcasts: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "golive_broadcast_broadcasts",
			Help: "Broadcasts that have not ended.",
		}),
		ended:      byReason("golive_broadcast_ends_total", "Broadcasts that ended, by reason."),
		reconnects: counter("golive_broadcast_reconnects_total", "Publishers that came back within the reconnect window."),
		takeovers:  counter("golive_broadcast_takeovers_total", "Publishers that took over from a connection that had gone silent."),
		parts:      counter("golive_segmenter_parts_total", "Parts published."),
		forcedCuts: counter("golive_segmenter_forced_cuts_total", "Segments cut without a key frame: set the encoder's key frame interval to segment_duration."),
		gapParts:   counter("golive_segmenter_gap_parts_total", "Parts of time for which the encoder sent nothing."),
		dropped:    byReason("golive_segmenter_dropped_total", "Access units that were left out or replaced, by reason."),
		publishDelay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "golive_playlist_publish_delay_seconds",
			Help:    "From the arrival of a part's last access unit to the playlist that lists it, of the source and of rungs.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"rendition"}),
	}
	for _, r := range []string{"no_key_frame", "audio_out_of_place"} {
		m.dropped.WithLabelValues(r)
	}
	for _, r := range []string{endedClean, endedLost, endedShutdown, endedBroken, endedMoved, endedRequest} {
		m.ended.WithLabelValues(r)
	}
	reg.MustRegister(m.broadcasts, m.ended, m.reconnects, m.takeovers, m.parts, m.forcedCuts, m.gapParts, m.dropped, m.publishDelay)
	return m
}
