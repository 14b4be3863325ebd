package broadcast

import (
	"context"
	"errors"
	"sync"
	"time"

	"golive/archive"
)

// keeper keeps the record of a broadcast: on the local disk, and from there in a bucket.
type keeper struct {
	rec   *archive.Recording
	up    *archive.Uploader
	index *index
	done  chan struct{} // closed when run has returned
}

// newKeeper makes the keeper of a broadcast that is being opened; nil where nothing
// outlives the process.
func newKeeper(b *Broadcast, f *archive.Recovered, takenOver bool) *keeper {
	local := b.stores.Local
	if local == nil {
		return nil
	}
	k := &keeper{done: make(chan struct{})}
	written := func(rendition string, s *archive.Segment) {
		if e := b.Window(rendition).Snapshot().Entry(s.Publication, s.MSN); e != nil {
			e.Stored()
		}
	}
	if f == nil {
		k.rec = local.NewRecording(*b.meta.Load(), written, b.log)
	} else {
		k.rec = local.Resume(f, written, b.log)
	}
	k.index = newIndex(b, f)
	cfg := archive.UploaderConfig{
		Layout:      b.cfg.layout(),
		TakenOver:   takenOver,
		Hold:        b.opening.hold,
		PutInterval: b.stores.PutInterval,
	}
	if b.stores.shared() {
		cfg.Permission = b.permission
	}
	k.up = archive.NewUploader(cfg, k.rec, b.stores.Bucket, k.index, b.log)
	k.index.up = k.up
	return k
}

// run works until all is kept, or ctx is done and what was offered is on the local disk.
func (k *keeper) run(ctx context.Context, b *Broadcast) {
	defer close(k.done)
	recording, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var working sync.WaitGroup
	working.Go(func() {
		if err := k.rec.Run(recording); err != nil {
			b.log.Error("broadcast was not recorded whole", "err", err)
		}
	})
	var noting sync.WaitGroup
	noting.Go(func() {
		select {
		case <-k.up.Drained():
		case <-ctx.Done():
		}
		k.noteArchived(b)
	})
	if err := k.up.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		b.log.Error("uploader stopped", "err", err)
	}
	noting.Wait()
	stop()
	working.Wait()
}

// noteArchived records that nothing of the broadcast waits any more, if that is so: a
// shutdown may end the wait just then.
func (k *keeper) noteArchived(b *Broadcast) {
	select {
	case <-k.up.Drained():
	default:
		return
	}
	if b.cfg.Retention.Replay == 0 {
		return
	}
	k.rec.Archived()
	if k.up.Claim() != archive.Continued {
		b.kept(k.up.Header())
	}
}

// drained is closed when all of the broadcast is in the bucket.
func (k *keeper) drained() <-chan struct{} {
	if k == nil {
		return closedChannel()
	}
	return k.up.Drained()
}

// stored is closed when another node can go on with the broadcast from the bucket.
func (k *keeper) stored() <-chan struct{} {
	if k == nil {
		return closedChannel()
	}
	return k.up.Stored()
}

// stopped is closed when run has returned.
func (k *keeper) stopped() <-chan struct{} {
	if k == nil {
		return closedChannel()
	}
	return k.done
}

func closedChannel() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// failing returns what keeps the broadcast from being kept, and since when; nil when
// all is well.
func (k *keeper) failing() (since time.Time, err error) {
	if k == nil {
		return time.Time{}, nil
	}
	diskSince, disk := k.rec.Failing()
	bucketSince, bucket := k.up.Failing()
	switch {
	case disk == nil:
		return bucketSince, bucket
	case bucket == nil || diskSince.Before(bucketSince):
		return diskSince, errors.Join(disk, bucket)
	}
	return bucketSince, errors.Join(disk, bucket)
}

// lag is how long the oldest segment has waited that is not kept yet.
func (k *keeper) lag() time.Duration {
	if k == nil {
		return 0
	}
	return k.rec.Lag()
}
