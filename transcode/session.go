package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golive/container/fmp4"
	"golive/internal/childprocess"
	"golive/internal/loglimit"
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
	muxed    int  // units that were written and are none of an earlier child's; of the feeder

	// decoded is the decoding time of the newest picture that was fed; of the feeder.
	decoded media.Ticks
	// until is the time of the last picture that is passed on. In the middle of a group of
	// pictures, a decoder at its end puts out pictures before others that it has not got.
	until atomic.Int64

	started time.Time
	// fed is when the child last got a unit, progressed when it last wrote one, in
	// nanoseconds since started; 0 is never.
	fed, progressed atomic.Int64
	// units counts those that the child wrote, unmatched those of its pictures that are none of
	// the source's.
	units, unmatched atomic.Int64
	// arrival is that of the newest unit that was fed.
	arrival atomic.Pointer[time.Time]
	// unreadable is the first error of an output.
	unreadable atomic.Pointer[error]
	// draining is set when the child's input was closed.
	draining atomic.Bool
}

// ending is how a session ended.
type ending struct {
	// next is why another one follows; empty if none does.
	next RestartReason
	// ended is set if the source has ended.
	ended bool
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
	s.until.Store(math.MaxInt64)
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
	defer s.flush(ctx)
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

// flush waits until the rungs have passed everything on: the next session goes on after that.
func (s *session) flush(ctx context.Context) {
	for _, out := range s.outs {
		flushed := make(chan struct{})
		if send(ctx, out, event{kind: eventFlush, flushed: flushed}) != nil {
			return
		}
		<-flushed
	}
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
				s.unreadable.CompareAndSwap(nil, &err)
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

// timeouts are the times after which a child that makes no progress is killed.
type timeouts struct {
	start time.Duration // it has not written anything yet
	stall time.Duration // it has
	drain time.Duration // it has no more input
}

func defaultTimeouts() timeouts {
	return timeouts{start: 8 * time.Second, stall: 4 * time.Second, drain: 4 * time.Second}
}

// maxChildUnits is how many units a child gets before the next one takes over. ffmpeg keeps an index of
// all fragments and samples of its input, about 200 bytes for each (seen with 5.1): 100 MiB.
const maxChildUnits = 1 << 19

// maxChildTime is how long the times of a child may be. FLV has 31 bits of milliseconds, and a
// step of 30 bits is the longest that is read without doubt.
const maxChildTime = (1 << 30) * media.Millisecond

const watchEvery = 200 * time.Millisecond

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
		u, ok := childprocess.UsageOf(s.child.cmd.Process.Pid)
		if ok && u.Stopped && stopped { // seen twice
			s.child.kill(RestartStopped)
		}
		stopped = ok && u.Stopped
		if s.stalled(time.Since(s.started)) {
			s.child.kill(RestartStalled)
		}
	}
}

// stalled reports whether the child makes no progress, at a time since it was started.
func (s *session) stalled(now time.Duration) bool {
	limits := s.job.node.timeouts
	progressed, fed := time.Duration(s.progressed.Load()), time.Duration(s.fed.Load())
	switch {
	case s.draining.Load():
		return now-progressed > limits.drain
	case progressed == 0:
		return now > limits.start && (fed > 0 || s.job.queue.waits())
	}
	// A decoder may hold several pictures, however far they are apart.
	const held = 20
	limit := max(limits.stall, time.Duration(held/s.plan.source.rate()*float64(time.Second)))
	return now-progressed > limit && (fed > progressed || s.job.queue.waits())
}

// longEnough is how long a session has to work for a failure to be the first one again. One that
// fails for what the source sends fails earlier, since the next one gets it first.
const longEnough = time.Second

// Why a child was killed.
var (
	errStalled = errors.New("it took media and wrote none")
	errEnded   = errors.New("it ended without a reason")
	errStopped = errors.New("a signal stopped it")
)

// ending returns how the session ended.
func (s *session) ending(ctx context.Context, fed ending, lines *messages) ending {
	healthy := s.units.Load() > 0 && time.Since(s.started) > longEnough
	killed := s.child.killed.Load()
	if ctx.Err() != nil {
		return ending{}
	}
	fedAll := fed.ended || fed.next != "" && !fed.failed
	if fedAll && (!s.begun || killed == nil && s.child.err == nil) {
		return fed // it was drained, or had nothing to do
	}
	e := ending{next: RestartExit, failed: true, healthy: healthy, err: s.child.err}
	if e.err == nil {
		e.err = errEnded
	}
	if killed != nil {
		e.next = *killed
	}
	switch err := s.unreadable.Load(); {
	case err != nil:
		e.err = *err
	case e.next == RestartStalled:
		e.err = errStalled
	case e.next == RestartStopped:
		e.err = errStopped
	}
	if line := lines.newest(); line != "" {
		e.err = fmt.Errorf("%w: %s", e.err, line)
	}
	if fed.ended {
		e.next = "" // there is nothing to start again for
	}
	e.change = fed.change
	level := slog.LevelWarn
	if s.job.problem.Load() != nil {
		level = slog.LevelDebug // it was logged that this goes on
	}
	loglimit.Write(s.job.log, level, "ffmpeg ended", "reason", string(e.next), "err", e.err, "duration", time.Since(s.started).Round(time.Millisecond),
		"units", s.units.Load(), "unmatched", s.unmatched.Load(), "messages", lines.String())
	return e
}
