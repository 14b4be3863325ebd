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

// session carries out a plan with one child process, or without one if no rung needs it.
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
	// until is the time of the last picture that is passed on. A decoder whose input ends within
	// a GOP also outputs pictures that are presented after ones that it did not get.
	until atomic.Int64

	started time.Time
	// fed is when a unit was last written to the child, progressed when the child last wrote one,
	// in nanoseconds since started; 0 is never.
	fed, progressed atomic.Int64
	// units counts the units that the child wrote, unmatched the pictures among them that match
	// none of the source's.
	units, unmatched atomic.Int64
	// arrival is the arrival time of the newest unit that was fed.
	arrival atomic.Pointer[time.Time]
	// unreadable is the first error of reading an output.
	unreadable atomic.Pointer[error]
	// draining is set when the child's input has been closed.
	draining atomic.Bool
}

// ending is how a session ended.
type ending struct {
	// next is why another session follows; empty if none does.
	next RestartReason
	// ended is set if the source has ended.
	ended bool
	// failed is set if ffmpeg failed. err is the failure.
	failed bool
	err    error
	// healthy is set if it had worked for a while.
	healthy bool
	// change is the new track, if that is the reason.
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

// newSession returns a session that carries out the plan. Its times begin at base.
func (j *Job) newSession(p *plan, base media.Ticks) *session {
	s := &session{job: j, plan: p, timeline: timeline{base}, muxer: fmp4.NewMuxer(), started: time.Now()}
	s.until.Store(math.MaxInt64)
	for i := range p.rungs {
		out := j.rungs[p.rungs[i].Name]
		p.rungs[i].from = media.Ticks(out.pictureAt.Load())
		p.rungs[i].audioFrom = media.Ticks(out.audioAt.Load())
		s.outs = append(s.outs, out)
	}
	return s
}

// run feeds the child and reads its output until something ends the session.
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
	outputs := len(s.plan.encodings)
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

// flush waits until the rungs have passed on everything, before the next session begins.
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
	// The pipes may still hold output.
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
	for i := range s.plan.encodings {
		read(func(r io.Reader) error { return s.readAudio(ctx, r, &s.plan.encodings[i]) })
	}
}

// timeouts are the times after which a child that makes no progress is killed.
type timeouts struct {
	start time.Duration // it has not written anything yet
	stall time.Duration // it has written something
	drain time.Duration // its input has been closed
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

// watch waits until the child has exited. It kills a child that makes no progress.
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
	// A decoder may hold several pictures, and they may be far apart.
	const held = 20
	limit := max(limits.stall, time.Duration(held/s.plan.source.rate()*float64(time.Second)))
	return now-progressed > limit && (fed > progressed || s.job.queue.waits())
}

// healthyAfter is how long a session must work so that earlier failures no longer count. A session
// that fails because of the source's units fails earlier: it begins with them.
const healthyAfter = time.Second

// Why a child was killed.
var (
	errStalled = errors.New("it took media and wrote none")
	errEnded   = errors.New("it ended without a reason")
	errStopped = errors.New("a signal stopped it")
)

// ending returns how the session ended.
func (s *session) ending(ctx context.Context, fed ending, lines *messages) ending {
	healthy := s.units.Load() > 0 && time.Since(s.started) > healthyAfter
	killed := s.child.killed.Load()
	if ctx.Err() != nil {
		return ending{}
	}
	fedAll := fed.ended || fed.next != "" && !fed.failed
	if fedAll && (!s.begun || killed == nil && s.child.err == nil) {
		return fed // the child was drained, or got no input
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
		e.next = "" // no units are left for another one
	}
	e.change = fed.change
	level := slog.LevelWarn
	if s.job.problem.Load() != nil {
		level = slog.LevelDebug // "transcoding suspended" was logged
	}
	loglimit.Write(s.job.log, level, "ffmpeg ended", "reason", string(e.next), "err", e.err, "duration", time.Since(s.started).Round(time.Millisecond),
		"units", s.units.Load(), "unmatched", s.unmatched.Load(), "messages", lines.String())
	return e
}
