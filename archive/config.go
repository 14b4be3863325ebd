package archive

import "time"

// Config is how a node keeps the records of its broadcasts.
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
	// retryMin and retryMax bound the time between two tries of what failed.
	retryMin, retryMax = 200 * time.Millisecond, 5 * time.Second
)
