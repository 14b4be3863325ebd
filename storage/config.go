package storage

import (
	"slices"
	"time"

	"golive/internal/setting"
)

// Config is where published media is kept, and for how long.
type Config struct {
	// Backend is one of Backends: "disk" (under data_dir), "memory" or "s3".
	Backend string `yaml:"backend"`
	// S3 is the bucket of the backend "s3".
	S3 S3Config `yaml:"s3"`
	// Spool is where segments are until that bucket has them.
	Spool SpoolConfig `yaml:"spool"`
	// Sync is when what was written to the local disk must survive a loss of power:
	// "interval" (every two seconds), "always" (each segment) or "never".
	Sync string `yaml:"sync"`
	// Retention is for how long they stay.
	Retention RetentionConfig `yaml:"retention"`
}

// DefaultConfig keeps segments on disk, and replays for a day.
func DefaultConfig() Config {
	return Config{
		Backend:   "disk",
		S3:        DefaultS3Config(),
		Spool:     SpoolConfig{MaxBytes: 10 * setting.GiB},
		Sync:      SyncInterval,
		Retention: RetentionConfig{Replay: 24 * time.Hour},
	}
}

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if !slices.Contains(Backends(), c.Backend) {
		p.Add("backend", `write "disk", "memory" or "s3"`, "%q is not a backend", c.Backend)
	}
	if !slices.Contains([]string{SyncInterval, SyncAlways, SyncNever}, c.Sync) {
		p.Add("sync", `"interval" is the default`, "must be interval, always or never, not %q", c.Sync)
	}
	c.S3.validate(&p, c.Backend == "s3")
	c.validateRetention(&p)
	return p.Err()
}

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
