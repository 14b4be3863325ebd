package broadcast

import (
	"context"
	"errors"
	"slices"
	"time"

	"golive/archive"
	"golive/media"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
)

// unstored is how many segments a server that was killed may have shown to players
// without recording them: the open one, the one being written, one more.
const unstored = 3

// Restore recovers the broadcasts that an earlier run of this server left, from its local
// logs alone. A broadcast waits for its publisher if the reconnect window has not passed;
// otherwise it ends.
// What waits for the bucket is uploaded in both cases. Restore is called before Run.
func (h *Hub) Restore(ctx context.Context) error {
	if h.stores.Local == nil {
		return nil
	}
	all, err := h.stores.Local.Recover(ctx)
	newest := map[string]*archive.Recovered{}
	for _, f := range all {
		newest[f.Broadcast] = f
	}
	for _, f := range all {
		switch {
		case f.Archived && !h.stores.Local.Uploaded(): // its manifest has the time at which it is deleted
		case f.Archived, !f.Resumable():
			if _, one := h.layout.Sweep(ctx, h.stores.Local.Files(), f.Header, "", newest[f.Broadcast] == f); one != nil {
				err = errors.Join(err, one)
			}
		default:
			if newest[f.Broadcast] != f && f.Ended.IsZero() {
				f.Ended = f.LastAt // another one has begun since
			}
			h.mu.Lock()
			h.resume(f, newest[f.Broadcast] != f) //nolint:contextcheck // a broadcast outlives the start of the server
			h.mu.Unlock()
		}
	}
	return err
}

// resume starts the broadcast where its log ends; superseded is true when there is a newer one of
// the id. The caller holds mu.
func (h *Hub) resume(f *archive.Recovered, superseded bool) *Broadcast {
	b := newBroadcast(f.Broadcast, h, opening{hold: h.predecessor(f.Broadcast)})
	b.lease = h.cfg.Ownership.Claim(f.Broadcast, true)
	b.superseded = superseded
	b.open(f, false)
	b.resumed = b.resume(f, time.Now())
	h.start(b)
	return b
}

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
func (h *Hub) endAbandoned(ctx context.Context, n archive.ManifestKey) error {
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
	b := h.resume(f, false) //nolint:contextcheck // a broadcast outlives the sweep
	h.mu.Unlock()
	b.log.Info("broadcast of a node that is gone is ended")
	select {
	case <-b.archiver.Load().drained:
	case <-ctx.Done():
	}
	return nil
}

// resumption is how a broadcast of an earlier run continues.
type resumption struct {
	// reason is why it has to end at once, and at when it ended; empty when its
	// publisher may return.
	reason string
	at     time.Time
	// remaining is the rest of the reconnect window.
	remaining time.Duration
}

// resume puts the broadcast in the state in which an earlier run left it, before the Hub
// lists it.
func (b *Broadcast) resume(f *archive.Recovered, now time.Time) *resumption {
	// The clock may have been set back.
	remaining := b.cfg.ReconnectWindow - max(0, now.Sub(f.LastAt))
	switch {
	case !f.Ended.IsZero():
		return &resumption{reason: endedLost, at: f.Ended}
	case remaining <= 0:
		return &resumption{reason: endedLost, at: f.LastAt}
	}
	b.fillGap(now)
	b.transition(Reconnecting, now, "")
	b.log.Info("broadcast recovered", "segments", len(f.Segments[SourceRendition]), "reconnect_window", remaining)
	return &resumption{remaining: remaining}
}

// startAfter returns where another broadcast begins under the id of f: after all that
// players may have seen, and with new targets.
func startAfter(f *archive.Recovered) (from numbering) {
	for _, p := range f.Positions { // a rung's last records may be those that are left
		from.segmenter.NextMSN = max(from.segmenter.NextMSN, p.Next+unstored)
		from.discontinuities = max(from.discontinuities, p.Discontinuities)
	}
	return from
}

// restore fills the windows with what is recorded, and returns the constants; false if nothing
// is.
func (r *Rendition) restore(p archive.Position, list []archive.Segment) (c playlist.Constants, ok bool) {
	if len(list) == 0 {
		return c, false
	}
	r.start.DiscontinuitySequence = p.Discontinuities
	segments := make([]*media.Segment, len(list))
	longest := media.Ticks(1)
	for i := range list {
		segments[i] = list[i].Media()
		longest = max(longest, list[i].Duration)
		if list[i].Discontinuity {
			r.start.DiscontinuitySequence--
		}
	}
	c = playlist.Constants{Target: p.Target, PartTarget: p.PartTarget}
	if c.Target == 0 { // the record with it is lost
		c = playlist.Constants{Target: int((longest + media.Second - 1) / media.Second), PartTarget: longest}
	}
	for _, pack := range r.packagings {
		pack.restore(c, segments, p.Description)
	}
	r.independent.Store(r.plain().window.Load().Independent())
	return c, true
}

// restoreFrom continues what is recorded. It is called before the first unit.
func (s *sourceRendition) restoreFrom(f *archive.Recovered) {
	p, list := f.Positions[SourceRendition], f.Segments[SourceRendition]
	if c, ok := s.restore(p, list); ok {
		s.cutFrom(segmenter.Resume{
			NextMSN: list[len(list)-1].MSN + 1,
			Format:  &segmenter.Format{Target: c.Target, PartTarget: c.PartTarget},
		}, p.Discontinuities)
	}
}

// restoreFrom fills the windows with what is recorded, as far as the source's is: a rung that was
// not made for so long that its numbers do not follow begins again.
func (g *rung) restoreFrom(f *archive.Recovered) {
	source, list := f.Segments[SourceRendition], f.Segments[g.name]
	if len(source) == 0 || len(list) == 0 {
		return
	}
	first, last := source[0].MSN, source[len(source)-1].MSN
	n := slices.IndexFunc(list, func(s archive.Segment) bool { return s.MSN > last })
	if n < 0 {
		n = len(list)
	}
	if list = list[:n]; n > 0 && list[n-1].MSN >= first-1 {
		g.restore(f.Positions[g.name], list)
		g.set(rungExpected)
		g.offline.Store(false)
	}
}

// fillGap lists the time up to now as lost, in the windows and in the numbers, in at
// least unstored segments. Only while there is no publisher.
func (b *Broadcast) fillGap(now time.Time) {
	source := b.source()
	w := source.plain().window.Load()
	if w == nil {
		return
	}
	lost := w.FillGap(now, unstored)
	w.Commit()
	source.lose(lost, false)
	if n := len(lost); n > 0 {
		last := lost[n-1]
		source.segmenter.Skip(n, last.ProgramDateTime.Add(last.Duration.Duration()))
	}
	b.eachRung(func(g *rung) {
		own := g.plain().window.Load()
		if own == nil {
			return
		}
		// The rung may have been behind.
		entries := own.Snapshot().Listed()
		newest := entries[len(entries)-1].Segment().MSN
		var missing []*media.Segment
		for _, e := range w.Snapshot().Listed() {
			if s := e.Segment(); s.MSN > newest {
				gap := *s
				gap.Size, gap.Parts = 0, nil
				missing = append(missing, &gap)
			}
		}
		g.lose(missing, true)
	})
}

// lose lists and records segments that have no media; in the window of the archived packaging
// only if inPlain is set.
func (r *Rendition) lose(lost []*media.Segment, inPlain bool) {
	for _, p := range r.packagings {
		if p == r.plain() && !inPlain {
			continue
		}
		w := p.window.Load()
		w.Restore(p.lost(lost))
		w.Commit()
	}
	for _, s := range lost {
		r.record.Offer(r.name, s)
	}
}
