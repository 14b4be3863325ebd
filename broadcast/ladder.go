package broadcast

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golive/media"
	"golive/segmenter"
	"golive/transcode"
)

// unitTap is the Packaging of the source that passes its units to a transcoder. The transcoder
// gets the same units as viewers of the source: repaired, with silence and repeated pictures where
// a track has stopped, and with key frames at which decoders can start. There is a job for each
// run of segments without a discontinuity.
type unitTap struct {
	ladder *ladder
	job    *transcode.Job // nil without a transcoder, and while there is no publisher
	head   media.Segment  // the open segment
	// disabled is set if this publication is not transcoded.
	disabled bool
}

// disable ends the transcoding of this publication.
func (t *unitTap) disable() {
	t.disabled = true
	t.end()
	t.ladder.current.Store(nil)
}

// Open implements segmenter.Packaging.
func (t *unitTap) Open(head media.Segment) {
	if head.Discontinuity || head.Publication != t.head.Publication {
		t.end()
	}
	t.head = head
}

// Part implements segmenter.Packaging.
func (t *unitTap) Part(c *segmenter.Cut) {
	if t.disabled || len(t.ladder.rungs) == 0 {
		return
	}
	if t.job == nil {
		t.job = t.ladder.startJob(t.head.MSN)
	}
	for _, u := range c.Units {
		t.job.Write(u)
	}
}

// Close implements segmenter.Packaging.
func (*unitTap) Close() {}

// Drop implements segmenter.Packaging.
func (*unitTap) Drop() {}

// end ends the job.
func (t *unitTap) end() {
	if t.job != nil {
		t.job.Close()
		t.job = nil
	}
}

// ladder runs a broadcast's transcoding jobs, one after the other.
type ladder struct {
	b     *Broadcast
	log   *slog.Logger
	rungs []string // the names; empty where nothing is transcoded
	// all is the ladder that was configured when the broadcast began.
	all transcode.Ladder
	// stop ends the jobs at once.
	stop context.CancelFunc
	//nolint:containedctx // of the jobs, which outlive the publishers that start them
	ctx  context.Context
	jobs sync.WaitGroup
	// current is the job of the publication; nil if it is not transcoded.
	current atomic.Pointer[transcode.Job]
	// lastDone is closed when the last job is done. Only the source's writer uses it.
	lastDone <-chan struct{}
}

func newLadder(b *Broadcast) *ladder {
	l := &ladder{b: b, log: b.log}
	l.ctx, l.stop = context.WithCancel(context.Background())
	if t := b.cfg.Transcoder; t != nil {
		l.all = t.Ladder()
		l.rungs = l.all.Names()
	}
	return l
}

// startJob starts a job for the segments from number from on. Its rungs exist from now on, so
// that they follow the source from here; they expect units when the job before it is done.
func (l *ladder) startJob(from int64) *transcode.Job {
	for _, name := range l.rungs {
		l.b.rung(name)
	}
	job := l.b.cfg.Transcoder.NewJob(l.all, jobOutput{l, from}, l.log)
	l.current.Store(job)
	before, over := l.lastDone, make(chan struct{})
	l.lastDone = over
	l.jobs.Go(func() {
		defer close(over)
		if before != nil {
			<-before
		}
		for _, name := range l.rungs {
			l.b.rung(name).expect()
		}
		if err := job.Run(l.ctx); err != nil && l.ctx.Err() == nil {
			l.log.Error("transcoding stopped", "err", err)
		}
	})
	return job
}

// drainTimeout is how long the end of a broadcast waits for its transcoder to finish.
const drainTimeout = 5 * time.Second

// end waits for the jobs; their source has ended.
func (l *ladder) end() {
	timer := time.AfterFunc(drainTimeout, l.stop)
	defer timer.Stop()
	defer l.stop()
	l.jobs.Wait()
}

// jobOutput is the transcode.Output of one job.
type jobOutput struct {
	*ladder
	firstMSN int64 // of the job's source
}

// Start implements transcode.Output.
func (l jobOutput) Start(name string, video, audio *media.Track) {
	defer l.protect(name)
	l.b.rung(name).begin(video, audio, l.firstMSN)
}

// Write implements transcode.Output.
func (l jobOutput) Write(name string, u media.AccessUnit) {
	defer l.protect(name)
	l.b.rung(name).write(u)
}

// Stop implements transcode.Output.
func (l jobOutput) Stop(name string, reason transcode.StopReason) {
	defer l.protect(name)
	l.b.rung(name).stop(reason == transcode.StopEnded)
}

// protect recovers from a panic in a rung, so that a bug ends nothing but that rung.
func (l *ladder) protect(name string) {
	if p := recover(); p != nil {
		l.log.Error("rung failed after an internal error", "rendition", name, "panic", p)
	}
}
