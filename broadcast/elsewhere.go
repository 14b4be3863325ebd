package broadcast

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"golive/playlist"
	"golive/storage"
	"golive/storage/catalog"
)

// lookUpTimeout is how long a new publisher waits for the bucket to say whether
// another server began the broadcast. A store that does not answer must not keep
// anybody from going live.
const lookUpTimeout = 3 * time.Second

// lookUp is what another server left of the broadcast in the bucket, without its
// journal; nil when there is nothing, or when it cannot be read.
func (h *Hub) lookUp(ctx context.Context, id string) *leftover {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	l, err := h.readElsewhere(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotExist) {
		h.log.Warn("broadcast begins anew: it is not known whether another server began it", "broadcast", id, "err", err)
	}
	return l
}

// readElsewhere reads what belongs to the stored playlist. Without its manifest
// the broadcast cannot be gone on with, but its numbers can.
func (h *Hub) readElsewhere(ctx context.Context, id string) (l *leftover, err error) {
	text, err := catalog.ReadText(ctx, h.stores.Bucket, h.layout.Media(id, SourceRendition, catalog.PlaylistName), maxStoredPlaylist)
	if err != nil {
		return nil, err
	}
	list, err := playlist.ParseArchive(text)
	if err != nil {
		return nil, err
	}
	m, err := h.layout.ReadLive(ctx, h.stores.Bucket, id, catalog.Owner(text))
	if err != nil {
		list.Ended = true
		return &leftover{list: list}, err
	}
	defer func() {
		if l != nil {
			l.index = text
		}
	}()
	r := reader{sources: []storage.Bucket{h.stores.Bucket}, layout: h.layout, log: h.log}
	if l, err := r.leftover(ctx, m); err == nil && l.last() >= 0 {
		return l, nil
	}
	return &leftover{manifest: m, list: list, unread: true}, nil
}

// lastPage is the number of the page that keeps the end of a broadcast's live playlist
// when another broadcast takes the id over: after all that a journal has.
const lastPage = 99_999_999

// lastWords is the live playlist of a broadcast that is not gone on with, as a page of
// its journal: whoever ends it needs to know what it had listed last.
func (h *Hub) lastWords(l *leftover) *storage.Object {
	if l.index == nil || l.manifest.Token == "" {
		return nil
	}
	return &storage.Object{
		Key:          h.layout.Journal(l.manifest.ID, SourceRendition, l.manifest.Token, lastPage),
		Slabs:        [][]byte{l.index},
		ContentType:  storage.PlaylistType,
		CacheControl: playlistMaxAge,
	}
}

// resumable says whether the broadcast goes on: players were not told of its end,
// and its publisher is back in time.
func (h *Hub) resumable(l *leftover) bool {
	return l.last() >= 0 && !l.ended() && time.Since(l.end()) < h.cfg.ReconnectWindow
}

// endAbandoned ends a broadcast that no server tends any more, in the bucket alone:
// its replay is what was stored of it.
func (h *Hub) endAbandoned(ctx context.Context, f catalog.Found) error {
	for _, b := range h.tends() {
		if b.shelf.token() == f.Token {
			return nil
		}
	}
	if _, err := catalog.ReadHead(ctx, h.stores.Bucket, h.layout.ReplayOf(f.ID, f.Token)); err == nil {
		// It has been ended: only its manifest was not deleted.
		return errors.Join(h.stores.Bucket.Delete(ctx, f.Key), h.layout.SweepJournal(ctx, h.stores.Bucket, f.Manifest))
	} else if !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	if h.cfg.Retention.Replay == 0 {
		_, err := h.layout.Sweep(ctx, h.stores.Bucket, f)
		return err
	}
	r := reader{sources: []storage.Bucket{h.stores.Bucket}, layout: h.layout, log: h.log}
	l, err := r.whole(ctx, f.Manifest)
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
	newer, err := displacement(ctx, h.stores.Bucket, h.layout, f.Manifest)
	if err != nil {
		return err
	}
	if newer {
		s.claim = displaced
	}
	s.finish(s.replay.End(), time.Now())
	for _, o := range s.replayObjects(time.Now()) {
		if err := h.stores.Bucket.Put(ctx, o); err != nil {
			return err
		}
	}
	h.log.Info("abandoned broadcast ended", "broadcast", f.ID, "segments", s.replay.Len())
	// What makes it findable has been put; what would make it be ended again goes first.
	err = h.stores.Bucket.Delete(ctx, f.Key)
	err = errors.Join(err, h.layout.SweepJournal(ctx, h.stores.Bucket, f.Manifest))
	if s.claim == unclaimed {
		for _, key := range s.playlistKeys() {
			err = errors.Join(err, h.stores.Bucket.Delete(ctx, key))
		}
	}
	return err
}

// tends are all broadcasts whose objects in the bucket this Hub works on.
func (h *Hub) tends() []*Broadcast {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.tended))
}
