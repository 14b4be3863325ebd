package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
)

// EndReason is why an admitted session ended.
type EndReason string

// The reasons.
const (
	EndStopped     EndReason = "stopped"     // the publisher unpublished
	EndLost        EndReason = "lost"        // the connection was lost, or closed without unpublishing
	EndIdle        EndReason = "idle"        // no audio or video for idle_timeout
	EndEvicted     EndReason = "evicted"     // another publisher took over, or an operator ended it
	EndClosing     EndReason = "closing"     // the server shut down
	EndProtocol    EndReason = "protocol"    // the peer violated the protocol
	EndUnsupported EndReason = "unsupported" // a codec that golive does not support
	EndLimit       EndReason = "limit"       // a limit was reached while live
	EndFailed      EndReason = "failed"      // an internal error
)

// RefusalReason is why a connection never became a session.
type RefusalReason string

// The reasons.
const (
	RefusedUnauthorized RefusalReason = "unauthorized" // unknown key
	RefusedBadName      RefusalReason = "bad_name"     // not a broadcast's id
	RefusedAdmission    RefusalReason = "admission"    // refused by the admission webhook
	RefusedEnded        RefusalReason = "ended"        // its broadcast has ended
	RefusedTaken        RefusalReason = "taken"        // it has a publisher
	RefusedLimit        RefusalReason = "limit"        // a limit was reached
	RefusedUnavailable  RefusalReason = "unavailable"  // the registry is required, and cannot be reached
	RefusedClosing      RefusalReason = "closing"      // the server shuts down
	RefusedPlay         RefusalReason = "play"         // the peer wants to play
	RefusedNotRTMP      RefusalReason = "not_rtmp"     // TLS, HTTP, garbage
	RefusedTLS          RefusalReason = "tls"          // the TLS handshake failed
	RefusedProtocol     RefusalReason = "protocol"     // the peer violated the protocol
	RefusedTimeout      RefusalReason = "timeout"      // took longer than handshake_timeout
	RefusedGone         RefusalReason = "gone"         // disconnected before it published
	RefusedFailed       RefusalReason = "failed"       // an internal error
)

// SkipReason is why something that a publisher sent was ignored.
type SkipReason int

// The reasons.
const (
	SkipEmpty       SkipReason = iota // a message without a body
	SkipUnknown                       // a message type or command that is not needed
	SkipData                          // metadata, cue points, AMF3 data
	SkipNoConfig                      // media before its decoder configuration
	SkipSyntax                        // media that cannot be parsed
	SkipUnsupported                   // audio in a codec that golive does not support
	SkipIdle                          // media before publish or after the stop
	skipReasons
)

// Repair is a kind of correction of what a publisher sent.
type Repair int

// The repairs. All but the last are done by Timeline.
const (
	RepairNudged    Repair = iota // a time that did not increase, placed after the previous one
	RepairOutlier                 // a single outlier, placed at the expected time
	RepairRebased                 // a jump that persisted: a new base and a discontinuity
	RepairJoined                  // audio and video on different bases, joined
	RepairReordered               // presentation before decoding: decoding moved earlier
	RepairSpread                  // units that shared a time, spread over the interval
	RepairSmoothed                // audio more than 3 ms off its count of samples
	RepairStalled                 // a time that did not advance: placed by arrival
	RepairRestarted               // an incomplete message abandoned for another
	repairs
)

// RepairCounts holds the number of repairs of each kind, indexed by Repair.
type RepairCounts [repairs]uint64

// Tally counts what a session received, skipped and repaired.
type Tally struct {
	// Bytes is the number of bytes read from the network; Video and Audio are the numbers of
	// access units written.
	Bytes, Video, Audio uint64
	// Skipped and Repaired are indexed by SkipReason and Repair.
	Skipped  [skipReasons]uint64
	Repaired RepairCounts
}

// Plus returns the sum of both.
func (t Tally) Plus(o Tally) Tally {
	t.Bytes += o.Bytes
	t.Video += o.Video
	t.Audio += o.Audio
	for i, n := range o.Skipped {
		t.Skipped[i] += n
	}
	for i, n := range o.Repaired {
		t.Repaired[i] += n
	}
	return t
}

// Skips returns the sum over all reasons.
func (t Tally) Skips() (n uint64) {
	for _, v := range t.Skipped {
		n += v
	}
	return n
}

// Repairs returns the sum over all kinds.
func (t Tally) Repairs() (n uint64) {
	for _, v := range t.Repaired {
		n += v
	}
	return n
}

// Metrics holds the metrics of ingest. It may be used by many goroutines. A session adds a
// Tally once a second rather than counting each message.
type Metrics struct {
	connections prometheus.Gauge
	sessions    prometheus.Gauge
	received    prometheus.Counter
	video       prometheus.Counter
	audio       prometheus.Counter
	ends        *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	limits      *prometheus.CounterVec
	skipped     [skipReasons]prometheus.Counter
	repaired    [repairs]prometheus.Counter
}

