package archive

import (
	"time"

	"golive/storage"
)

// Config is how a node keeps the records of its broadcasts.
type Config struct {
	// Layout makes the paths below the Store's folder, and the keys in the bucket.
	Layout Layout
	// Window is how much media a live playlist lists: a restart needs as much.
	Window time.Duration
	// Uploaded is true when segments go to a bucket; otherwise the local files are the
	// archive.
	Uploaded bool
	// Sync is the durability policy; storage.SyncInterval when empty.
	Sync string
	// SyncEvery is the time between two syncs of storage.SyncInterval; 2 s when 0.
	SyncEvery time.Duration
	// QueueBytes bounds how much of one broadcast waits in memory for the local disk; 64 MiB
	// when 0. One segment is taken whatever its size.
	QueueBytes int64
	// MaxBytes bounds how much of all broadcasts waits on the local disk for the bucket. Over
	// it the oldest segments are lost. 0 means no limit.
	MaxBytes int64
	// RetryMin and RetryMax bound the time between two tries of a write that failed;
	// 200 ms, growing to 5 s, when 0.
	RetryMin, RetryMax time.Duration
}

func (c Config) withDefaults() Config {
	if c.Sync == "" {
		c.Sync = storage.SyncInterval
	}
	if c.SyncEvery == 0 {
		c.SyncEvery = 2 * time.Second
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = 64 << 20
	}
	if c.RetryMin == 0 {
		c.RetryMin = 200 * time.Millisecond
	}
	if c.RetryMax == 0 {
		c.RetryMax = 5 * time.Second
	}
	return c
}
