package transcode

import (
	"context"
	"log/slog"

	"golive/media"
)

// Job transcodes one publication. Write and Close belong to the publisher's goroutine, Run to
// another one.
type Job struct {
	transcoder *Transcoder
	out        Output
	log        *slog.Logger
}

// Write takes the next unit of the source. It never blocks: if the queue is full, units are
// dropped up to the next key picture.
func (j *Job) Write(u media.AccessUnit) {}

// Close ends the source: Run returns when ffmpeg has written what it still holds.
func (j *Job) Close() {}

// Run transcodes until Close, or until ctx is done. It returns when all child processes and
// goroutines are gone and each rung that was started is stopped. Errors of ffmpeg are
// logged and counted; they do not end Run.
func (j *Job) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Status returns the state of the job. It may be called by any goroutine.
func (j *Job) Status() JobStatus { return JobStatus{} }
