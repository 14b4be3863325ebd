package origin

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// kind is what a request is for.
type kind int

const (
	kindMultivariant kind = iota
	kindMedia
	kindSegment
	kindPart
	kindReplay
	kindPicture
	kindOther
	kinds
)

func (k kind) String() string {
	return [kinds]string{"multivariant", "media", "segment", "part", "replay", "picture", "other"}[k]
}

// Metrics are the metrics of the origin.
type Metrics struct {
	requests [kinds]map[int]prometheus.Counter
	seconds  [kinds]prometheus.Observer
	sent     [kinds]prometheus.Counter
	waiting  prometheus.Gauge
	// partDelay is what low latency is judged by.
	partDelay prometheus.Histogram
}

// NewMetrics registers the metrics of the origin.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "golive_origin_requests_total",
		Help: "Requests answered, by kind and status; 499 is a client that left.",
	}, []string{"kind", "code"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "golive_origin_request_seconds",
		Help:    "Time to answer a request, blocked time included.",
		Buckets: []float64{.0005, .001, .005, .025, .1, .25, .5, 1, 2.5, 6, 15, 60},
	}, []string{"kind"})
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "golive_origin_sent_bytes_total",
		Help: "Bytes of bodies sent, by kind.",
	}, []string{"kind"})
	m := &Metrics{
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "golive_origin_waiting_requests",
			Help: "Requests for a media playlist or a part that wait, most for media that does not exist yet.",
		}),
		partDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "golive_origin_part_delay_seconds",
			Help:    "From the arrival of a part's last access unit until it, or the playlist that lists it, was sent to a request that waited for it.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
		}),
	}
	for k := range kinds {
		m.requests[k] = make(map[int]prometheus.Counter)
		for _, code := range []int{200, 206, 304, 400, 403, 404, 416, statusClientLeft, 502, 503} {
			m.requests[k][code] = requests.WithLabelValues(k.String(), strconv.Itoa(code))
		}
		m.seconds[k] = seconds.WithLabelValues(k.String())
		m.sent[k] = sent.WithLabelValues(k.String())
	}
	reg.MustRegister(requests, seconds, sent, m.waiting, m.partDelay)
	return m
}

func (m *Metrics) count(k kind, out sent, took time.Duration) {
	if c := m.requests[k][out.status]; c != nil {
		c.Inc()
	}
	m.seconds[k].Observe(took.Seconds())
	m.sent[k].Add(float64(out.bytes))
}
