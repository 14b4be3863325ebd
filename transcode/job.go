package transcode

import (
	"context"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golive/internal/loglimit"
	"golive/media"
)

// Job transcodes one run of a source's units, without a discontinuity. Write and Close belong to
// the publisher's goroutine, Run to another one.
type Job struct {
	node         *Transcoder
	ladder       Ladder // from the cheapest
	log          *slog.Logger
	queue        *queue
	rungs        map[string]*rungOutput
	messageLimit *loglimit.Limiter // of ffmpeg's messages

	source source // Run's
	child  atomic.Pointer[child]
	live   atomic.Pointer[session]
	// rate is a measured frame rate above the expected one (math.Float64bits), or 0.
	rate     atomic.Uint64
	restarts atomic.Int64
	problem  atomic.Pointer[string]
}

// newJob returns a job of the node.
func newJob(node *Transcoder, l Ladder, out Output, log *slog.Logger) *Job {
	const perSecond = 5 // of one kind
	j := &Job{node: node, ladder: l, log: log, queue: newQueue(), rungs: map[string]*rungOutput{}, messageLimit: loglimit.New(log, perSecond)}
	for _, r := range l {
		j.rungs[r.Name] = newRungOutput(r, out)
	}
	return j
}

// Write takes the next unit of the source. It never blocks: if the queue is full, units are
// dropped up to the next key picture. It copies no media.
func (j *Job) Write(u media.AccessUnit) {
	if n := j.queue.put(u); n > 0 {
		j.node.metrics.dropped.WithLabelValues(string(dropQueue)).Add(float64(n))
	}
}

// Close ends the source: Run returns when ffmpeg has written everything.
func (j *Job) Close() { j.queue.close() }

// Run transcodes until Close, or until ctx is done. It returns when all child processes and
// goroutines have ended, and each rung that was started is stopped. Errors of ffmpeg are
// logged and counted; they do not end Run.
func (j *Job) Run(ctx context.Context) error {
	// The kernel kills a child when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer j.messageLimit.Flush()
	defer j.node.remove(j)
	var rungs sync.WaitGroup
	for _, r := range j.rungs {
		rungs.Go(r.run)
	}
	defer func() {
		for _, r := range j.rungs {
			r.events <- event{kind: eventStop, stop: StopEnded}
			close(r.events)
		}
		rungs.Wait()
	}()
	if j.awaitSource(ctx) {
		j.transcode(ctx)
	}
	return nil
}

// awaitSource waits for the source's first units, until its tracks and rates are known, and sets
// the source. It reports whether there are units.
func (j *Job) awaitSource(ctx context.Context) bool {
	const (
		enough  = 300 * media.Millisecond
		longest = 600 * time.Millisecond
	)
	var deadline <-chan time.Time
	for {
		units, ended := j.queue.snapshot()
		over := ended
		if n := len(units); n > 0 {
			if deadline == nil {
				timer := time.NewTimer(longest)
				defer timer.Stop()
				deadline = timer.C
			}
			over = over || units[n-1].DTS-units[0].DTS >= enough
		}
		if over {
			return j.setSource(units)
		}
		select {
		case <-j.queue.signal:
		case <-deadline:
			return j.setSource(units)
		case <-ctx.Done():
			return false
		}
	}
}

// setSource sets the source from its first units. It reports whether there are any.
func (j *Job) setSource(units []taken) bool {
	for i := range units {
		switch t := units[i].Track; {
		case t.Video() && j.source.video == nil:
			j.source.video = t
		case !t.Video() && j.source.audio == nil:
			j.source.audio = t
		}
	}
	j.source = j.source.measure(units)
	return len(units) > 0
}

// transcode runs sessions until the source has ended.
func (j *Job) transcode(ctx context.Context) {
	failures := 0
	for {
		e := j.runSession(ctx)
		if e.next == "" {
			return
		}
		j.node.metrics.restarts.WithLabelValues(string(e.next)).Inc()
		switch {
		case !e.failed:
			failures = 0
			j.problem.Store(nil)
		case e.healthy:
			failures = 1
		default:
			failures++
		}
		j.drop(j.queue.rewind())
		if t := e.change; t != nil {
			j.replaceTrack(t)
		}
		if rate := math.Float64frombits(j.rate.Swap(0)); rate > 0 {
			j.source.frameRate = rate
		}
		if e.failed {
			j.restarts.Add(1)
			if !j.pause(ctx, e, failures) {
				return
			}
		}
	}
}

func (j *Job) drop(n int) { j.node.metrics.dropped.WithLabelValues(string(dropFailed)).Add(float64(n)) }

// replaceTrack replaces a track of the source.
func (j *Job) replaceTrack(t *media.Track) {
	if t.Video() {
		j.source.video, j.source.frameRate = t, 0
	} else {
		j.source.audio, j.source.audioBitrate = t, 0
	}
	before := j.source
	units, _ := j.queue.snapshot()
	j.source = j.source.measure(units)
	// The other track's rate has not changed.
	if t.Video() {
		j.source.audioBitrate = before.audioBitrate
	} else {
		j.source.frameRate = before.frameRate
	}
}

