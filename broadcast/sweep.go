package broadcast

import (
	"context"
	"time"

	"golive/archive"
)

// sweepTimeout bounds the deletion of the objects of an ended broadcast. A Sweeper, or the
// next start, deletes the rest.
const sweepTimeout = time.Minute

// sweep deletes what only a live broadcast needs, or all of it when no replay is kept.
// onlyOne is true when no other broadcast of this node has the id.
func (b *Broadcast) sweep(onlyOne bool) {
	a := b.archiver.Load()
	if a.rec == nil {
		return
	}
	b.clean("objects", func(ctx context.Context) error {
		header, layout, permission := a.up.Header(), b.cfg.layout(), a.up.Permission()
		if err := b.dropManifest(ctx, a); err != nil || permission == archive.MustLeave {
			return err // a Sweeper finds it
		}
		switch owned := onlyOne && permission < archive.MayStore && !b.lostLease(); {
		case b.cfg.Retention.Replay == 0:
			_, err := layout.Sweep(ctx, b.stores.Bucket, header, "", owned)
			return err
		case owned:
			return layout.SweepPlaylists(ctx, b.stores.Bucket, header)
		}
		return nil
	})
	b.clearLocal()
}

// dropManifest deletes the manifest by which another node would end the broadcast.
func (b *Broadcast) dropManifest(ctx context.Context, a *archiver) error {
	if a.up.Permission() == archive.MustLeave || !b.stores.shared() {
		return nil
	}
	m := b.meta.Load()
	return b.stores.Bucket.Delete(ctx, b.cfg.layout().Live(m.Broadcast, m.Token))
}

// clearLocal deletes what this node's disk has of a broadcast that a bucket keeps.
func (b *Broadcast) clearLocal() {
	a := b.archiver.Load()
	if a.rec == nil || !b.stores.shared() {
		return
	}
	b.clean("local files", func(ctx context.Context) error {
		_, err := b.cfg.layout().Sweep(ctx, b.stores.Local.Files(), b.localHeader(a), "", false)
		return err
	})
}

// localHeader names all that may be on the local disk.
func (b *Broadcast) localHeader(a *archiver) archive.Header {
	h := a.up.Header()
	h.Publications = *b.publications.Load()
	if h.Positions == nil {
		h.Positions = map[string]archive.Position{}
	}
	for _, r := range b.all() {
		h.Positions[r.name] = archive.Position{}
	}
	return h
}

func (b *Broadcast) clean(what string, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), sweepTimeout)
	defer cancel()
	if err := f(ctx); err != nil {
		b.log.Warn("objects of an ended broadcast were not deleted", "what", what, "err", err)
	}
}
