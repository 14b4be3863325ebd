package storage

// The durability policies: when what was written to the local disk must survive a loss of
// power. The end of the process loses nothing that was written, whatever the policy.
const (
	// SyncInterval syncs the disk each few seconds, once for all broadcasts. Segments that
	// wait for a bucket which is unavailable are synced at once.
	SyncInterval = "interval"
	// SyncAlways syncs after each segment.
	SyncAlways = "always"
	// SyncNever leaves it to the operating system.
	SyncNever = "never"
)
