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

// unitTap is the Packaging of the source that passes its units to a transcoder. A transcoder gets
// what viewers of the source get: repaired, with silence and repeated pictures where a track has
// stopped, and with key frames that decoders can start from. It has a job for each run of
// segments without a discontinuity.
type unitTap struct {
	ladder *ladder
	job    *transcode.Job // nil without a transcoder, and while there is no publisher
	head   media.Segment
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
		t.job = t.ladder.begin(t.head.MSN)
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
	// stop ends the jobs at once.
	stop context.CancelFunc
	//nolint:containedctx // of the jobs, which outlive the publishers that begin them
	ctx  context.Context
	jobs sync.WaitGroup
	// current is the job of the publication; nil where it is not transcoded.
	current atomic.Pointer[transcode.Job]
	// last is closed when the last job is over. It belongs to the source's writer.
	last <-chan struct{}
}

func newLadder(b *Broadcast) *ladder {
	l := &ladder{b: b, log: b.log}
	l.ctx, l.stop = context.WithCancel(context.Background())
	if t := b.cfg.Transcoder; t != nil {
		l.rungs = t.Rungs()
	}
	return l
}

// begin begins a job for the segments from the number from on. The rungs are expected; those
// that an earlier job is still writing are not waited for.
func (l *ladder) begin(from int64) *transcode.Job {
	for _, name := range l.rungs {
		l.b.rung(name)
	}
	job := l.b.cfg.Transcoder.NewJob(ladderRun{l, from}, l.log)
	l.current.Store(job)
	before, over := l.last, make(chan struct{})
	l.last = over
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

// drainTimeout is how long the end of a broadcast waits for what its transcoder still has.
const drainTimeout = 5 * time.Second

// end waits for the jobs, whose source has ended.
func (l *ladder) end() {
	timer := time.AfterFunc(drainTimeout, l.stop)
	defer timer.Stop()
	defer l.stop()
	l.jobs.Wait()
}

// ladderRun is the transcode.Output of one job, whose source begins with the segment from.
type ladderRun struct {
	*ladder
	from int64
}

// Start implements transcode.Output.
func (l ladderRun) Start(name string, video, audio *media.Track) {
	defer l.protect(name)
	l.b.rung(name).begin(video, audio, l.from)
}

// Write implements transcode.Output.
func (l ladderRun) Write(name string, u media.AccessUnit) {
	defer l.protect(name)
	l.b.rung(name).write(u)
}

// Stop implements transcode.Output.
func (l ladderRun) Stop(name string, reason transcode.StopReason) {
	defer l.protect(name)
	l.b.rung(name).stop(reason == transcode.StopEnded)
}

// protect keeps a bug in a rung from ending more than the rung.
func (l *ladder) protect(name string) {
	if p := recover(); p != nil {
		l.log.Error("rung failed after an internal error", "rendition", name, "panic", p)
	}
}
