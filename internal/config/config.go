package config

import (
	"io"
	"log/slog"
	"net"
	"time"

	"golive/admin"
	"golive/api"
	"golive/broadcast"
	"golive/ingest"
	"golive/internal/setting"
	"golive/origin"
	"golive/pictures"
	"golive/playlist"
	"golive/registry"
	"golive/rollout"
	"golive/segmenter"
	"golive/storage"
	"golive/transcode"
)

// Config is the whole configuration, with one section per package.
type Config struct {
	Log LogConfig `yaml:"log"`
	// DataDir is the folder for all persistent data.
	DataDir   string                 `yaml:"data_dir"`
	Ingest    ingest.Config          `yaml:"ingest"`
	Transcode transcode.Config       `yaml:"transcode"`
	Pictures  pictures.Config        `yaml:"pictures"`
	Segmenter segmenter.Config       `yaml:"segmenter"`
	Playlist  playlist.Config        `yaml:"playlist"`
	Broadcast broadcast.Config       `yaml:"broadcast"`
	Storage   storage.Config         `yaml:"storage"`
	Registry  registry.Config        `yaml:"registry"`
	Cluster   registry.ClusterConfig `yaml:"cluster"`
	Rollout   rollout.Config         `yaml:"rollout"`
	Origin    origin.Config          `yaml:"origin"`
	API       api.Config             `yaml:"api"`
	Admin     admin.Config           `yaml:"admin"`
}

// LogConfig configures the log.
type LogConfig struct {
	// Level is the lowest level that is logged: debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is "text" (key=value) or "json", one object per line.
	Format string `yaml:"format"`
}

// Default returns the configuration that applies without a file.
func Default() Config {
	return Config{
		Log:       LogConfig{Level: "info", Format: "text"},
		DataDir:   "./data",
		Ingest:    ingest.DefaultConfig(),
		Transcode: transcode.DefaultConfig(),
		Pictures:  pictures.DefaultConfig(),
		Segmenter: segmenter.DefaultConfig(),
		Playlist:  playlist.DefaultConfig(),
		Broadcast: broadcast.DefaultConfig(),
		Storage:   storage.DefaultConfig(),
		Registry:  registry.DefaultConfig(),
		Cluster:   registry.DefaultClusterConfig(),
		Rollout:   rollout.DefaultConfig(),
		Origin:    origin.DefaultConfig(),
		API:       api.DefaultConfig(),
		Admin:     admin.DefaultConfig(),
	}
}

// Validate returns an error for every invalid value of the section.
func (c LogConfig) Validate() error {
	var p setting.Problems
	if _, ok := c.level(); !ok {
		p.Add("level", "", "must be debug, info, warn or error, not %q", c.Level)
	}
	if c.Format != "text" && c.Format != "json" {
		p.Add("format", "", "must be text or json, not %q", c.Format)
	}
	return p.Err()
}

func (c LogConfig) level() (level slog.Level, ok bool) {
	switch c.Level {
	case "debug":
		return slog.LevelDebug, true
	case "info":
		return slog.LevelInfo, true
	case "warn":
		return slog.LevelWarn, true
	case "error":
		return slog.LevelError, true
	default:
		return slog.LevelInfo, false
	}
}

// SlogLevel returns the lowest level that is logged.
func (c LogConfig) SlogLevel() slog.Level {
	level, _ := c.level()
	return level
}

// Handler returns a handler that writes the log to w, from level on.
func (c LogConfig) Handler(w io.Writer, level slog.Leveler) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

// minSegments is the least number of segments of a live playlist (HLS Authoring
// Specification 8.11).
const minSegments = 6

// Validate checks the top-level keys and rules that involve several sections. Paths are
// relative to the file. Each section has its own Validate.
func (c Config) Validate() error {
	var p setting.Problems
	if c.DataDir == "" {
		p.Add("data_dir", `"./data" is the default`, "must name a folder")
	}
	if least := minSegments * c.Segmenter.SegmentDuration; c.Playlist.Window < least && c.Playlist.Validate() == nil {
		p.Add("playlist.window", "make the window "+text(least)+", or the segments shorter",
			"must hold %d segments of %s", minSegments, text(c.Segmenter.SegmentDuration))
	}
	c.validateListeners(&p)
	return p.Err()
}

// validateListeners checks that no two listeners use the same address.
func (c Config) validateListeners(p *setting.Problems) {
	listeners := []struct{ path, addr string }{
		{"ingest.rtmp.listen", c.Ingest.RTMP.Listen},
		{"ingest.rtmps.listen", c.Ingest.RTMPS.Listen},
		{"origin.listen", c.Origin.Listen},
		{"origin.tls.listen", c.Origin.TLS.Listen},
		{"admin.listen", c.Admin.Listen},
	}
	for i, late := range listeners {
		for _, early := range listeners[:i] {
			if sameAddress(late.addr, early.addr) {
				p.Add(late.path, "give each its own port", "%q is used by %s", late.addr, early.path)
				break
			}
		}
	}
}

// sameAddress reports whether two listen addresses conflict: the same port on the same host
// or on all hosts. Port 0 is a new port each time.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || everyHost(hostA) || everyHost(hostB)
}

func everyHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// text returns the short form of d: "15s", "1h30m", not "1h0m0s".
func text(d time.Duration) string {
	s := d.String()
	if len(s) > 2 && s[len(s)-2:] == "0s" && s[len(s)-3] == 'm' {
		s = s[:len(s)-2]
	}
	if len(s) > 2 && s[len(s)-2:] == "0m" && s[len(s)-3] == 'h' {
		s = s[:len(s)-2]
	}
	return s
}
