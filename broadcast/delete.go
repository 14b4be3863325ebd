package broadcast

import (
	"context"
	"errors"
	"fmt"

	"golive/archive"
	"golive/ingest"
	"golive/storage"
)

// ErrElsewhere is returned for a broadcast that another node has.
var ErrElsewhere = errors.New("another node has the broadcast")

// End ends the broadcast of that id at once, if this node has it: its publisher is told the reason,
// and players are shown the end. It does not wait for that, and returns false if there is nothing
// to end.
func (h *Hub) End(id, reason string) bool {
	b := (*h.broadcasts.Load())[id]
	if b == nil || isClosed(b.ended) {
		return false
	}
	select {
	case b.requests <- reason:
	default: // it is ending
	}
	return true
}

// Delete deletes all broadcasts of that id, with their segments, replays and pictures, in the bucket
// and on this node's disk. One that is live is ended first. What is left after an error is deleted
// by another call. The error is ErrElsewhere when another node has the broadcast, which must have
// been ended and stored there before.
func (h *Hub) Delete(ctx context.Context, id string) error {
	h.End(id, "it was deleted")
	for _, b := range h.allSupervised() {
		if b.id != id {
			continue
		}
		select {
		case b.deleted <- struct{}{}:
		default: // there is a token already
		}
		// Nothing may be written after it was deleted.
		select {
		case <-b.swept:
		case <-h.quit:
			return ingest.ErrClosing
		case <-ctx.Done():
			return fmt.Errorf("delete broadcast %s: it is not stored yet: %w", id, context.Cause(ctx))
		}
	}
	if h.cfg.Ownership.Awaits(id) {
		return ErrElsewhere
	}
	if h.replays == nil {
		return nil
	}
	all, err := h.replays.all(ctx, id)
	if err != nil {
		return fmt.Errorf("delete broadcast %s: %w", id, err)
	}
	sweeper := h.sweeper()
	for _, n := range all {
		if n.Due.IsZero() {
			err = h.deleteAbandoned(ctx, n)
		} else {
			err = sweeper.Delete(ctx, n, "requested")
		}
		if err != nil && !errors.Is(err, storage.ErrNotExist) { // it has just been swept
			return fmt.Errorf("delete broadcast %s: %w", id, err)
		}
	}
	return nil
}

// deleteAbandoned deletes a broadcast that has not ended, and whose node is gone.
func (h *Hub) deleteAbandoned(ctx context.Context, n archive.ManifestKey) error {
	f, err := archive.Find(ctx, h.stores.Bucket, h.layout, h.cfg.Playlist.Window, n.ID, n.Token)
	if err != nil {
		return err
	}
	if _, err := h.layout.Sweep(ctx, h.stores.Bucket, f.Header, n.Key, true); err != nil {
		return err
	}
	h.replays.remove(f.Header)
	return nil
}
