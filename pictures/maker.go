package pictures

import (
	"context"
	"log/slog"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxQueue bounds how many broadcasts wait for a worker.
	maxQueue = 4096
	// coresPerWorker and restShare bound the share of the machine that pictures use: there is a
	// worker for so many cores, and it rests for so many times as long as it has worked.
	coresPerWorker = 4
	restShare      = 2
	// retryProgram is how often a missing ffmpeg is looked for.
	retryProgram = 30 * time.Second
	// makeTimeout bounds a run of ffmpeg.
	makeTimeout = 10 * time.Second
)

// Maker makes the pictures of all broadcasts of a node.
type Maker struct {
	cfg     Config
	program string
	log     *slog.Logger
	metrics *Metrics
	began   time.Time
	timeout time.Duration
	rest    float64    // for so many times as long as it has worked a worker rests
	queue   chan *Feed // each has a pending request, or had one
	// available is set if ffmpeg was found.
	available atomic.Bool
}

// NewMaker returns a Maker that runs the program, which is ffmpeg.
func NewMaker(cfg Config, program string, log *slog.Logger, m *Metrics) *Maker {
	return &Maker{
		cfg: cfg, program: program, log: log, metrics: m, began: time.Now(), timeout: makeTimeout, rest: restShare,
		queue: make(chan *Feed, maxQueue),
	}
}

// Run makes pictures until ctx is done.
func (m *Maker) Run(ctx context.Context) error {
	if !m.find(ctx) {
		return nil
	}
	var working sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)/coresPerWorker) {
		working.Go(func() { m.work(ctx) })
	}
	working.Wait()
	return nil
}

// find waits until there is a program; false when ctx is done first.
func (m *Maker) find(ctx context.Context) bool {
	for said := false; ; said = true {
		_, err := exec.LookPath(m.program)
		if err == nil {
			m.metrics.available.Set(1)
			m.available.Store(true)
			return true
		}
		if !said {
			m.log.Warn("ffmpeg not found: broadcasts have no posters and previews", "err", err,
				"hint", "install ffmpeg, set transcode.ffmpeg to its path, or set pictures.enabled to false")
		}
		select {
		case <-time.After(retryProgram):
		case <-ctx.Done():
			return false
		}
	}
}

// work makes one picture after the other. Its thread must last as long as the children that it
// starts.
func (m *Maker) work(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		var f *Feed
		select {
		case f = <-m.queue:
		case <-ctx.Done():
			return
		}
		r := f.pending.Swap(nil)
		if r == nil {
			continue
		}
		began := time.Now()
		p, err := m.picture(ctx, r)
		took := time.Since(began)
		if ctx.Err() != nil {
			return
		}
		m.metrics.seconds.Observe(took.Seconds())
		if err == nil {
			m.metrics.made.Inc()
		} else {
			m.metrics.failed.Inc()
		}
		f.done(p, err)
		select {
		case <-time.After(time.Duration(m.rest * float64(took))):
		case <-ctx.Done():
			return
		}
	}
}
