package segmenter

import (
	"time"

	"golive/internal/setting"
)

// Config configures the lengths of segments and parts.
type Config struct {
	// SegmentDuration is the least duration of a segment: it ends at the first key frame at
	// or after it. From 1s to 10s. A longer one means fewer requests
	// and a longer delay for players without low latency (they stay three
	// segments behind). Only the first segment may be shorter; see firstSegment.
	SegmentDuration time.Duration `yaml:"segment_duration"`
	// PartDuration is the longest duration of a part, reduced to whole frames and to a
	// fraction of the segment: at 30 frames a second 200 ms, ten in a segment of 2 s. From 100ms
	// to 1s. PART-TARGET is up to half a frame more, for frames that come late.
	// Low-latency players stay three parts behind.
	PartDuration time.Duration `yaml:"part_duration"`
}

// DefaultConfig returns segments of 2 s with parts of 250 ms.
func DefaultConfig() Config {
	return Config{SegmentDuration: 2 * time.Second, PartDuration: 250 * time.Millisecond}
}

// Validate returns an error for every invalid value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.SegmentDuration < time.Second || c.SegmentDuration > 10*time.Second {
		p.Add("segment_duration", "2s suits an encoder with a key frame every 1 or 2 seconds", "must be from 1s to 10s")
	}
	if c.PartDuration < 100*time.Millisecond || c.PartDuration > time.Second {
		p.Add("part_duration", "250ms gives about one second of delay", "must be from 100ms to 1s")
	}
	if c.PartDuration > c.SegmentDuration {
		p.Add("part_duration", "", "must not be longer than segment_duration")
	}
	return p.Err()
}
