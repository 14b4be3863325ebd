package broadcast

import (
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/internal/setting"
	"golive/pictures"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
	"golive/transcode"
)

// Config is the section "broadcast" of the configuration.
type Config struct {
	// Linger is how long the playlist of an ended broadcast can still be read.
	// From 1s to 1h.
	Linger time.Duration `yaml:"linger"`
	// DrainTimeout is how long a shutdown waits for storage to take what was
	// published. From 0s to 10m.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
}

// DefaultConfig lingers for a minute and drains for ten seconds.
func DefaultConfig() Config {
	return Config{Linger: time.Minute, DrainTimeout: 10 * time.Second}
}

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.Linger < time.Second || c.Linger > time.Hour {
		p.Add("linger", "1m lets slow players see the end", "must be from 1s to 1h")
	}
	if c.DrainTimeout < 0 || c.DrainTimeout > 10*time.Minute {
		p.Add("drain_timeout", "10s suits a store that is in reach", "must be from 0s to 10m")
	}
	return p.Err()
}

// Settings are the configurations of the packages that meet in a broadcast.
type Settings struct {
	Config
	Segmenter segmenter.Config
	Playlist  playlist.Config
	// LiveWindow is how much media a low-latency playlist lists, what players need that are
	// at the live edge; 12 s when 0.
	LiveWindow time.Duration
	// ReconnectWindow is how long a vanished publisher is waited for.
	ReconnectWindow time.Duration
	// Takeover is when another publisher with the same key replaces one that is
	// still connected.
	Takeover ingest.Takeover
	// KeepOnUnpublish opens the reconnect window after a clean stop too.
	KeepOnUnpublish bool
	// Retention is for how long objects stay in the bucket.
	Retention storage.RetentionConfig
	// Prefix is where the broadcasts' objects begin in the bucket: "live".
	Prefix string
	// Transcoder makes renditions of the source; nil makes none.
	Transcoder *transcode.Transcoder
	// Pictures makes posters and previews; nil makes none.
	Pictures *pictures.Maker
	// Ownership decides which node has a broadcast; without it all are this node's.
	Ownership Ownership
	// Observer is told what happens; nil is nobody.
	Observer Observer
	// Memory counts the media that is held; nil counts nothing.
	Memory *ingest.Memory
}

func (s Settings) layout() archive.Layout { return archive.Layout{Prefix: s.Prefix} }
