package transcode

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golive/container/fmp4"
	"golive/media"
)

// session is the life of one child process, or, if no rung needs one, a time without.
type session struct {
	job      *Job
	plan     *plan
	outs     []*rungOutput // of the plan's rungs
	child    *child        // nil without one
	timeline timeline
	pictures pictures
	muxer    *fmp4.Muxer
	begun    bool // the initialization segment was written

	started time.Time
	// fed is when the child last got a unit, progressed when it last wrote one, in
	// nanoseconds since started; 0 is never.
	fed, progressed atomic.Int64
	// units counts those that the child wrote, unmatched those of its pictures that are none of
	// the source's.
	units, unmatched atomic.Int64
	// arrival is that of the newest unit that was fed.
	arrival atomic.Pointer[time.Time]
	// draining is set when the child's input was closed.
	draining atomic.Bool
}

// ending is how a session ended.
type ending struct {
	// next is why another one follows; empty if the source has ended.
	next RestartReason
	// failed is set if it ended by a failure of ffmpeg, and err says what happened.
	failed bool
	err    error
	// healthy is set if it had worked for a while.
	healthy bool
	// change is the unit with new tracks, if that is the reason.
	change *media.Track
}

func (s *session) progress() {
	s.units.Add(1)
	s.progressed.Store(max(1, int64(time.Since(s.started))))
}

func (s *session) newestArrival() time.Time {
	if t := s.arrival.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

// newSession returns the session that carries the plan out. Its times begin at base.
func (j *Job) newSession(p *plan, base media.Ticks) *session {
	s := &session{job: j, plan: p, timeline: timeline{base}, muxer: fmp4.NewMuxer(), started: time.Now()}
	for i := range p.rungs {
		out := j.rungs[p.rungs[i].Name]
		p.rungs[i].from = media.Ticks(out.picture.Load())
		p.rungs[i].soundFrom = media.Ticks(out.sound.Load())
		s.outs = append(s.outs, out)
	}
	return s
}

// run feeds the child until something ends the session, and takes what it writes.
func (s *session) run(ctx context.Context, e encoder) ending {
	for i, out := range s.outs {
		if send(ctx, out, event{kind: eventBegin, audio: s.plan.rungs[i].audio}) != nil {
			return ending{}
		}
	}
	if !s.plan.needsChild() {
		return s.feed(ctx, io.Discard)
	}
	outputs := len(s.plan.sounds)
	for _, r := range s.plan.rungs {
		if !r.AudioOnly {
			outputs++
		}
	}
	c, err := startChild(s.job.node.cfg.FFmpeg, s.plan.args(e, s.timeline.base), outputs, s.job.node.cfg.Niceness)
	if err != nil {
		return ending{next: RestartExit, failed: true, err: err}
	}
	s.child = c
	s.job.child.Store(c)
	defer s.job.child.Store(nil)
	return s.supervise(ctx)
}

// supervise runs the goroutines of the child, and waits for all.
func (s *session) supervise(parent context.Context) ending {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	var wg, outputs sync.WaitGroup
	var lines messages
	wg.Go(s.child.wait)
	wg.Go(func() { lines.read(s.child.errs, s.job.logLine) })
	s.startReaders(ctx, &outputs)
	var fed ending
	feeding := make(chan struct{})
	wg.Go(func() {
		defer close(feeding)
		fed = s.feed(ctx, s.child.in)
		s.draining.Store(true)
		s.progressed.Store(max(1, int64(time.Since(s.started)))) // the time to drain begins
		_ = s.child.in.Close()                                   // the child may be gone
	})
	s.watch(ctx)
	// What it wrote before is still in the pipes.
	outputs.Wait()
	cancel()
	s.child.close() // ends the feeder if it is blocked
	wg.Wait()
	for _, out := range s.outs {
		_ = send(parent, out, event{kind: eventFlush})
	}
	return s.ending(parent, fed, &lines)
}

// startReaders starts a goroutine for each output.
func (s *session) startReaders(ctx context.Context, wg *sync.WaitGroup) {
	pipe := 0
	read := func(f func(r io.Reader) error) {
		r := s.child.outs[pipe]
		pipe++
		wg.Go(func() {
			if err := f(r); err != nil && ctx.Err() == nil {
				s.job.readFailed(err)
				s.child.kill(RestartOutput)
			}
			_, _ = io.Copy(io.Discard, r)
		})
	}
	for i, r := range s.plan.rungs {
		if !r.AudioOnly {
			read(func(r io.Reader) error { return s.readPictures(ctx, r, i) })
		}
	}
	for i := range s.plan.sounds {
		read(func(r io.Reader) error { return s.readSound(ctx, r, &s.plan.sounds[i]) })
	}
}

// The times after which a child that makes no progress is killed: one that has not written
// anything yet, one that has, and one that has no more input.
const (
	startTimeout = 8 * time.Second
	stallTimeout = 4 * time.Second
	drainTimeout = 4 * time.Second
	watchEvery   = 200 * time.Millisecond
)

// watch waits until the child is gone. It kills one that makes no progress.
func (s *session) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	stopped := false
	for {
		select {
		case <-s.child.exited:
			return
		case <-ctx.Done():
			s.child.kill(RestartExit)
			<-s.child.exited
			return
		case <-ticker.C:
		}
		u, ok := usageOf(s.child.cmd.Process.Pid)
		if ok && u.stopped && stopped { // seen twice
			s.child.kill(RestartStopped)
		}
		stopped = ok && u.stopped
		if s.stalled(time.Since(s.started)) {
			s.child.kill(RestartStalled)
		}
	}
}

// stalled reports whether the child makes no progress, at a time since it was started.
func (s *session) stalled(now time.Duration) bool {
	progressed, fed := time.Duration(s.progressed.Load()), time.Duration(s.fed.Load())
	switch {
	case s.draining.Load():
		return now-progressed > drainTimeout
	case progressed == 0:
		return now > startTimeout && (fed > 0 || s.job.queue.waits())
	}
	// A decoder may hold several pictures, however far they are apart.
	const held = 20
	limit := max(stallTimeout, time.Duration(held/s.plan.source.rate()*float64(time.Second)))
	return now-progressed > limit && (fed > progressed || s.job.queue.waits())
}

// longEnough is how long a session has to work for a failure to be the first one again.
const longEnough = 10 * time.Second

// ending returns how the session ended.
func (s *session) ending(ctx context.Context, fed ending, lines *messages) ending {
	healthy := s.units.Load() > 0 && time.Since(s.started) > longEnough
	killed := s.child.killed.Load()
	if ctx.Err() != nil {
		return ending{}
	}
	if killed == nil && fed.err == nil && s.child.err == nil {
		fed.healthy = s.units.Load() > 0
		return fed // it was drained
	}
	e := ending{next: RestartExit, failed: true, healthy: healthy, err: errors.Join(s.child.err)}
	if killed != nil {
		e.next = *killed
	}
	if fed.err == nil && s.draining.Load() && fed.next == "" {
		e.next = "" // the source has ended: there is nothing to start again for
	}
	e.change = fed.change
	s.job.log.Warn("ffmpeg ended", "reason", string(e.next), "err", e.err, "duration", time.Since(s.started).Round(time.Millisecond),
		"units", s.units.Load(), "unmatched", s.unmatched.Load(), "messages", lines.String())
	return e
}
