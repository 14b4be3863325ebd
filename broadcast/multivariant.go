package broadcast

import (
	"context"
	"time"

	"golive/playlist"
)

// multivariant has the multivariant playlists.
type multivariant struct {
	live, plain *playlist.Text // plain is nil before the first segment
	replaced    chan struct{}  // closed when there is a newer one
}

// named returns a playlist by its file name; nil when there is none yet.
func (m *multivariant) named(name string) *playlist.Text {
	if name == playlist.PlainName {
		return m.plain
	}
	return m.live
}

// awaitMultivariant returns a multivariant playlist by its file name. That of plain MPEG-TS exists when the
// first segment is complete, later than the one with low latency. Like a media playlist it is waited for, so
// that whoever is told that the broadcast is live can open it. The error wraps playlist.ErrNotFound when there
// is none, or playlist.ErrTimeout when the segment takes too long.
func (b *Broadcast) awaitMultivariant(ctx context.Context, name string) (*playlist.Text, error) {
	m := b.multivariant.Load()
	if m == nil {
		return nil, playlist.ErrNotFound
	}
	if text := m.named(name); text != nil {
		return text, nil
	}
	w := b.source().plain().window.Load()
	if w == nil { // nothing in it that MPEG-TS carries
		return nil, playlist.ErrNotFound
	}
	limit := time.NewTimer(3 * time.Duration(w.Constants().Target) * time.Second)
	defer limit.Stop()
	for {
		var err error
		select {
		case <-m.replaced:
		case <-b.ended:
			err = playlist.ErrNotFound
		case <-limit.C:
			err = playlist.ErrTimeout
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		m = b.multivariant.Load()
		if text := m.named(name); text != nil {
			return text, nil // also if it came together with the end
		}
		if err != nil {
			return nil, err
		}
	}
}
