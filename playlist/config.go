package playlist

import (
	"time"

	"golive/internal/setting"
)

// Config says what players are shown.
type Config struct {
	// Window is how much media a live playlist lists. From 12s to 1h. It must
	// hold at least six segments. Players can rewind this far; media stays
	// fetchable for about as long again after it leaves the list, as RFC 8216bis
	// section 6.2.2 demands.
	Window time.Duration `yaml:"window"`
	// LowLatency lists parts, so that players can follow at about one second
	// instead of three segments. Players that know no low latency ignore them.
	LowLatency bool `yaml:"low_latency"`
}

// DefaultConfig is a window of 30 s with low latency.
func DefaultConfig() Config { return Config{Window: 30 * time.Second, LowLatency: true} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.Window < 12*time.Second || c.Window > time.Hour {
		p.Add("window", "30s suits most broadcasts", "must be from 12s to 1h")
	}
	return p.Err()
}
