package origin

import "golive/httpserver"

// Config is how viewers reach the origin.
type Config struct {
	httpserver.Config `yaml:",inline"`
}

// DefaultConfig returns the defaults of httpserver.
func DefaultConfig() Config { return Config{Config: httpserver.DefaultConfig()} }
