package broadcast

import (
	"context"
	"errors"

	"golive/archive"
	"golive/storage"
)

// hasOwner reports whether a node has the broadcasts of the id: this one, or one with a lease.
func (h *Hub) hasOwner(id string) bool {
	for _, b := range h.allSupervised() {
		if b.id == id {
			return true
		}
	}
	return h.cfg.Ownership.Awaits(id)
}

// endAbandoned ends a broadcast whose node is gone, as that node would after a restart, from what
// the bucket has of it. It waits until that is done: there may be many.
func (h *Hub) endAbandoned(ctx context.Context, n archive.Named) error {
	f, err := archive.Find(ctx, h.stores.Bucket, h.layout, h.cfg.Playlist.Window, n.ID, n.Token)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return h.stores.Bucket.Delete(ctx, n.Key)
	case err != nil:
		return err
	case h.cfg.Retention.Replay == 0 || !f.Resumable():
		_, err := h.layout.Sweep(ctx, h.stores.Bucket, f.Header, n.Key, true)
		return err
	}
	if f.Ended.IsZero() {
		f.Ended = f.LastAt
	}
	h.mu.Lock()
	if h.closing || (*h.broadcasts.Load())[n.ID] != nil {
		h.mu.Unlock()
		return nil // a publisher has just come
	}
	b := h.resume(f)
	h.mu.Unlock()
	b.log.Info("broadcast of a node that is gone is ended")
	select {
	case <-b.archiver.Load().drained():
	case <-ctx.Done():
	}
	return nil
}
