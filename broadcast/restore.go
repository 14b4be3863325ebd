package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golive/media"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
	"golive/storage/catalog"
)

// unstored is how many segments a server that was killed may have shown to
// players without storing or spooling them: the open one, the one being stored,
// one more.
const unstored = 3

// Restore takes up the broadcasts that another run of this server left. One whose
// publisher may still come back waits for it; any other gets its end. What is
// spooled goes to the bucket in both cases. It is called before Run.
func (h *Hub) Restore(ctx context.Context) error {
	if h.stores.Local == nil {
		return nil
	}
	spooled := h.loadSpool()
	lives, err := h.layout.Lives(ctx, h.stores.Local)
	for i, f := range lives {
		newest := !containsID(lives[i+1:], f.ID)
		if one := h.restore(ctx, f.Manifest, spooled, newest); one != nil {
			err = errors.Join(err, fmt.Errorf("broadcast %s is not taken up: %w", f.ID, one))
		}
	}
	for id, entries := range spooled {
		// Nothing describes it but the segments themselves.
		m := catalog.Manifest{
			ID: id, Token: sessionToken(), Renditions: []string{SourceRendition}, Began: entries[0].Segment.ProgramDateTime,
		}
		h.log.Warn("spooled segments have no manifest", "broadcast", id, "count", len(entries))
		if one := h.restore(ctx, m, spooled, true); one != nil {
			err = errors.Join(err, fmt.Errorf("broadcast %s is not taken up: %w", id, one))
		}
	}
	return err
}

func containsID(list []catalog.Found, id string) bool {
	for _, f := range list {
		if f.ID == id {
			return true
		}
	}
	return false
}

// loadSpool is what is in the spool, by broadcast.
func (h *Hub) loadSpool() map[string][]*storage.Spooled {
	all := make(map[string][]*storage.Spooled)
	if h.stores.Spool == nil {
		return all
	}
	for _, id := range h.stores.Spool.Broadcasts() {
		all[id] = h.stores.Spool.Load(id)
	}
	return all
}

// restore takes up one broadcast, and takes what is its own out of spooled: the
// segments of its sessions, and with the newest broadcast under the id those that
// no manifest knows.
func (h *Hub) restore(ctx context.Context, m catalog.Manifest, spooled map[string][]*storage.Spooled, newest bool) error {
	l, err := readLeftover(ctx, h.stores.Local, h.layout, m)
	if err != nil {
		delete(spooled, m.ID) // it waits for the next start
		return err
	}
	var others []*storage.Spooled
	for _, e := range spooled[m.ID] {
		switch {
		case !newest && !m.Has(e.Segment.Session):
			others = append(others, e)
		case !l.adopt(e):
			err = errors.Join(err, h.stores.Spool.Remove(e))
		}
	}
	if spooled[m.ID] = others; len(others) == 0 {
		delete(spooled, m.ID)
	}
	if l.last() < 0 { // nobody has seen anything of it
		return errors.Join(err, h.stores.Bucket.Delete(ctx, h.layout.Live(m.ID, m.Token)))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resume(l) //nolint:contextcheck // a broadcast outlives the start of the server
	return err
}

// resume starts the broadcast where the leftover ends; the caller holds mu.
func (h *Hub) resume(l *leftover) *Broadcast {
	b := newBroadcast(l.manifest, h, l.numbering(), h.predecessor(l.manifest.ID))
	b.began = l.manifest.Began
	if l.multivariant != nil {
		b.program.multivariant.Store(playlist.NewText(l.multivariant))
	}
	b.resumed = b.takeUp(l, time.Now())
	h.start(b)
	return b
}

// resumption is how a broadcast of an earlier run goes on.
type resumption struct {
	// reason is why it has to end at once, and at when it ended; empty when its
	// publisher may come back.
	reason string
	at     time.Time
	// left is how much of the reconnect window is left.
	left time.Duration
}

// numbering is where a rendition goes on after the leftover.
func (l *leftover) numbering() numbering {
	c := l.list.Constants
	return numbering{
		segmenter: segmenter.Resume{NextMSN: l.last() + 1, Format: &segmenter.Format{Target: c.Target, PartTarget: c.PartTarget}},
		window:    playlist.Start{DiscontinuitySequence: l.list.DiscontinuitySequence},
	}
}

// takeUp puts the broadcast in the state in which an earlier run left it, before
// anybody can find it.
func (b *Broadcast) takeUp(l *leftover, now time.Time) *resumption {
	b.program.restore(l)
	b.shelf.restore(l, now)
	end := l.end()
	// The clock may have been set back, or the encoder's may have run ahead.
	left := b.cfg.ReconnectWindow - max(0, now.Sub(end))
	switch {
	case !l.manifest.Ended.IsZero():
		return &resumption{reason: endedLost, at: l.manifest.Ended}
	case l.list.Ended || left <= 0:
		return &resumption{reason: endedLost, at: end}
	}
	for _, s := range b.program.fillGap(now, unstored) {
		b.shelf.archiver.Skip(b.program.name, s)
	}
	b.state.Store(int32(Reconnecting))
	b.log.Info("broadcast taken up", "segments", len(l.list.Segments), "spooled", len(l.rest), "reconnect_window", left)
	return &resumption{left: left}
}

// restore fills the window with what is stored, or will be.
func (p *program) restore(l *leftover) {
	w := playlist.NewWindow(p.cfg.Playlist, l.list.Constants, p.start)
	w.Restore(l.list.Segments)
	for _, r := range l.rest {
		w.Restore(r.missing)
		w.Restore([]*media.Segment{r.spooled.Segment})
	}
	w.Commit()
	p.window.Store(w)
}

// restore takes in what the bucket has, and queues what it has not.
func (s *shelf) restore(l *leftover, now time.Time) {
	s.begin(l.list.Constants, now)
	s.touched = time.Time{}
	if s.replay != nil {
		l.recall(s.replay)
		s.recorded = s.replay.Last()
		s.oldest = playlist.PageOf(max(0, s.replay.First()))
	}
	for _, seg := range l.list.Segments {
		s.add(seg, seg.Size == 0, now)
	}
	for i, r := range l.rest {
		for _, seg := range r.missing {
			s.archiver.Skip(s.rendition, seg)
		}
		if i == 0 {
			s.archiver.Recover(r.spooled, s.live(l.manifest))
		} else {
			s.archiver.Recover(r.spooled)
		}
	}
}

// recall enters the journal into the replay.
func (l *leftover) recall(r *playlist.Replay) {
	for _, page := range l.journal {
		for _, seg := range page.Segments {
			r.Add(seg, seg.Size == 0)
		}
	}
}

// fillGap lists the time up to now as lost, in the window and in the numbering, in
// at least least segments. Only while nobody publishes.
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
