package storage

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golive/internal/setting"
)

// Config configures where published media is kept, and for how long.
type Config struct {
	// Backend is one of Backends: "disk" (under data_dir), "memory" or "s3".
	Backend string `yaml:"backend"`
	// S3 is the bucket of the backend "s3".
	S3 S3Config `yaml:"s3"`
	// Spool is where segments wait until the bucket has them.
	Spool SpoolConfig `yaml:"spool"`
	// Sync is when data written to the local disk must survive a loss of power:
	// "interval" (every two seconds), "always" (each segment) or "never".
	Sync string `yaml:"sync"`
	// Retention is how long objects stay.
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

// SpoolConfig configures where segments wait until the bucket has them.
type SpoolConfig struct {
	// Path is the folder; empty is "spool" in data_dir.
	Path string `yaml:"path"`
	// MaxBytes bounds the segments that wait there; over it the oldest are lost. 0 means no
	// limit.
	MaxBytes setting.Bytes `yaml:"max_bytes"`
}

// Dir returns the folder of the spool: Path, or by default one in dataDir.
func (c SpoolConfig) Dir(dataDir string) string {
	if c.Path != "" {
		return c.Path
	}
	return filepath.Join(dataDir, "spool")
}

// minSpool holds a few segments: a smaller spool would drop those that it has just taken.
const minSpool = 16 * setting.MiB

// RetentionConfig configures how long objects stay in the bucket.
type RetentionConfig struct {
	// Live is how long a segment stays after it has left the live playlist.
	Live LiveRetention `yaml:"live"`
	// Replay is how long a broadcast can be watched again after its end; while it is
	// live, its newest media of that duration is kept. 0 keeps no replay.
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

// The durability policies: when data written to the local disk must survive a loss of
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

// PutInterval is a duration, or "auto", which leaves the choice to the provider's
// profile.
type PutInterval time.Duration

// PutIntervalAuto is the word "auto".
const PutIntervalAuto PutInterval = -1

// maxPutInterval keeps live playlists fresh enough for players.
const maxPutInterval = PutInterval(10 * time.Second)

// LiveRetention is "window", the time in which a player may still request a segment
// (RFC 8216bis section 6.2.2), or a longer duration.
type LiveRetention time.Duration

const retentionWindow LiveRetention = 0

// UnmarshalText reads i from text.
func (i *PutInterval) UnmarshalText(text []byte) (err error) {
	*i, err = parseDuration(text, Auto, PutIntervalAuto, 0)
	return err
}

// MarshalText returns the word or the duration.
func (i PutInterval) MarshalText() ([]byte, error) {
	return formatDuration(i, Auto, PutIntervalAuto), nil
}

// UnmarshalText reads r from text.
func (r *LiveRetention) UnmarshalText(text []byte) (err error) {
	*r, err = parseDuration(text, "window", retentionWindow, 1)
	return err
}

// MarshalText returns the word or the duration.
func (r LiveRetention) MarshalText() ([]byte, error) {
	return formatDuration(r, "window", retentionWindow), nil
}

// parseDuration parses a duration that is not below least, or the word that stands for value.
func parseDuration[T ~int64](text []byte, word string, value, least T) (T, error) {
	if string(text) == word {
		return value, nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || T(d) < least {
		return 0, fmt.Errorf("must be %s or a duration such as 2h or 1s, not %q", word, text)
	}
	return T(d), nil
}

func formatDuration[T ~int64](d T, word string, value T) []byte {
	if d == value {
		return []byte(word)
	}
	return []byte(time.Duration(d).String())
}
