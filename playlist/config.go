package playlist

import (
	"time"

	"golive/internal/setting"
)

// Config configures the live playlists.
type Config struct {
	// Window is the duration of the media that a live playlist in MPEG-TS lists. From 12s to 1h. It must
	// hold at least six segments. Players can rewind this far; media stays
	// available for about as long again after it was removed from the list, as RFC
	// 8216bis section 6.2.2 requires.
	Window time.Duration `yaml:"window"`
	// LowLatency lists parts, so that players can follow at about one second
	// instead of three segments. Players without support for low latency ignore them. As a
	// setting, it adds playlists in CMAF.
	LowLatency bool `yaml:"low_latency"`
}

// DefaultConfig returns a window of 30 s with low latency.
func DefaultConfig() Config { return Config{Window: 30 * time.Second, LowLatency: true} }

// Validate returns an error for every invalid value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.Window < 12*time.Second || c.Window > time.Hour {
		p.Add("window", "30s suits most broadcasts", "must be from 12s to 1h")
	}
	return p.Err()
}
