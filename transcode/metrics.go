package transcode

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the metrics of transcoding.
type Metrics struct {
	broadcasts prometheus.Gauge
	rungs      *prometheus.GaugeVec
	shed       prometheus.Gauge
	sheds      prometheus.Counter
	restarts   *prometheus.CounterVec
	lag        prometheus.Gauge
	cpu        prometheus.Gauge
	dropped    *prometheus.CounterVec
	available  prometheus.Gauge
}

// NewMetrics registers the metrics with reg, with the rungs of the ladder as labels.
func NewMetrics(reg prometheus.Registerer, ladder Ladder) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
		broadcasts: gauge("golive_transcode_broadcasts", "Broadcasts that are transcoded now."),
		rungs: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "golive_transcode_rungs", Help: "Rungs that produce media now.",
		}, []string{"rendition"}),
		shed: gauge("golive_transcode_shed_rungs", "Rungs that could be made and are not: shed, refused, or without ffmpeg."),
		sheds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "golive_transcode_sheds_total", Help: "Rungs that were switched off because of overload.",
		}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_transcode_restarts_total", Help: "Restarts of ffmpeg.",
		}, []string{"reason"}),
		lag: gauge("golive_transcode_lag_seconds", "The longest time by which a rung is behind its source."),
		cpu: gauge("golive_transcode_cpu_ratio", "Share of the machine that ffmpeg uses."),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "golive_transcode_dropped_units_total", Help: "Units of sources that were not transcoded.",
		}, []string{"reason"}),
		available: gauge("golive_transcode_available", "1 if ffmpeg works."),
	}
	for _, r := range ladder {
		m.rungs.WithLabelValues(r.Name)
	}
	for _, r := range restartReasons() {
		m.restarts.WithLabelValues(string(r))
	}
	for _, r := range dropReasons() {
		m.dropped.WithLabelValues(string(r))
	}
	reg.MustRegister(m.broadcasts, m.rungs, m.shed, m.sheds, m.restarts, m.lag, m.cpu, m.dropped, m.available)
	return m
}

// RestartReason is the reason for another start of ffmpeg.
type RestartReason string

// The reasons.
const (
	RestartExit    RestartReason = "exit"    // it ended by itself
	RestartStalled RestartReason = "stalled" // it took units and wrote nothing
	RestartStopped RestartReason = "stopped" // it was stopped by a signal
	RestartOutput  RestartReason = "output"  // it wrote what cannot be read
	RestartTracks  RestartReason = "tracks"  // the source's tracks changed
	RestartRungs   RestartReason = "rungs"   // rungs were shed or restored
	RestartRate    RestartReason = "rate"    // the source's frame rate increased
	RestartAge     RestartReason = "age"     // it had many units, for each of which it keeps memory, or its clock is about to wrap
)

func restartReasons() []RestartReason {
	return []RestartReason{
		RestartExit, RestartStalled, RestartStopped, RestartOutput, RestartTracks, RestartRungs, RestartRate,
		RestartAge,
	}
}

// dropReason is why units of the source were not transcoded.
type dropReason string

const (
	dropQueue  dropReason = "queue"  // ffmpeg is too slow: the queue was full
	dropFailed dropReason = "failed" // no ffmpeg was running
)

func dropReasons() []dropReason { return []dropReason{dropQueue, dropFailed} }
