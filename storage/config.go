package storage

import (
	"slices"

	"golive/internal/setting"
)

// Config says where what was aired is kept.
type Config struct {
	// Backend is one of Backends: "disk" (under data_dir), "memory" or "s3".
	Backend string `yaml:"backend"`
	// S3 is the bucket of the backend "s3".
	S3 S3Config `yaml:"s3"`
}

// DefaultConfig keeps segments on disk.
func DefaultConfig() Config { return Config{Backend: "disk", S3: DefaultS3Config()} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if !slices.Contains(Backends(), c.Backend) {
		p.Add("backend", `write "disk", "memory" or "s3"`, "%q is not a backend", c.Backend)
	}
	c.S3.validate(&p, c.Backend == "s3")
	return p.Err()
}
