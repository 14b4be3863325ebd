package storage

import (
	"path/filepath"
	"time"

	"golive/internal/setting"
)

// SpoolConfig is where segments are until the bucket has them.
type SpoolConfig struct {
	// Path is the folder; empty is "spool" in data_dir.
	Path string `yaml:"path"`
	// MaxBytes bounds what waits there; then the oldest is lost. 0 means no limit.
	MaxBytes setting.Bytes `yaml:"max_bytes"`
}

// Dir is the folder of the spool, with dataDir for what the file does not say.
func (c SpoolConfig) Dir(dataDir string) string {
	if c.Path != "" {
		return c.Path
	}
	return filepath.Join(dataDir, "spool")
}

// minSpool holds a few segments: a smaller spool would drop what it has just taken.
const minSpool = 16 * setting.MiB

// RetentionConfig is for how long objects stay in the bucket.
type RetentionConfig struct {
	// Live is how long a segment stays after it has left the live playlist.
	Live LiveRetention `yaml:"live"`
	// Replay is how long a broadcast can be watched again after its end; while it is
	// live, so much of it is kept. 0 keeps no replay.
	Replay time.Duration `yaml:"replay"`
}

const (
	maxRetention = 10 * 365 * 24 * time.Hour
	minReplay    = time.Second
)

func (c Config) validateRetention(p *setting.Problems) {
	if c.Spool.MaxBytes != 0 && c.Spool.MaxBytes < minSpool {
		p.Add("spool.max_bytes", "10GiB holds five hours of one stream of 4.5 Mbit/s; 0 means no limit", "must be 0 or at least %s", minSpool)
	}
	if time.Duration(c.Retention.Live) > maxRetention {
		p.Add("retention.live", `"window" is the default`, "must be window, or at most 87600h")
	}
	if c.Retention.Replay != 0 && (c.Retention.Replay < minReplay || c.Retention.Replay > maxRetention) {
		p.Add("retention.replay", "24h is the default; 0s keeps no replay", "must be 0s, or from 1s to 87600h")
	}
}
