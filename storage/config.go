package storage

import "golive/internal/setting"

// Config says where what was aired is kept.
type Config struct {
	// Backend is "disk" (under data_dir) or "memory".
	Backend string `yaml:"backend"`
}

// DefaultConfig keeps segments on disk.
func DefaultConfig() Config { return Config{Backend: "disk"} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	switch c.Backend {
	case "disk", "memory":
	default:
		p.Add("backend", `write "disk" or "memory"`, "%q is not a backend", c.Backend)
	}
	return p.Err()
}
