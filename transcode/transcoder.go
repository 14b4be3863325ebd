package transcode

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golive/internal/childprocess"
)

// Transcoder is the transcoding of a node. It may be used by many goroutines.
type Transcoder struct {
	cfg     Config
	ladder  atomic.Pointer[Ladder] // of new broadcasts, from the cheapest
	enabled chan struct{}          // closed at the first ladder that is not empty
	log     *slog.Logger
	metrics *Metrics
	// cores is the number of processor cores that transcoding may use.
	cores    float64
	timeouts timeouts
	maxUnits int // of a child

	mu      sync.Mutex
	probed  probed
	loads   map[*Job]*load
	arrived int // number of jobs so far
	// names has the names of all rungs so far, for the metrics.
	names map[string]bool
	// factor corrects the estimated costs.
	factor   float64
	overload overload
}

// New returns a Transcoder. It does nothing before Run.
func New(cfg Config, log *slog.Logger, metrics *Metrics) *Transcoder {
	t := &Transcoder{
		cfg: cfg, enabled: make(chan struct{}), names: map[string]bool{}, log: log, metrics: metrics,
		cores:    cfg.MaxCPU * float64(runtime.GOMAXPROCS(0)),
		timeouts: defaultTimeouts(), maxUnits: maxChildUnits, loads: map[*Job]*load{}, factor: 1, overload: overload{maxLag: cfg.MaxLag},
	}
	t.SetLadder(cfg.Ladder)
	return t
}

// SetLadder sets the ladder of the broadcasts that begin from now on.
func (t *Transcoder) SetLadder(l Ladder) {
	l = l.sorted()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ladder.Store(&l)
	for _, r := range l {
		t.names[r.Name] = true
	}
	select {
	case <-t.enabled:
	default:
		if len(l) > 0 {
			close(t.enabled)
		}
	}
}

// Ladder returns the ladder for a broadcast that begins now. It does not change.
func (t *Transcoder) Ladder() Ladder { return *t.ladder.Load() }

// window is the interval in which the load is measured, retryProbe the time from a failed probe to
// the next one.
const (
	window     = time.Second
	retryProbe = 30 * time.Second
)

// Run probes ffmpeg, and measures the load, until ctx is done. It does not run jobs: the caller of
// NewJob does. Until there is a ladder it only waits.
func (t *Transcoder) Run(ctx context.Context) error {
	select {
	case <-t.enabled:
	case <-ctx.Done():
		return nil
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { t.probeUntilAvailable(ctx) })
	ticker := time.NewTicker(window)
	defer ticker.Stop()
	used := newUsage()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			t.watch(now, used)
		}
	}
}

// NewJob returns a Job for a broadcast with that ladder, which passes the units of its rungs to out.
// log names the broadcast.
func (t *Transcoder) NewJob(l Ladder, out Output, log *slog.Logger) *Job {
	return newJob(t, l, out, log)
}

// Status returns the state of transcoding.
func (t *Transcoder) Status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Status{
		Enabled: len(t.Ladder()) > 0, Available: t.probed.ok, Problem: t.probed.problem,
		Version: t.probed.version, Encoder: t.probed.encoder.name, Fallback: t.probed.fallback,
	}
	for _, l := range t.loads {
		if l.allowed > 0 {
			s.Broadcasts++
		}
		s.Shed += len(l.wanted) - l.allowed
	}
	return s
}

// admit returns the rungs that a job may make of its source now, and the encoder.
func (t *Transcoder) admit(j *Job, s source) ([]Rung, encoder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var wanted []Rung
	for _, r := range j.ladder {
		if s.allows(r) {
			wanted = append(wanted, r)
		}
	}
	l := t.loads[j]
	switch {
	case l == nil:
		t.arrived++
		l = &load{job: j, number: t.arrived, source: s, wanted: wanted}
		t.loads[j] = l
		t.allow(l)
	case slices.Equal(l.wanted, wanted):
		l.source = s
	default:
		l.source, l.wanted, l.allowed, l.shed = s, wanted, 0, 0
		t.allow(l)
	}
	return l.wanted[:l.allowed], t.probed.encoder
}

// allow decides how many rungs a new load may make.
func (t *Transcoder) allow(l *load) {
	if !t.probed.ok {
		return
	}
	used, broadcasts := 0.0, 0
	for _, other := range t.loads {
		used += other.cost(other.allowed) * t.factor
		if other.allowed > 0 {
			broadcasts++
		}
	}
	if t.cfg.MaxBroadcasts > 0 && broadcasts >= t.cfg.MaxBroadcasts {
		l.job.log.Warn("rungs refused", "reason", "max_broadcasts", "rungs", len(l.wanted), "allowed", 0)
		return
	}
	l.allowed = l.affordable(t.cores-used, t.factor)
	if l.allowed == 0 && broadcasts == 0 {
		l.allowed = min(1, len(l.wanted)) // the estimate may be too high
	}
	if l.allowed < len(l.wanted) {
		l.job.log.Warn("rungs refused", "reason", "max_cpu", "rungs", len(l.wanted), "allowed", l.allowed)
	}
}

