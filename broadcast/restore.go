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
	for _, f := range lives {
		if one := h.restore(ctx, f.Manifest, spooled); one != nil {
			err = errors.Join(err, fmt.Errorf("broadcast %s is not taken up: %w", f.ID, one))
		}
	}
	for id, entries := range spooled {
		// Nothing describes them but the segments themselves.
		h.log.Warn("spooled segments have no manifest", "broadcast", id, "count", len(entries))
		m := h.newManifest(id)
		m.Began = entries[0].Segment.ProgramDateTime
		for _, e := range entries {
			if !m.Has(e.Segment.Session) {
				m = m.WithSession(e.Segment.Session)
			}
		}
		if one := h.restore(ctx, m, spooled); one != nil {
			err = errors.Join(err, fmt.Errorf("broadcast %s is not taken up: %w", id, one))
		}
	}
	return err
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

// restore takes up one broadcast, and takes the segments of its sessions out of
// spooled.
func (h *Hub) restore(ctx context.Context, m catalog.Manifest, spooled map[string][]*storage.Spooled) error {
	var own, others []*storage.Spooled
	for _, e := range spooled[m.ID] {
		if m.Has(e.Segment.Session) {
			own = append(own, e)
		} else {
			others = append(others, e)
		}
	}
	if spooled[m.ID] = others; len(others) == 0 {
		delete(spooled, m.ID)
	}
	l, err := h.reader().leftover(ctx, m)
	if err != nil {
		return err // all of it waits for the next start
	}
	if err := h.reader().readJournal(ctx, l); err != nil {
		if len(l.list.Segments)+len(own) == 0 {
			return err
		}
		h.log.Warn("what a replay needs is read when the bucket is back", "broadcast", m.ID, "err", err)
	}
	for _, e := range own {
		if !l.adopt(e) { // the bucket has it, and the playlist names it
			err = errors.Join(err, h.stores.Spool.Remove(e))
		}
	}
	switch {
	case l.last() >= 0:
	case len(m.Sessions) == 0: // nobody has seen anything of it
		return errors.Join(err, h.stores.Bucket.Delete(ctx, h.layout.Live(m.ID, m.Token)))
	default: // of which nothing is left here; a Sweeper ends it when nobody else does
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resume(l) //nolint:contextcheck // a broadcast outlives the start of the server
	return err
}

// reader reads what this node had, or the bucket has.
func (h *Hub) reader() reader {
	r := reader{layout: h.layout, log: h.log, sources: []storage.Bucket{h.stores.Local}}
	if h.stores.Shared {
		r.sources = append(r.sources, h.stores.Bucket)
	}
	return r
}

// resume starts the broadcast where the leftover ends; the caller holds mu.
func (h *Hub) resume(l *leftover) *Broadcast {
	b := newBroadcast(l.manifest, h, l.numbering(), preparation{before: h.predecessor(l.manifest.ID), journal: l.unread})
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
	// leftover is what it had; its journal may still be unread.
	leftover *leftover
}

// numbering is where a rendition goes on that lists the leftover.
func (l *leftover) numbering() numbering {
	c := l.list.Constants
	return numbering{
		segmenter: segmenter.Resume{NextMSN: l.last() + 1, Format: &segmenter.Format{Target: c.Target, PartTarget: c.PartTarget}},
		window:    playlist.Start{DiscontinuitySequence: l.list.DiscontinuitySequence},
	}
}

// afterwards is where another broadcast begins under the same id: after all that
// players may have seen, and with new targets.
func (l *leftover) afterwards() numbering {
	return numbering{
		segmenter: segmenter.Resume{NextMSN: l.last() + 1 + unstored},
		window:    playlist.Start{DiscontinuitySequence: l.list.DiscontinuitySequence + discontinuities(l.list.Segments)},
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
		return &resumption{reason: endedLost, at: l.manifest.Ended, leftover: l}
	case l.list.Ended || left <= 0:
		return &resumption{reason: endedLost, at: end, leftover: l}
	}
	for _, s := range b.program.fillGap(now, unstored) {
		b.shelf.archiver.Skip(b.program.name, s)
	}
	b.state.Store(int32(Reconnecting))
	b.log.Info("broadcast taken up", "segments", len(l.list.Segments), "spooled", len(l.rest), "reconnect_window", left)
	return &resumption{left: left, leftover: l}
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
	s.touched, s.resumed = time.Time{}, true
	s.acknowledged = len(l.list.Segments) > 0 || len(l.journal) > 0
	for _, seg := range l.list.Segments {
		s.add(seg, seg.Size == 0, now)
	}
	if !l.unread {
		s.recall(l, now)
	}
	for _, r := range l.rest {
		for _, seg := range r.missing {
			s.archiver.Skip(s.rendition, seg)
		}
		s.archiver.Recover(r.spooled)
	}
}

// recall takes in what the bucket has for the replay, before the Archiver works.
func (s *shelf) recall(l *leftover, now time.Time) {
	if s.replay == nil {
		return
	}
	l.recall(s.replay)
	s.recorded = s.replay.Last()
	if s.replay.Len() > 0 {
		s.oldest = playlist.PageOf(s.replay.First())
	}
	for _, seg := range l.list.Segments {
		s.record(seg, seg.Size == 0, now)
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
