package origin

import (
	"errors"

	"golive/httpserver"
	"golive/internal/setting"
)

// Config is how viewers reach the origin, and what it keeps for them.
type Config struct {
	httpserver.Config `yaml:",inline"`

	// ReplayCache is how many bytes of segments that were read from a bucket are kept in
	// memory for the next viewers; 0 keeps none.
	ReplayCache setting.Bytes `yaml:"replay_cache"`
}

// DefaultConfig returns the defaults of httpserver, and a cache of 64 MiB.
func DefaultConfig() Config {
	return Config{Config: httpserver.DefaultConfig(), ReplayCache: 64 * setting.MiB}
}

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.ReplayCache < 0 {
		p.Add("replay_cache", `as in "64MiB"; 0 keeps nothing`, "must not be negative")
	}
	return errors.Join(c.Config.Validate(), p.Err())
}
