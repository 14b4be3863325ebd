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
	rec   *archive.Recording
	up    *archive.Uploader
	index *index
	done  chan struct{} // closed when run has returned
}

// newArchiver makes the archiver of a broadcast that is being opened; nil where nothing
// outlives the process.
func newArchiver(b *Broadcast, f *archive.Recovered, takenOver bool) *archiver {
	local := b.stores.Local
	if local == nil {
		return nil
	}
	a := &archiver{done: make(chan struct{})}
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
		PutInterval: b.stores.PutInterval,
	}
	if b.stores.shared() {
		cfg.Permission = b.permission
	}
	a.up = archive.NewUploader(cfg, a.rec, b.stores.Bucket, a.index, b.log)
	a.index.up = a.up
	return a
}

// run works until everything is archived, or ctx is done and what was offered is on the local disk.
func (a *archiver) run(ctx context.Context, b *Broadcast) {
	defer close(a.done)
	recording, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var working sync.WaitGroup
	working.Go(func() {
		if err := a.rec.Run(recording); err != nil {
			b.log.Error("broadcast was not recorded whole", "err", err)
		}
	})
	var noting sync.WaitGroup
	noting.Go(func() {
		select {
		case <-a.up.Drained():
		case <-ctx.Done():
		}
		a.noteArchived(b)
	})
	if err := a.up.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		b.log.Error("uploader stopped", "err", err)
	}
	noting.Wait()
	stop()
	working.Wait()
}

// noteArchived records that nothing of the broadcast waits any more, if the Uploader has
// drained: a shutdown may end the wait earlier.
func (a *archiver) noteArchived(b *Broadcast) {
	select {
	case <-a.up.Drained():
	default:
		return
	}
	if b.cfg.Retention.Replay == 0 || !b.recorded() {
		return
	}
	a.rec.Archived()
	if a.up.Claim() != archive.Continued {
		b.onStored(a.up.Header())
	}
}

// drained is closed when all of the broadcast is in the bucket.
func (a *archiver) drained() <-chan struct{} {
	if a == nil {
		return closedChannel()
	}
	return a.up.Drained()
}

// stored is closed when another node can continue the broadcast from the bucket.
func (a *archiver) stored() <-chan struct{} {
	if a == nil {
		return closedChannel()
	}
	return a.up.Stored()
}

// stopped is closed when run has returned.
func (a *archiver) stopped() <-chan struct{} {
	if a == nil {
		return closedChannel()
	}
	return a.done
}

func closedChannel() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// failing returns why the broadcast cannot be archived now, and since when; nil when it can.
func (a *archiver) failing() (since time.Time, err error) {
	if a == nil {
		return time.Time{}, nil
	}
	diskSince, disk := a.rec.Failing()
	bucketSince, bucket := a.up.Failing()
	switch {
	case disk == nil:
		return bucketSince, bucket
	case bucket == nil || diskSince.Before(bucketSince):
		return diskSince, errors.Join(disk, bucket)
	}
	return bucketSince, errors.Join(disk, bucket)
}

// lag returns how long the oldest segment has waited that is not archived yet.
func (a *archiver) lag() time.Duration {
	if a == nil {
		return 0
	}
	return a.rec.Lag()
}
