package broadcast

import (
	"time"

	"golive/playlist"
	"golive/storage/catalog"
)

// Status is what can be told of a broadcast at one moment.
type Status struct {
	ID    string
	State State
	Began time.Time
	// Ended is zero before the end.
	Ended time.Time
	// Encoder is what the publisher calls itself; may be empty.
	Encoder string
	// Variants are the renditions that can be watched.
	Variants []playlist.Variant
	// Replay is the file name of the playlist of the whole broadcast; empty while
	// there is none.
	Replay string
	// StorageError is what keeps storage from taking the broadcast now; empty when it
	// does.
	StorageError string
	// StorageLag is how long the oldest segment that storage has not taken has waited.
	StorageLag time.Duration
	// Warnings are for the broadcaster: what to change in the encoder.
	Warnings []Warning
}

// Status is the broadcast's, now.
func (b *Broadcast) Status() Status {
	s := Status{ID: b.id, State: b.State(), Began: b.began, Warnings: b.program.warnings.all()}
	if ended := b.shelf.ended.Load(); ended != nil {
		s.Ended = endTime(b.began, *ended)
	}
	archived := b.shelf.archiver.Status()
	s.StorageError, s.StorageLag = archived.Trouble(), archived.Lag
	if b.hasReplay() {
		s.Replay = catalog.ReplayNameOf(b.shelf.token())
	}
	if e := b.encoder.Load(); e != nil {
		s.Encoder = *e
	}
	if v := b.program.variant.Load(); v != nil {
		s.Variants = append(s.Variants, *v)
	}
	return s
}

// hasReplay says whether the bucket has all of the broadcast.
func (b *Broadcast) hasReplay() bool {
	if b.State() != Ended || b.cfg.Retention.Replay == 0 || b.program.window.Load() == nil {
		return false
	}
	select {
	case <-b.shelf.archiver.Drained():
		return true
	default:
		return false
	}
}
