package pictures

import (
	"time"

	"golive/internal/setting"
)

// Config is the section "pictures" of the configuration.
type Config struct {
	// Enabled makes pictures if ffmpeg is installed.
	Enabled bool `yaml:"enabled"`
	// Interval is the shortest time between two pictures of a broadcast. From 1s to 1h.
	Interval time.Duration `yaml:"interval"`
	// PosterSize is the longer side of a poster, at most, in pixels. From 160 to 1920.
	PosterSize int `yaml:"poster_size"`
	// PreviewSize is the same for the previews of a replay's seek bar. From 64 to 320.
	PreviewSize int `yaml:"preview_size"`
}

// DefaultConfig returns a configuration with a picture every ten seconds.
func DefaultConfig() Config {
	return Config{Enabled: true, Interval: 10 * time.Second, PosterSize: 1280, PreviewSize: 160}
}

// Validate returns an error for every invalid value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.Interval < time.Second || c.Interval > time.Hour {
		p.Add("interval", "10s costs about 3 % of a core for each broadcast", "must be from 1s to 1h")
	}
	if c.PosterSize < 160 || c.PosterSize > 1920 {
		p.Add("poster_size", "1280 suits a page and a link preview", "must be from 160 to 1920")
	}
	if c.PreviewSize < 64 || c.PreviewSize > 320 {
		p.Add("preview_size", "160 suits a seek bar", "must be from 64 to 320")
	}
	return p.Err()
}
