package broadcast

import (
	"context"
	"errors"
	"sync"
	"time"

	"golive/archive"
	"golive/playlist"
)

// archiver archives one broadcast: on the local disk, and from there in a bucket.
type archiver struct {
	rec   *archive.Recording // nil where nothing is archived, and before the broadcast is open
	up    *archive.Uploader
	index *index
	// drained is closed when all of the broadcast is in the bucket, stored when another node can
	// continue it from there, and stopped when run has returned.
	drained, stored, stopped <-chan struct{}
	stop                     func() // closes stopped
}

// noArchiver archives nothing.
func noArchiver() *archiver {
	closed := make(chan struct{})
	close(closed)
	return &archiver{drained: closed, stored: closed, stopped: closed}
}

// newArchiver makes the archiver of a broadcast that is being opened.
func newArchiver(b *Broadcast, f *archive.Recovered, takenOver bool) *archiver {
	local := b.stores.Local
	if local == nil {
		return noArchiver()
	}
	stopped := make(chan struct{})
	a := &archiver{stopped: stopped, stop: func() { close(stopped) }}
	written := func(rendition string, s *archive.Segment) {
		if e := b.Window(rendition, playlist.PlainName).Snapshot().Entry(s.Publication, s.MSN); e != nil {
			e.Stored()
		}
	}
	if f == nil {
		a.rec = local.NewRecording(*b.meta.Load(), written, b.log)
	} else {
		a.rec = local.Resume(f, written, b.log)
	}
	a.index = newIndex(b, f)
	cfg := archive.UploaderConfig{
		Layout:      b.cfg.layout(),
		TakenOver:   takenOver,
		Hold:        b.opening.hold,
		Drained:     func() { a.noteArchived(b) },
		PutInterval: b.stores.PutInterval,
	}
	if b.stores.shared() {
		cfg.Permission = b.permission
	}
	a.up = archive.NewUploader(cfg, a.rec, b.stores.Bucket, a.index, b.log)
	a.index.up, a.drained, a.stored = a.up, a.up.Drained(), a.up.Stored()
	return a
}

// run works until everything is archived, or ctx is done and what was offered is on the local disk.
func (a *archiver) run(ctx context.Context, b *Broadcast) {
	defer a.stop()
	recording, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var working sync.WaitGroup
	working.Go(func() {
		if err := a.rec.Run(recording); err != nil {
			b.log.Error("broadcast was not recorded whole", "err", err)
		}
	})
	if err := a.up.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		b.log.Error("uploader stopped", "err", err)
	}
	stop()
	working.Wait()
}

// noteArchived records that nothing of the broadcast waits any more.
func (a *archiver) noteArchived(b *Broadcast) {
	if b.cfg.Retention.Replay == 0 || !b.recorded() {
		return
	}
	a.rec.Archived()
	if header := a.up.Header(); a.up.Permission() < archive.MustLeave {
		b.replays.add(header, header.Ended.Add(b.cfg.Retention.Replay))
		b.report(Change{Kind: ReplayReady, At: time.Now()})
	}
}

// failing returns why the broadcast cannot be archived now, and since when; nil when it can.
func (a *archiver) failing() (since time.Time, err error) {
	if a.rec == nil {
		return time.Time{}, nil
	}
	diskSince, disk := a.rec.Failing()
	since, err = a.up.Failing()
	if disk != nil && (err == nil || diskSince.Before(since)) {
		since = diskSince
	}
	return since, errors.Join(disk, err)
}

// lag returns how long the oldest segment has waited that is not archived yet.
func (a *archiver) lag() time.Duration {
	if a.rec == nil {
		return 0
	}
	return a.rec.Lag()
}
