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
	// Ended returns the last objects, when all segments are stored or lost. displaced
	// says that a later broadcast has the playlists of the id. due is when all of the
	// broadcast is to be deleted; zero when nothing of it is kept.
	Ended(displaced bool) (last []storage.Object, due time.Time)
}

// Right is what a node may write of a broadcast that other nodes may have, too.
type Right uint8

const (
	// MayWrite is all of it: no other node is known to have the broadcast. What the
	// bucket says of others counts.
	MayWrite Right = iota
	// Owns is all of it: the node has had the broadcast since it was claimed.
	Owns
	// MustWait is segments and the log, but no playlist now.
	MustWait
	// MustLeave is what of the segments and the log is left, and no playlist any more:
	// another node owns the broadcast.
	MustLeave
)

// UploaderConfig says how one broadcast is brought to a bucket.
type UploaderConfig struct {
	// Layout makes the keys in the bucket.
	Layout Layout
	// TakenOver says that another node began the broadcast.
	TakenOver bool
	// Hold keeps the Uploader from the bucket until it is closed, when an earlier
	// broadcast still writes the same playlists; may be nil.
	Hold <-chan struct{}
	// Right tells what may be written now, from memory; nil is MayWrite.
	Right func() Right
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
	if c.Right == nil {
		c.Right = func() Right { return MayWrite }
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
