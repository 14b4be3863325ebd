package archive

import (
	"context"
	"time"

	"golive/storage"
)

// Config configures a Store.
type Config struct {
	// Layout makes the paths below the Store's folder, and the keys in the bucket.
	Layout Layout
	// Window is how much media a live playlist lists: a restart needs as much.
	Window time.Duration
	// Uploaded is true when segments go to a bucket; otherwise the local files are the
	// archive.
	Uploaded bool
	// Sync is the durability policy; empty is storage.SyncInterval.
	Sync string
	// MaxBytes bounds how much of all broadcasts waits on the local disk for the bucket. Over
	// it the oldest segments are lost. 0 means no limit.
	MaxBytes int64
}

const (
	// syncEvery is the time between two syncs of storage.SyncInterval.
	syncEvery = 2 * time.Second
	// maxQueueBytes bounds how much of one broadcast waits in memory for the local disk. One
	// segment is taken whatever its size.
	maxQueueBytes = 64 << 20
	// retryMin and retryMax bound the time between two tries of a failed operation.
	retryMin, retryMax = 200 * time.Millisecond, 5 * time.Second
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

// UploaderConfig configures the upload of one broadcast to a bucket.
type UploaderConfig struct {
	// Layout makes the keys in the bucket.
	Layout Layout
	// TakenOver is true when another node began the broadcast.
	TakenOver bool
	// Hold keeps the Uploader from the bucket until it is closed, when an earlier
	// broadcast still writes the same playlists; may be nil.
	Hold <-chan struct{}
	// Permission returns what may be written now, from memory; nil is MayWriteExclusively.
	Permission func() Permission
	// Drained is called when the last objects are in the bucket, before Uploader.Drained is
	// closed; may be nil.
	Drained func()
	// PutInterval is the least time between two puts of one key, for a bucket that refuses
	// them closer together.
	PutInterval time.Duration
}

// playlistInterval is the least time between two puts of the same playlist while segments wait.
const playlistInterval = time.Second
