package archive

import (
	"context"
	"time"

	"golive/storage"
)

// Index renders the playlists of a bucket. Its methods are called on the Uploader's
// goroutine, one at a time.
type Index interface {
	// Begin is called before all others, and again after an error.
	Begin(ctx context.Context) error
	// Stored is called in the order of the log for each segment that the bucket has (lost is
	// false), or never will have. It returns the objects to put next: the playlists that may
	// name the segment now, each after those it names itself.
	Stored(rendition string, s *Segment, lost bool) []storage.Object
	// Ended returns the last objects, when all segments are stored or lost. displaced is
	// true when another broadcast has the playlists of the id. due is when all of the
	// broadcast is to be deleted; zero when nothing of it is kept.
	Ended(displaced bool) (last []storage.Object, due time.Time)
}

// UploaderConfig is how one broadcast is brought to a bucket.
type UploaderConfig struct {
	// Layout makes the keys in the bucket.
	Layout Layout
	// TakenOver is true when another node began the broadcast.
	TakenOver bool
	// Hold keeps the Uploader from the bucket until it is closed, when an earlier
	// broadcast still writes the same playlists; may be nil.
	Hold <-chan struct{}
	// Permission returns what may be written now, from memory; nil is MayWrite.
	Permission func() Permission
	// PutInterval is the least time between two puts of one key, for a bucket that refuses
	// them closer together.
	PutInterval time.Duration
	// Interval is the least time between two puts of the same playlist while segments
	// wait; 1 s when 0.
	Interval time.Duration
	// RetryMin and RetryMax bound the time between two tries; 200 ms, growing to 5 s,
	// when 0.
	RetryMin, RetryMax time.Duration
}

func (c UploaderConfig) withDefaults() UploaderConfig {
	if c.Permission == nil {
		c.Permission = func() Permission { return MayWrite }
	}
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	if c.RetryMin == 0 {
		c.RetryMin = 200 * time.Millisecond
	}
	if c.RetryMax == 0 {
		c.RetryMax = 5 * time.Second
	}
	return c
}