// runSession runs one session.
func (j *Job) runSession(ctx context.Context) ending {
	first, ok := j.awaitFirst(ctx)
	if !ok {
		return ending{}
	}
	rungs, e := j.node.admit(j, j.source)
	p := newPlan(j.source, rungs)
	planned := map[string]bool{}
	for _, r := range rungs {
		planned[r.Name] = true
	}
	for name, r := range j.rungs {
		if !planned[name] {
			reason := StopShed
			if !j.source.allows(r.Rung) {
				reason = StopSource
			}
			if send(ctx, r, event{kind: eventStop, stop: reason}) != nil {
				return ending{}
			}
		}
	}
	s := j.newSession(p, first)
	j.live.Store(s)
	defer j.live.Store(nil)
	return s.run(ctx, e)
}

// awaitFirst waits for the next unit, and returns its time.
func (j *Job) awaitFirst(ctx context.Context) (dts media.Ticks, ok bool) {
	for {
		u, ok, ended := j.queue.first()
		switch {
		case ok:
			return u.DTS, true
		case ended:
			return 0, false
		}
		select {
		case <-j.queue.signal:
		case <-ctx.Done():
			return 0, false
		}
	}
}

// replan returns why a plan must be replaced, or "".
func (j *Job) replan(p *plan) RestartReason {
	if rate := math.Float64frombits(j.rate.Load()); rate > p.source.rate()*fasterRate {
		return RestartRate
	}
	if rungs := j.node.allowed(j); len(rungs) != len(p.rungs) {
		return RestartRungs
	}
	return ""
}

// maxFailures is the number of failures after which the rungs are stopped until ffmpeg works again.
const maxFailures = 3

// pause waits before the next start after a failure: not at all after the first one. It
// reports whether there will be one.
func (j *Job) pause(ctx context.Context, e ending, failures int) bool {
	if failures == maxFailures {
		j.log.Warn("transcoding suspended", "failures", failures, "reason", string(e.next), "err", e.err)
		text := "ffmpeg fails: " + e.err.Error()
		j.problem.Store(&text)
	}
	if failures >= maxFailures {
		for _, r := range j.rungs {
			if send(ctx, r, event{kind: eventStop, stop: StopFailed}) != nil {
				return false
			}
		}
	}
	delay := backoff(failures)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if failures > 1 { // the waiting units may be the reason
				j.drop(j.queue.skipToLast())
			}
			return true
		case <-j.queue.signal:
			if failures > 1 && j.queue.isClosed() {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
}

// backoff returns the time before the next start, after a number of consecutive failures.
func backoff(failures int) time.Duration {
	const (
		least = 250 * time.Millisecond
		most  = time.Minute
	)
	if failures < 2 {
		return 0
	}
	return min(least<<min(failures-2, 10), most)
}

// logLine logs a line that ffmpeg wrote, which begins with its level.
func (j *Job) logLine(line string) {
	level := slog.LevelInfo
	if strings.Contains(line, "[error]") || strings.Contains(line, "[fatal]") {
		level = slog.LevelWarn
	}
	if j.problem.Load() != nil {
		level = slog.LevelDebug // "transcoding suspended" was logged
	}
	j.messageLimit.Log(j.log, level, "ffmpeg wrote a message", "message", "text", line)
}

// lag returns how far the rungs are behind the source. It is 0 while a child starts.
func (j *Job) lag(now time.Time) time.Duration {
	s := j.live.Load()
	if s == nil || s.child == nil || s.progressed.Load() == 0 || now.Sub(s.started) < graceTime {
		return 0
	}
	var lag time.Duration
	for _, r := range s.outs {
		if r.AudioOnly {
			continue
		}
		if arrived, ok := s.pictures.oldest(media.Ticks(r.pictureAt.Load())); ok {
			lag = max(lag, now.Sub(arrived))
		}
	}
	return lag
}

// graceTime is how long a new child may take to catch up.
const graceTime = 4 * time.Second

// Status returns the state of the job. It may be called by any goroutine.
func (j *Job) Status() JobStatus {
	status := JobStatus{Restarts: int(j.restarts.Load())}
	if text := j.problem.Load(); text != nil {
		status.Problem = *text
	} else if node := j.node.Status(); !node.Available {
		status.Problem = node.Problem
	}
	for _, r := range j.ladder {
		state := j.node.stateOf(j, r)
		switch out := j.rungs[r.Name]; {
		case out.running.Load():
			state = "running"
		case state == "starting" && status.Problem != "":
			state = "failed"
		}
		lag := time.Duration(j.rungs[r.Name].lag.Load())
		status.Rungs = append(status.Rungs, RungStatus{Name: r.Name, State: state, LagSeconds: lag.Seconds()})
	}
	return status
}