// allowed returns the rungs that a job may make now.
func (t *Transcoder) allowed(j *Job) []Rung {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.loads[j]; l != nil {
		return l.wanted[:l.allowed]
	}
	return nil
}

// remove removes the load of a job.
func (t *Transcoder) remove(j *Job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.loads, j)
}

// stateOf returns the state of a rung that is not running.
func (t *Transcoder) stateOf(j *Job, r Rung) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.loads[j]
	if l == nil {
		return "starting"
	}
	i := slices.Index(l.wanted, r)
	switch {
	case i < 0:
		return "above"
	case i < l.allowed:
		return "starting"
	case !t.probed.ok:
		return "unavailable"
	case i < l.allowed+l.shed:
		return "shed"
	default:
		return "refused"
	}
}

// watch measures the load in a window, and sheds or restores a rung.
func (t *Transcoder) watch(now time.Time, used *usage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	loads := make([]*load, 0, len(t.loads))
	s, expected, missing := sample{}, 0.0, 0
	for _, l := range t.loads {
		loads = append(loads, l)
		s.lag = max(s.lag, l.job.lag(now))
		expected += l.cost(l.allowed)
		missing += len(l.wanted) - l.allowed
	}
	cores := used.cores(now, loads)
	s.cpu = cores / t.cores
	t.correct(cores, expected)
	t.report(loads, s, cores, missing)
	if !t.probed.ok {
		return
	}
	switch t.overload.step(s, missing > 0) {
	case shed:
		if l := nextToShed(loads); l != nil {
			r, _ := l.topRung()
			l.allowed--
			l.shed++
			t.metrics.sheds.Inc()
			l.job.log.Warn("rung shed", "rendition", r.Name, "cpu", s.cpu, "lag", s.lag)
		}
	case restore:
		t.restore(loads, s)
	case keep:
	}
}

// restore restores a rung if its cost is within the limit.
func (t *Transcoder) restore(loads []*load, s sample) {
	l := nextToRestore(loads)
	if l == nil || l.allowed == 0 && t.cfg.MaxBroadcasts > 0 && t.transcoded(loads) >= t.cfg.MaxBroadcasts {
		return
	}
	if more := (l.cost(l.allowed+1) - l.cost(l.allowed)) * t.factor; s.cpu+more/t.cores > maxLoad {
		return
	}
	l.allowed++
	l.shed = max(0, l.shed-1)
	l.job.log.Info("rung restored", "rendition", l.wanted[l.allowed-1].Name)
}

func (t *Transcoder) transcoded(loads []*load) (n int) {
	for _, l := range loads {
		if l.allowed > 0 {
			n++
		}
	}
	return n
}

// correct adjusts the factor of the estimated costs to the measured use.
func (t *Transcoder) correct(used, expected float64) {
	const (
		minFactor, maxFactor = 0.25, 4
		weight               = 0.1
		significant          = 0.05 // cores
	)
	if used > significant && expected > significant {
		t.factor += weight * (min(max(used/expected, minFactor), maxFactor) - t.factor)
	}
}

// report sets the gauges.
func (t *Transcoder) report(loads []*load, s sample, cores float64, missing int) {
	t.metrics.broadcasts.Set(float64(t.transcoded(loads)))
	t.metrics.shed.Set(float64(missing))
	t.metrics.lag.Set(s.lag.Seconds())
	t.metrics.cpu.Set(cores / float64(runtime.GOMAXPROCS(0)))
	for name := range t.names {
		n := 0
		for _, l := range loads {
			if r := l.job.rungs[name]; r != nil && r.running.Load() {
				n++
			}
		}
		t.metrics.rungs.WithLabelValues(name).Set(float64(n))
	}
}

// usage measures the processor time of the jobs' children.
type usage struct {
	at   time.Time
	used map[*child]time.Duration
}

func newUsage() *usage { return &usage{at: time.Now(), used: map[*child]time.Duration{}} }

// cores returns how many cores the children used since the last call.
func (u *usage) cores(now time.Time, loads []*load) float64 {
	var sum time.Duration
	next := make(map[*child]time.Duration, len(loads))
	for _, l := range loads {
		c := l.job.child.Load()
		if c == nil {
			continue
		}
		if p, ok := childprocess.UsageOf(c.cmd.Process.Pid); ok {
			next[c] = p.CPU
			sum += p.CPU - u.used[c]
		}
	}
	elapsed := now.Sub(u.at)
	u.at, u.used = now, next
	return sum.Seconds() / max(elapsed.Seconds(), 1e-3)
}
