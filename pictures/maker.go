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
	// coresPerWorker and defaultRestFactor bound the share of the machine that pictures use: there
	// is a worker for that many cores, and it rests that many times as long as it has worked.
	coresPerWorker    = 4
	defaultRestFactor = 2
	// retryProgram is the interval in which a missing ffmpeg is looked for.
	retryProgram = 30 * time.Second
	// makeTimeout bounds a run of ffmpeg.
	makeTimeout = 10 * time.Second
)

// Maker makes the pictures of all broadcasts of a node.
type Maker struct {
	cfg        Config
	program    string
	log        *slog.Logger
	metrics    *Metrics
	began      time.Time
	timeout    time.Duration
	restFactor float64    // a worker rests that many times as long as it has worked
	queue      chan *Feed // each has a pending request, or had one
	// available is set if ffmpeg was found.
	available atomic.Bool
}

// NewMaker returns a Maker that runs the program, which is ffmpeg.
func NewMaker(cfg Config, program string, log *slog.Logger, m *Metrics) *Maker {
	return &Maker{
		cfg: cfg, program: program, log: log, metrics: m, began: time.Now(), timeout: makeTimeout, restFactor: defaultRestFactor,
		queue: make(chan *Feed, maxQueue),
	}
}

// Run makes pictures until ctx is done.
func (m *Maker) Run(ctx context.Context) error {
	if !m.awaitProgram(ctx) {
		return nil
	}
	var working sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)/coresPerWorker) {
		working.Go(func() { m.work(ctx) })
	}
	working.Wait()
	return nil
}

// awaitProgram waits until ffmpeg is installed. It returns false if ctx is done first.
func (m *Maker) awaitProgram(ctx context.Context) bool {
	for warned := false; ; warned = true {
		_, err := exec.LookPath(m.program)
		if err == nil {
			m.metrics.available.Set(1)
			m.available.Store(true)
			return true
		}
		if !warned {
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

// work makes one picture after the other. The goroutine is locked to its thread, because the
// kernel kills a child when the thread that started it ends.
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
		p, err := m.makePicture(ctx, r)
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
		case <-time.After(time.Duration(m.restFactor * float64(took))):
		case <-ctx.Done():
			return
		}
	}
}
