package broadcast

import (
	"time"

	"golive/archive"
	"golive/playlist"
	"golive/transcode"
)

// State is where a broadcast is in its life.
type State int32

// The states, in the order of life.
const (
	// Starting: a publisher was admitted, nothing can be watched yet.
	Starting State = iota
	// Live: there is a playlist and a publisher.
	Live
	// Reconnecting: the publisher vanished, its return is awaited.
	Reconnecting
	// Ended: the playlist has its end.
	Ended
)

// String returns the state's name in logs and in the API.
func (s State) String() string {
	return [...]string{Starting: "starting", Live: "live", Reconnecting: "reconnecting", Ended: "ended"}[s]
}

// Status describes a broadcast at one moment.
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
	// Poster is the relative address of its poster, Storyboard the file name of the previews of
	// its replay; each is empty when there is none.
	Poster, Storyboard string
	// StorageError is what keeps storage from taking the broadcast now; empty when it
	// does.
	StorageError string
	// StorageLag is how long the oldest segment that storage has not taken has waited.
	StorageLag time.Duration
	// Transcoding is the state of the rungs; nil where there is no transcoding.
	Transcoding *transcode.JobStatus
	// Warnings are for the broadcaster: what to change in the encoder.
	Warnings []Warning
}

// Status returns the broadcast's status now.
func (b *Broadcast) Status() Status {
	s := Status{ID: b.id, State: b.State(), Began: b.began(), Warnings: b.warnings.all(), Poster: b.posterName()}
	if e := b.ending.Load(); e != nil {
		s.Ended = e.at
	}
	a := b.archiver.Load()
	if _, err := a.failing(); err != nil {
		s.StorageError = err.Error()
	}
	s.StorageLag = a.lag()
	if b.hasReplay(a) {
		token := b.meta.Load().Token
		s.Replay, s.Storyboard = archive.ReplayNameOf(token), storyboardName(token, int(b.pictures.sheets.Load()))
	}
	if e := b.encoder.Load(); e != nil {
		s.Encoder = *e
	}
	if job := b.ladder.current.Load(); job != nil {
		now := job.Status()
		s.Transcoding = &now
	}
	s.Variants, _ = b.variants((*Rendition).live, false)
	return s
}

// hasReplay reports whether the bucket has all of the broadcast.
func (b *Broadcast) hasReplay(a *archiver) bool {
	return a.rec != nil && b.State() == Ended && b.cfg.Retention.Replay > 0 && b.recorded() &&
		isClosed(a.drained) && a.up.Permission() < archive.MustLeave
}
