package transcode

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golive/internal/setting"
)

// Config configures transcoding.
type Config struct {
	// Ladder holds the rungs of each broadcast. Empty disables transcoding.
	Ladder Ladder `yaml:"ladder"`
	// FFmpeg is the program: a path, or a name to look up in PATH.
	FFmpeg string `yaml:"ffmpeg"`
	// Encoder is the video encoder: auto, x264, vaapi, nvenc or qsv. One that does not work
	// is replaced by x264; auto takes the first hardware encoder that works.
	Encoder string `yaml:"encoder"`
	// MaxCPU is the share of the machine that transcoding may use, above 0 and up to 1. Above
	// it a new broadcast gets fewer rungs or none, and running rungs are shed.
	MaxCPU float64 `yaml:"max_cpu"`
	// MaxBroadcasts is how many broadcasts are transcoded concurrently; 0 means no limit.
	MaxBroadcasts int `yaml:"max_broadcasts"`
	// MaxLag is how far a rung may be behind its source. After two seconds above it a rung is
	// shed. From 500ms to 1m.
	MaxLag time.Duration `yaml:"max_lag"`
	// Niceness is the scheduling priority of ffmpeg, from 0 (that of golive) to 19 (lowest).
	Niceness int `yaml:"niceness"`
}

// DefaultConfig returns a configuration without rungs.
func DefaultConfig() Config {
	return Config{FFmpeg: "ffmpeg", Encoder: EncoderAuto, MaxCPU: 0.8, MaxLag: 1500 * time.Millisecond, Niceness: 5}
}

// The values of Config.Encoder.
const (
	EncoderAuto  = "auto"
	EncoderX264  = "x264"
	EncoderVAAPI = "vaapi"
	EncoderNVENC = "nvenc"
	EncoderQSV   = "qsv"
)

func encoders() []string {
	return []string{EncoderAuto, EncoderX264, EncoderVAAPI, EncoderNVENC, EncoderQSV}
}

// Validate returns an error for every invalid value.
func (c Config) Validate() error {
	var p setting.Problems
	c.Ladder.validate(&p)
	if c.FFmpeg == "" {
		p.Add("ffmpeg", `"ffmpeg" is found in PATH`, "must name a program")
	}
	if !slices.Contains(encoders(), c.Encoder) {
		p.Add("encoder", "auto takes what works", "must be one of %s, not %q", strings.Join(encoders(), ", "), c.Encoder)
	}
	if !(c.MaxCPU > 0 && c.MaxCPU <= 1) {
		p.Add("max_cpu", "0.8 leaves a fifth of the machine to the rest; an empty ladder turns transcoding off", "must be above 0 and at most 1")
	}
	if c.MaxBroadcasts < 0 {
		p.Add("max_broadcasts", "0 means no limit", "must not be negative")
	}
	if c.MaxLag < 500*time.Millisecond || c.MaxLag > time.Minute {
		p.Add("max_lag", "1500ms is noticed by few viewers", "must be from 500ms to 1m")
	}
	if c.Niceness < 0 || c.Niceness > 19 {
		p.Add("niceness", "5 keeps golive ahead of its encoders", "must be from 0 to 19")
	}
	return p.Err()
}

// Limits of a rung's fields.
const (
	minHeight       = 64
	maxHeight       = 4320
	maxFrameRate    = 240
	minVideoBitrate = 50_000
	maxVideoBitrate = 100_000_000
	minAudioBitrate = 16_000
	maxAudioBitrate = 512_000
)

// sourceName is the name of the rendition that is not transcoded.
const sourceName = "source"

// isTrackName reports whether the name is that of the rendition of an additional video track that a
// publisher sends: video1.
func isTrackName(name string) bool {
	number, ok := strings.CutPrefix(name, "video")
	_, err := strconv.Atoi(number)
	return ok && err == nil
}

func (l Ladder) validate(p *setting.Problems) {
	seen := make(map[string]int, len(l))
	for i, r := range l {
		at := func(key string) string { return fmt.Sprintf("ladder[%d].%s", i, key) }
		first, again := seen[r.Name]
		switch {
		case r.Name == "":
			p.Add(at("name"), "the name is part of the address: /live/ID/720p/index.m3u8", "must not be empty")
		case r.Name == sourceName:
			p.Add(at("name"), "the untouched source always exists; remove the rung, or give it another name", "must not be %q", sourceName)
		case isTrackName(r.Name):
			p.Add(at("name"), "720p, low, audio", "must not be %q: that is a video track that an encoder sends", r.Name)
		case !validName(r.Name):
			p.Add(at("name"), "720p, low, audio", "must be 1 to 32 lower-case letters, digits, - and _, not %q", r.Name)
		case again:
			p.Add(at("name"), "give each rung its own name", "%q is the name of ladder[%d] too", r.Name, first)
		default:
			seen[r.Name] = i
		}
		r.validate(p, at)
	}
}

func (r Rung) validate(p *setting.Problems, at func(key string) string) {
	if r.AudioOnly {
		r.validateAudioOnly(p, at)
	} else {
		r.validateVideo(p, at)
	}
	if b := r.AudioBitrate; b < minAudioBitrate || b > maxAudioBitrate {
		p.Add(at("audio_bitrate"), "128k suits stereo", "must be from 16k to 512k, not %s", b)
	}
}

func (r Rung) validateAudioOnly(p *setting.Problems, at func(key string) string) {
	for _, f := range []struct {
		key string
		set bool
	}{
		{"height", r.Height != 0},
		{"frame_rate", r.FrameRate != 0},
		{"video_bitrate", r.VideoBitrate != 0},
		{"preset", r.Preset != ""},
		{"profile", r.Profile != ""},
	} {
		if f.set {
			p.Add(at(f.key), "remove it, or audio_only", "has no meaning in a rung that is audio only")
		}
	}
}

func (r Rung) validateVideo(p *setting.Problems, at func(key string) string) {
	switch h := r.Height; {
	case h == 0:
		p.Add(at("height"), "write 720, or audio_only: true for a rung without pictures", "must not be 0")
	case h < minHeight || h > maxHeight:
		p.Add(at("height"), "", "must be from %d to %d, not %d", minHeight, maxHeight, h)
	case h%2 != 0:
		p.Add(at("height"), fmt.Sprintf("write %d or %d", h-1, h+1), "must be even, not %d", h)
	}
	if r.FrameRate < 0 || r.FrameRate > maxFrameRate {
		p.Add(at("frame_rate"), "0 keeps all pictures of the source", "must be from 0 to %d", maxFrameRate)
	}
	if b := r.VideoBitrate; b < minVideoBitrate || b > maxVideoBitrate {
		p.Add(at("video_bitrate"), "3000k suits 720p", "must be from 50k to 100M, not %s", b)
	}
	if r.Preset != "" && !slices.Contains(presets(), r.Preset) {
		p.Add(at("preset"), "veryfast is the default", "must be one of %s, not %q", strings.Join(presets(), ", "), r.Preset)
	}
	if r.Profile != "" && !slices.Contains(profiles(), r.Profile) {
		p.Add(at("profile"), "high is the default", "must be one of %s, not %q", strings.Join(profiles(), ", "), r.Profile)
	}
}

// validName reports whether name can be that of a rendition, which is part of addresses.
func validName(name string) bool {
	const most = 32
	for _, c := range name {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return name != "" && len(name) <= most
}

// presets returns the presets of x264, from the fastest to the slowest that live streams
// can use.
func presets() []string {
	return []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"}
}

func profiles() []string { return []string{"baseline", "main", "high"} }
