package broadcast

import (
	"context"
	"errors"
	"time"

	"golive/storage"
)

// note keeps the manifest on the local disk as it is now, so that a restart knows of
// every publication, and of the end, even while the bucket is away.
func (b *Broadcast) note() {
	if b.stores.Local == nil || len(b.shelf.manifest.Load().Sessions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
	defer cancel()
	o := b.shelf.live()
	o.Volatile = true
	if err := b.stores.Local.Put(ctx, o); err != nil {
		b.log.Warn("state of the broadcast was not noted for a restart", "err", err)
	}
}

const (
	// noteTimeout bounds a write to the local disk that somebody waits for.
	noteTimeout = 5 * time.Second
	// sweepTimeout bounds the deletion of what a broadcast leaves behind. What is left
	// then a Sweeper finds.
	sweepTimeout = time.Minute
)

// sweep deletes what only a restart would need, the copies on the local disk, and,
// when no other broadcast has put its own there, the live playlists. Segments the
// Archiver has deleted, or a Sweeper will; but an earlier run may have left some that
// nothing names.
func (b *Broadcast) sweep(alone bool) {
	switch {
	case b.shelf.claim == continued:
	case b.shelf.replay != nil:
		b.dismantle()
		if alone && b.shelf.claim == unclaimed {
			b.remove(b.shelf.playlistKeys()...)
		}
	default:
		if alone && b.shelf.claim == unclaimed {
			b.remove(b.shelf.playlistKeys()...)
		}
		if b.resumed != nil {
			b.sweepSegments(b.stores.Bucket)
		}
		b.dismantle() // last: nothing else makes the rest findable
	}
	b.clearLocal(alone)
}

// dismantle deletes what only a restart needs: first the manifest by which it, or
// another server, would end the broadcast once more.
func (b *Broadcast) dismantle() {
	m := b.shelf.manifest.Load()
	b.remove(b.shelf.layout.Live(m.ID, m.Token))
	b.clean("journal", func(ctx context.Context) error {
		return b.shelf.layout.SweepJournal(ctx, b.stores.Bucket, *m)
	})
}

// clearLocal lets go of what only a live broadcast needs of a disk beside the bucket.
func (b *Broadcast) clearLocal(alone bool) {
	local := b.shelf.local
	if local == nil {
		return
	}
	b.sweepSegments(local)
	m := b.shelf.manifest.Load()
	b.clean("local copies", func(ctx context.Context) error {
		err := b.shelf.layout.SweepJournal(ctx, local, *m)
		err = errors.Join(err, local.Delete(ctx, b.shelf.layout.Live(m.ID, m.Token)))
		if alone {
			for _, key := range b.shelf.playlistKeys() {
				err = errors.Join(err, local.Delete(ctx, key))
			}
		}
		return err
	})
}

func (b *Broadcast) sweepSegments(bucket storage.Bucket) {
	b.clean("segments", func(ctx context.Context) error {
		return b.shelf.layout.SweepSegments(ctx, bucket, *b.shelf.manifest.Load())
	})
}

func (b *Broadcast) remove(keys ...string) {
	b.clean("objects", func(ctx context.Context) (err error) {
		for _, key := range keys {
			err = errors.Join(err, b.stores.Bucket.Delete(ctx, key))
		}
		return err
	})
}

func (b *Broadcast) clean(what string, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), sweepTimeout)
	defer cancel()
	if err := f(ctx); err != nil {
		b.log.Warn("leftovers of an ended broadcast were not deleted", "what", what, "err", err)
	}
}
