package webhook

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of webhooks. They may be used by many goroutines.
type Metrics struct {
	delivered, failed *prometheus.CounterVec
	admissions        *prometheus.CounterVec

	mu      sync.Mutex
	waiting map[undelivered]attempt
}

// undelivered is an event whose delivery to one address has failed. Those of one broadcast that
// come later wait for it.
type undelivered struct{ consumer, broadcast string }

// attempt is when the event happened, and when its delivery was tried last.
type attempt struct{ at, tried time.Time }

// dropped is how long after its last attempt an event is not counted any more: the queue has dropped
// it, or another node delivers it.
const dropped = 15 * time.Minute

// The outcomes of a request to the admission webhook.
const (
	admissionAllowed = "allowed"
	admissionRefused = "refused"
	admissionFailed  = "failed"
)

// NewMetrics registers the metrics of webhooks.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		delivered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_webhook_delivered_total",
			Help: "Events that a webhook has taken, by host.",
		}, []string{"host"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_webhook_failed_total",
			Help: "Attempts to deliver an event to a webhook that failed, by host; each is repeated.",
		}, []string{"host"}),
		admissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_webhook_admissions_total",
			Help: "Publishers about whom the admission webhook was asked, by outcome; failed is no usable answer.",
		}, []string{"outcome"}),
		waiting: map[undelivered]attempt{},
	}
	for _, outcome := range []string{admissionAllowed, admissionRefused, admissionFailed} {
		m.admissions.WithLabelValues(outcome)
	}
	reg.MustRegister(m.delivered, m.failed, m.admissions, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "golive_webhook_waiting_seconds",
		Help: "Age of the oldest event whose delivery has failed so far; 0 when there is none.",
	}, func() float64 { return m.age(time.Now()).Seconds() }))
	return m
}

// age returns the age of the oldest event that waits.
func (m *Metrics) age(now time.Time) (oldest time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for e, a := range m.waiting {
		if now.Sub(a.tried) > dropped {
			delete(m.waiting, e)
			continue
		}
		oldest = max(oldest, now.Sub(a.at))
	}
	return oldest
}

// note records whether an event waits for another attempt.
func (m *Metrics) note(e undelivered, at time.Time, waits bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if waits {
		m.waiting[e] = attempt{at, time.Now()}
	} else {
		delete(m.waiting, e)
	}
}

// forget removes what waits for a consumer that has stopped.
func (m *Metrics) forget(consumer string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for e := range m.waiting {
		if e.consumer == consumer {
			delete(m.waiting, e)
		}
	}
}