// protocols returns the values of the label protocol.
func protocols() []string { return []string{"rtmp", "rtmps", "websocket", "whip"} }

// NewMetrics registers the metrics with reg, every label value at zero.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	m := &Metrics{
		connections: gauge("golive_ingest_connections", "Connections of peers, publishing or not."),
		sessions:    gauge("golive_ingest_sessions", "Publishers that are live now."),
		received:    counters("golive_ingest_received_bytes_total", "Bytes read from publishers.").WithLabelValues(),
		ends:        counters("golive_ingest_session_ends_total", "Sessions that ended, by reason.", "protocol", "reason"),
		refusals:    counters("golive_ingest_refusals_total", "Connections that never became a session, by reason.", "protocol", "reason"),
	}
	m.limits = counters("golive_ingest_limits_reached_total", "Limits that publishers reached, by limit.", "limit", "action")
	for _, l := range limits() {
		for _, action := range []string{actionWarned, actionRefused} {
			m.limits.WithLabelValues(string(l), action)
		}
	}
	units := counters("golive_ingest_access_units_total", "Access units passed on.", "kind")
	m.video, m.audio = units.WithLabelValues("video"), units.WithLabelValues("audio")
	for _, p := range protocols() {
		for _, r := range []EndReason{EndStopped, EndLost, EndIdle, EndEvicted, EndClosing, EndProtocol, EndUnsupported, EndLimit, EndFailed} {
			m.ends.WithLabelValues(p, string(r))
		}
		for _, r := range []RefusalReason{
			RefusedUnauthorized, RefusedBadName, RefusedAdmission, RefusedEnded, RefusedTaken, RefusedLimit, RefusedUnavailable, RefusedClosing, RefusedPlay,
			RefusedNotRTMP, RefusedTLS, RefusedProtocol, RefusedTimeout, RefusedGone, RefusedFailed,
		} {
			m.refusals.WithLabelValues(p, string(r))
		}
	}
	skipped := counters("golive_ingest_skipped_total", "Messages and units of publishers that were ignored, by reason.", "reason")
	for i, name := range [skipReasons]string{"empty", "unknown", "data", "no_config", "syntax", "unsupported", "not_publishing"} {
		m.skipped[i] = skipped.WithLabelValues(name)
	}
	repaired := counters("golive_ingest_repairs_total", "Repairs of what publishers sent, by kind.", "kind")
	for i, name := range [repairs]string{"nudged", "outlier", "rebased", "joined", "reordered", "spread", "smoothed", "stood_still", "restarted"} {
		m.repaired[i] = repaired.WithLabelValues(name)
	}
	return m
}

// RegisterMemory registers gauges of m.
func RegisterMemory(reg prometheus.Registerer, m *Memory) {
	for _, g := range []struct {
		name, help string
		value      func() int64
	}{
		{"golive_ingest_media_memory_bytes", "Memory of the media of all broadcasts.", m.Held},
		{"golive_ingest_media_memory_limit_bytes", "Maximum memory of the media of all broadcasts (ingest.limits.memory); 0 means no limit.", m.Limit},
	} {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, func() float64 { return float64(g.value()) }))
	}
}

// Connected counts a connection until the function that it returns is called.
func (m *Metrics) Connected() (closed func()) {
	m.connections.Inc()
	return m.connections.Dec
}

// SessionStarted counts an admitted publisher.
func (m *Metrics) SessionStarted() { m.sessions.Inc() }

// SessionEnded counts the end of a session.
func (m *Metrics) SessionEnded(protocol string, reason EndReason) {
	m.sessions.Dec()
	m.ends.WithLabelValues(protocol, string(reason)).Inc()
}

// Refused counts a connection that never became a session.
func (m *Metrics) Refused(protocol string, reason RefusalReason) {
	m.refusals.WithLabelValues(protocol, string(reason)).Inc()
}

// The values of the label action.
const (
	actionWarned  = "warned"
	actionRefused = "refused"
)

// LimitReached counts a limit that a publisher reached; refused is set if its session was
// ended or refused.
func (m *Metrics) LimitReached(l Limit, refused bool) {
	action := actionWarned
	if refused {
		action = actionRefused
	}
	m.limits.WithLabelValues(string(l), action).Inc()
}

// Add adds t.
func (m *Metrics) Add(t Tally) {
	add := func(c prometheus.Counter, n uint64) {
		if n > 0 {
			c.Add(float64(n))
		}
	}
	add(m.received, t.Bytes)
	add(m.video, t.Video)
	add(m.audio, t.Audio)
	for i, n := range t.Skipped {
		add(m.skipped[i], n)
	}
	for i, n := range t.Repaired {
		add(m.repaired[i], n)
	}
}
