package broadcast

import (
	"context"
	"errors"
	"time"

	"golive/playlist"
	"golive/storage"
	"golive/storage/catalog"
)

// lookUpTimeout is how long a new publisher waits for the bucket to say whether
// another server began the broadcast. A store that does not answer must not keep
// anybody from going live.
const lookUpTimeout = 3 * time.Second

// lookUp is what another server left of the broadcast in the bucket; nil when
// there is nothing, or when it cannot be read.
func (h *Hub) lookUp(ctx context.Context, id string) *leftover {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	text, err := catalog.ReadText(ctx, h.stores.Bucket, h.layout.Media(id, SourceRendition, catalog.PlaylistName), maxStoredPlaylist)
	if errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	var l *leftover
	if err == nil {
		l, err = h.readElsewhere(ctx, id, text)
	}
	if err != nil {
		h.log.Warn("broadcast begins anew: it is not known whether another server began it", "broadcast", id, "err", err)
		return nil
	}
	return l
}

// readElsewhere reads what belongs to the stored playlist. Without its manifest
// the broadcast cannot be gone on with, but its numbers can.
func (h *Hub) readElsewhere(ctx context.Context, id string, text []byte) (*leftover, error) {
	m, err := h.layout.ReadLive(ctx, h.stores.Bucket, id, catalog.Owner(text))
	if err == nil {
		return readLeftover(ctx, h.stores.Bucket, h.layout, m)
	}
	if !errors.Is(err, storage.ErrNotExist) {
		return nil, err
	}
	list, err := playlist.ParseArchive(text)
	if err != nil {
		return nil, err
	}
	list.Ended = true
	return &leftover{list: list}, nil
}

// resumable says whether the broadcast goes on: players were not told of its end,
// and its publisher is back in time.
func (h *Hub) resumable(l *leftover) bool {
	return l.last() >= 0 && !l.ended() && time.Since(l.end()) < h.cfg.ReconnectWindow
}

// endAbandoned ends a broadcast that no server tends any more, in the bucket alone:
// its replay is what was stored of it.
func (h *Hub) endAbandoned(ctx context.Context, f catalog.Found) error {
	if h.tends(f.Token) {
		return nil
	}
	if h.cfg.Retention.Replay == 0 {
		_, err := h.layout.Sweep(ctx, h.stores.Bucket, f)
		return err
	}
	l, err := readLeftover(ctx, h.stores.Bucket, h.layout, f.Manifest)
	if err != nil {
		return err
	}
	s := newShelf(h.cfg, f.Manifest, playlist.Start{})
	s.replay = playlist.NewReplay(l.list.Constants, s.rendition+"/")
	l.recall(s.replay)
	for _, seg := range l.list.Segments {
		s.replay.Add(seg, seg.Size == 0)
	}
	if s.replay.Len() == 0 {
		_, err := h.layout.Sweep(ctx, h.stores.Bucket, f)
		return err
	}
	s.recorded, s.oldest = s.replay.Last(), playlist.PageOf(s.replay.First())
	s.finish(s.replay.End(), time.Now())
	objects, gone := s.replayObjects(time.Now()), s.scaffold()
	if len(l.list.Segments) > 0 {
		gone = append(s.playlistKeys(), gone...)
	} else {
		objects = objects[:len(objects)-1] // a later broadcast has the id, and its own replay
	}
	for _, o := range objects {
		if err := h.stores.Bucket.Put(ctx, o); err != nil {
			return err
		}
	}
	h.log.Info("abandoned broadcast ended", "broadcast", f.ID, "segments", s.replay.Len())
	for _, key := range gone {
		err = errors.Join(err, h.stores.Bucket.Delete(ctx, key))
	}
	return err
}

// tends says whether the broadcast with that token is this Hub's own.
func (h *Hub) tends(token string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, all := range []map[string]*Broadcast{*h.broadcasts.Load(), h.forgotten} {
		for _, b := range all {
			if b.shelf.token() == token {
				return true
			}
		}
	}
	return false
}
