package ingest

import (
	"fmt"
	"time"

	"golive/internal/setting"
)

// LimitsConfig bounds the resources that peers can occupy and the properties of a
// broadcast. Where 0 is allowed it means no limit.
type LimitsConfig struct {
	// Connections is the maximum number of concurrent connections of each protocol, publishing or
	// not.
	Connections int `yaml:"connections"`
	// Sessions is the maximum number of broadcasts that are published concurrently; 0 means
	// no limit.
	Sessions int `yaml:"sessions"`
	// SessionsPerAddress is the same for one IPv4 address or IPv6 network (/64).
	SessionsPerAddress int `yaml:"sessions_per_address"`
	// Memory bounds the memory of the media of all broadcasts: above it no further publisher
	// is admitted. 0 means no limit.
	Memory MemoryLimit `yaml:"memory"`
	// MessageSize is the largest RTMP message or FLV tag of an authorised publisher: a key
	// frame of a 4K stream can pass 1MiB.
	MessageSize setting.Bytes `yaml:"message_size"`
	// MessageMemory bounds the memory of incomplete messages of all publishers together.
	// Above it the session that holds the most is ended.
	MessageMemory setting.Bytes `yaml:"message_memory"`
	// Ahead is how far media may be ahead of the time since the session began. Beyond it the
	// session is read at real time.
	Ahead time.Duration `yaml:"ahead"`
	// HandshakeTimeout is how long a peer has from connecting to publishing.
	HandshakeTimeout time.Duration `yaml:"handshake_timeout"`
	// Bitrate is audio and all video tracks together, averaged over 6 seconds of the
	// stream's own time. A session above it is warned after 3 seconds, and ended
	// after 10, or immediately if one second holds as much as 6 may.
	Bitrate setting.BitRate `yaml:"bitrate"`
	// Width and Height bound the picture size, in pixels.
	Width  int `yaml:"width"`
	Height int `yaml:"height"`
	// FrameRate is in pictures per second of each video track, averaged as Bitrate is.
	FrameRate int `yaml:"frame_rate"`
	// GOPWarn is the key frame interval above which the broadcaster is warned: players can
	// only join at key frames.
	GOPWarn time.Duration `yaml:"gop_warn"`
	// GOPMax is the time without a key frame that ends a session.
	GOPMax time.Duration `yaml:"gop_max"`
	// Duration is the maximum duration of a session.
	Duration time.Duration `yaml:"duration"`
}

// defaultLimits returns limits that admit every correct encoder and protect the memory
// from others.
func defaultLimits() LimitsConfig {
	return LimitsConfig{
		Connections:      2000,
		Memory:           AutoMemory,
		MessageSize:      16 * setting.MiB,
		MessageMemory:    128 * setting.MiB,
		Ahead:            5 * time.Second,
		HandshakeTimeout: 10 * time.Second,
		Bitrate:          100_000_000,
		Width:            8192,
		Height:           8192,
		FrameRate:        240,
		GOPWarn:          5 * time.Second,
	}
}

func (c LimitsConfig) validate(p *setting.Problems) {
	if c.Connections < 1 {
		p.Add("limits.connections", "", "must be at least 1")
	}
	c.Memory.validate(p)
	if c.MessageSize < 64*setting.KiB || c.MessageSize > 64*setting.MiB {
		p.Add("limits.message_size", "16MiB carries a 4K key frame", "must be from 64KiB to 64MiB")
	}
	if c.MessageMemory < 2*c.MessageSize {
		p.Add("limits.message_memory", "128MiB is 100 key frames of a 4K stream", "must be at least twice message_size")
	}
	if c.Ahead != 0 && (c.Ahead < time.Second || c.Ahead > time.Minute) {
		p.Add("limits.ahead", "0s means no limit, 5s lets an encoder send what it buffered while it connected", "must be from 1s to 1m")
	}
	if c.HandshakeTimeout < time.Second || c.HandshakeTimeout > time.Minute {
		p.Add("limits.handshake_timeout", "", "must be from 1s to 1m")
	}
	for _, n := range []struct {
		key   string
		value int
	}{
		{"sessions", c.Sessions},
		{"sessions_per_address", c.SessionsPerAddress},
		{"width", c.Width},
		{"height", c.Height},
		{"frame_rate", c.FrameRate},
	} {
		if n.value < 0 {
			p.Add("limits."+n.key, "0 means no limit", "must not be negative")
		}
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"gop_warn", c.GOPWarn}, {"gop_max", c.GOPMax}, {"duration", c.Duration}} {
		if d.value != 0 && d.value < time.Second {
			p.Add("limits."+d.key, "0s means no limit", "must be at least 1s")
		}
	}
	if c.GOPMax > 0 && c.GOPMax < c.GOPWarn {
		p.Add("limits.gop_max", "", "must not be less than gop_warn")
	}
}

// Limit is a limit that a publisher can reach; its text is the key under ingest.limits.
type Limit string

// The limits.
const (
	LimitBitrate            Limit = "bitrate"
	LimitWidth              Limit = "width"
	LimitHeight             Limit = "height"
	LimitFrameRate          Limit = "frame_rate"
	LimitGOPWarn            Limit = "gop_warn"
	LimitGOPMax             Limit = "gop_max"
	LimitDuration           Limit = "duration"
	LimitMemory             Limit = "memory"
	LimitMessageMemory      Limit = "message_memory"
	LimitSessions           Limit = "sessions"
	LimitSessionsPerAddress Limit = "sessions_per_address"
)

func limits() []Limit {
	return []Limit{
		LimitBitrate, LimitWidth, LimitHeight, LimitFrameRate, LimitGOPWarn, LimitGOPMax, LimitDuration,
		LimitMemory, LimitMessageMemory, LimitSessions, LimitSessionsPerAddress,
	}
}

// LimitError reports the limit that was reached, in a text for the person at the encoder.
// It wraps ErrLimit.
type LimitError struct {
	// Limit is the limit's key under ingest.limits.
	Limit Limit
	// Measured describes the measured value: "the bit rate is 8.2 Mbit/s".
	Measured string
	// Allowed is the limit's value: "6 Mbit/s".
	Allowed string
}

// Error returns the limit, its value and the measured value.
func (e *LimitError) Error() string { return fmt.Sprintf("%v: %s", ErrLimit, e.Reason()) }

// Reason is like Error, without "limit reached".
func (e *LimitError) Reason() string {
	return fmt.Sprintf("%s; the limit is %s (ingest.limits.%s)", e.Measured, e.Allowed, e.Limit)
}

// Unwrap returns ErrLimit.
func (e *LimitError) Unwrap() error { return ErrLimit }

// Warning returns the warning for the broadcaster.
func (e *LimitError) Warning() Warning { return Warning{Code: warningOf(e.Limit), Text: e.Reason()} }
