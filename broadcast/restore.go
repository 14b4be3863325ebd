package broadcast

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"golive/media"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
)

// unstored is how many segments a server that was killed may have shown to
// players without storing them: the open one, the one being stored, one more.
const unstored = 3

// maxStoredPlaylist bounds what is read back, in bytes.
const maxStoredPlaylist = 4 << 20

// Restore takes up the broadcasts that another run of the server left in the
// bucket. One whose publisher may still come back waits for it; any other gets
// its end and, after the linger, is deleted. It is called before Run.
func (h *Hub) Restore(ctx context.Context) error {
	objects := make(map[string][]storage.Info) // by id
	var ids []string
	for info, err := range h.bucket.List(ctx, h.cfg.Prefix+"/") {
		if err != nil {
			return fmt.Errorf("list stored broadcasts: %w", err)
		}
		id, _, ok := strings.Cut(strings.TrimPrefix(info.Key, h.cfg.Prefix+"/"), "/")
		if !ok {
			continue
		}
		if objects[id] == nil {
			ids = append(ids, id)
		}
		objects[id] = append(objects[id], info)
	}
	for _, id := range ids {
		if err := h.restore(ctx, id, objects[id]); err != nil {
			h.log.Warn("stored broadcast was not taken up whole", "broadcast", id, "err", err)
		}
	}
	return nil
}

// restore takes up one broadcast. What its playlist does not list is deleted:
// uploaded just before the crash, or in its grace, it is of no use any more. A
// playlist that storage does not give now may be given the next time: then all
// stays where it is.
func (h *Hub) restore(ctx context.Context, id string, objects []storage.Info) error {
	text, err := h.read(ctx, path.Join(h.cfg.Prefix, id, SourceRendition, playlistName))
	if err != nil && !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	var from *playlist.Restored
	if err == nil {
		from, err = playlist.ParseArchive(text)
	}
	listed := make(map[string]bool)
	if err == nil {
		for _, s := range from.Segments {
			listed[path.Join(h.cfg.Prefix, id, SourceRendition, s.Name())] = true
		}
	}
	var orphans []string
	sizes := make(map[string]int64)
	for _, o := range objects {
		sizes[o.Key] = o.Size
		if !listed[o.Key] && (err != nil || !strings.HasSuffix(o.Key, "/"+playlistName)) {
			orphans = append(orphans, o.Key)
		}
	}
	if err == nil {
		for _, s := range from.Segments {
			if size := sizes[path.Join(h.cfg.Prefix, id, SourceRendition, s.Name())]; len(s.Parts) > 0 {
				s.Size, s.Parts[0].Size = size, size
			}
		}
		var multivariant []byte
		if multivariant, err = h.read(ctx, path.Join(h.cfg.Prefix, id, playlistName)); err != nil {
			multivariant = nil // it can be played all the same, by its media playlist
		}
		h.resume(id, from, multivariant) //nolint:contextcheck // a broadcast outlives the start of the server
	}
	for _, key := range orphans {
		err = errors.Join(err, h.bucket.Delete(ctx, key))
	}
	if len(orphans) > 0 {
		h.log.Info("leftovers of an earlier run were deleted", "broadcast", id, "objects", len(orphans))
	}
	return err
}

func (h *Hub) read(ctx context.Context, key string) ([]byte, error) {
	r, err := h.bucket.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxStoredPlaylist))
	return text, errors.Join(err, r.Close())
}

// resume starts the broadcast where the stored playlist ends.
func (h *Hub) resume(id string, from *playlist.Restored, multivariant []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := from.Segments[len(from.Segments)-1]
	b := newBroadcast(id, h, numbering{
		segmenter: segmenter.Resume{
			NextMSN: last.MSN + 1,
			Format:  &segmenter.Format{Target: from.Constants.Target, PartTarget: from.Constants.PartTarget},
		},
		window: playlist.Start{DiscontinuitySequence: from.DiscontinuitySequence},
	})
	b.restored, b.began = from, from.Segments[0].ProgramDateTime
	if multivariant != nil {
		b.program.multivariant.Store(playlist.NewText(multivariant))
	}
	h.start(b, nil)
}

// takeUp puts the broadcast in the state in which an earlier run left it. It
// returns why the broadcast has to end at once, or an empty reason and how much
// of the reconnect window is left.
func (b *Broadcast) takeUp(now time.Time) (reason string, left time.Duration) {
	from := b.restored
	b.restored = nil
	b.program.restore(from)
	b.shelf.list = playlist.NewArchive(from.Constants, b.cfg.Playlist.Window, b.shelf.start)
	for _, s := range from.Segments {
		b.shelf.add(s, s.Size == 0)
	}
	// The clock may have been set back, or the encoder's may have run ahead.
	left = b.cfg.ReconnectWindow - max(0, now.Sub(from.End()))
	if from.Ended || left <= 0 {
		return endedLost, 0
	}
	b.fillGap(now, unstored)
	b.state.Store(int32(Reconnecting))
	b.log.Info("broadcast taken up", "segments", len(from.Segments), "reconnect_window", left)
	return "", left
}

// fillGap lists the time up to now as lost, in at least least segments. Only while
// nobody publishes.
func (b *Broadcast) fillGap(now time.Time, least int) {
	for _, s := range b.program.fillGap(now, least) {
		b.shelf.archiver.Skip(b.program.name, s)
	}
}

// restore fills the window with what is stored.
func (p *program) restore(from *playlist.Restored) {
	w := playlist.NewWindow(p.cfg.Playlist, from.Constants, p.start)
	w.Restore(from.Segments)
	w.Commit()
	p.window.Store(w)
}

// fillGap lists the time up to now as lost, in the window and in the numbering.
func (p *program) fillGap(now time.Time, least int) []*media.Segment {
	w := p.window.Load()
	lost := w.FillGap(now, least)
	w.Commit()
	if n := len(lost); n > 0 {
		last := lost[n-1]
		p.segmenter.Skip(n, last.ProgramDateTime.Add(last.Duration.Duration()))
	}
	return lost
}
