package broadcast

import (
	"context"
	"errors"
	"slices"
	"time"

	"golive/archive"
	"golive/storage"
)

// endAbandoned ends a broadcast that no server works on any more, in the bucket alone. Its
// replay has what was stored of it.
func (h *Hub) endAbandoned(ctx context.Context, n archive.Named) error {
	if slices.ContainsFunc(h.allSupervised(), func(b *Broadcast) bool { return b.meta.Load().Token == n.Token }) {
		return nil
	}
	r, err := h.stores.Bucket.Get(ctx, h.layout.ReplayOf(n.ID, n.Token), 0, 0)
	if err == nil { // it has been ended: only its manifest was not deleted
		return errors.Join(r.Close(), h.stores.Bucket.Delete(ctx, n.Key))
	}
	if !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	live, err := archive.ReadManifest(ctx, h.stores.Bucket, n.Key)
	if err != nil {
		return err
	}
	f, err := archive.FindBroadcast(ctx, h.stores.Bucket, h.layout, h.cfg.Playlist.Window, live.Meta)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return h.stores.Bucket.Delete(ctx, n.Key)
	case err != nil:
		return err
	case h.cfg.Retention.Replay == 0 || !f.Resumable():
		_, err := h.layout.Sweep(ctx, h.stores.Bucket, f.Header, n.Key, true)
		return err
	}
	return h.endInBucket(ctx, f, n.Key)
}

// endInBucket puts the replay of a broadcast that no server works on any more.
func (h *Hub) endInBucket(ctx context.Context, f *archive.Recovered, manifest string) error {
	if f.Ended.IsZero() {
		f.Ended = f.LastAt
	}
	b := newBroadcast(f.Broadcast, h, opening{})
	b.ending.Store(&ending{at: f.Ended, announced: time.Now()})
	b.meta.Store(&f.Meta)
	x := newIndex(b, f)
	b.newRenditions(f, nil)
	if err := x.Begin(ctx); err != nil {
		return err
	}
	_, due := x.Ended(true)
	header := f.Header
	objects := append([]storage.Object{header.Object(h.layout.Due(due, f.Broadcast, f.Token))}, x.replays(f.Displaced)...)
	for _, o := range objects {
		if err := h.stores.Bucket.Put(ctx, o); err != nil {
			return err
		}
	}
	h.log.Info("abandoned broadcast ended", "broadcast", f.Broadcast)
	// The replay and its manifest are put. The manifest by which it would be ended again is
	// deleted first.
	err := h.stores.Bucket.Delete(ctx, manifest)
	if !f.Displaced {
		err = errors.Join(err, h.layout.SweepPlaylists(ctx, h.stores.Bucket, header))
	}
	return err
}
