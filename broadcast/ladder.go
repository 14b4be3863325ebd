package broadcast

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golive/media"
	"golive/segmenter"
	"golive/transcode"
)

// unitTap is the Packaging of the source that passes its units to a transcoder. A transcoder gets
// what viewers of the source get: repaired, with silence and repeated pictures where a track has
// stopped, and with key frames that decoders can start from.
type unitTap struct {
	job           *transcode.Job // nil without a transcoder
	discontinuity bool           // the next unit follows one
}

// Open implements segmenter.Packaging.
func (t *unitTap) Open(head media.Segment) { t.discontinuity = head.Discontinuity }

// Part implements segmenter.Packaging.
func (t *unitTap) Part(c *segmenter.Cut) {
	if t.job == nil {
		return
	}
	for _, u := range c.Units {
		u.Discontinuity, t.discontinuity = t.discontinuity, false
		t.job.Write(u)
	}
}

// Close implements segmenter.Packaging.
func (*unitTap) Close() {}

// Drop implements segmenter.Packaging.
func (*unitTap) Drop() {}

// ladder runs a broadcast's transcoding: a job for each publication, one after the other. It
// is the transcode.Output of the jobs.
type ladder struct {
	b   *Broadcast
	log *slog.Logger
	// stop ends the jobs at once.
	stop context.CancelFunc
	//nolint:containedctx // of the jobs, which outlive the publishers that begin them
	ctx  context.Context
	jobs sync.WaitGroup
	// last is closed when the last job is over. It belongs to the source's writer.
	last <-chan struct{}
}

func newLadder(b *Broadcast) *ladder {
	l := &ladder{b: b, log: b.log}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// begin begins a job for the publication that begins now; nil without a transcoder. The rungs
// of the ladder are expected.
func (l *ladder) begin() *transcode.Job {
	t := l.b.cfg.Transcoder
	if t == nil || !t.Status().Enabled {
		return nil
	}
	for _, name := range t.Rungs() {
		l.b.rung(name).expect()
	}
	job := t.NewJob(l.b.id, l, l.log)
	before, over := l.last, make(chan struct{})
	l.last = over
	l.jobs.Go(func() {
		defer close(over)
		if before != nil {
			<-before
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

// Start implements transcode.Output.
func (l *ladder) Start(name string, video, audio *media.Track) {
	defer l.protect(name)
	l.b.rung(name).begin(video, audio)
}

// Write implements transcode.Output.
func (l *ladder) Write(name string, u media.AccessUnit) {
	defer l.protect(name)
	l.b.rung(name).write(u)
}

// Stop implements transcode.Output.
func (l *ladder) Stop(name string, reason transcode.StopReason) {
	defer l.protect(name)
	l.b.rung(name).stop(reason == transcode.StopEnded)
}

// protect keeps a bug in a rung from ending more than the rung.
func (l *ladder) protect(name string) {
	if p := recover(); p != nil {
		l.log.Error("rung failed after an internal error", "rendition", name, "panic", p)
	}
}
