package segmenter

import (
	"golive/media"
)

// Format holds the constants of a rendition's playlist.
type Format struct {
	// Target is EXT-X-TARGETDURATION: no segment's duration, rounded to the
	// second, is above it (RFC 8216bis section 4.4.3.1). In seconds.
	Target int
	// PartTarget is the PART-TARGET of EXT-X-PART-INF: no part is longer.
	PartTarget media.Ticks
}

// maxSegment returns the longest duration of a segment: rounded, it must not exceed Target.
func (f Format) maxSegment() media.Ticks {
	return media.Ticks(f.Target)*media.Second + media.Second/2 - media.Millisecond
}

// jitter is how far a part may deviate from whole frames because RTMP rounds times to
// milliseconds: one at either end.
const jitter = 2 * media.Millisecond

// freeze returns the Format for a configuration and a frame duration. The group of pictures
// is assumed to fit the configured segment duration.
//
// A frame duration longer than a part is ignored if there is audio, or if pictures are so
// far apart that they are repeated.
func freeze(cfg Config, frame media.Ticks, sound bool) Format {
	segment := media.TicksFromDuration(cfg.SegmentDuration)
	part := media.TicksFromDuration(cfg.PartDuration)
	f := Format{Target: int((segment + media.Second/2) / media.Second)}
	switch {
	case frame > part && sound:
		f.PartTarget = part
		return f
	case frame > media.Second:
		f.PartTarget = max(part, repeatEvery)
		return f
	}
	frames := max(1, (part+jitter)/frame)
	// A last part that is shorter than the others is not known to be the last until the key
	// frame arrives. So let whole parts fill the segment if they need not be much shorter.
	for n := frames; n > frames*3/4; n-- {
		if (segment+frame/2)/frame%n == 0 {
			frames = n
			break
		}
	}
	// Frames of a phone jitter, and a part must not hold one less for it. A part is at least
	// 85 % of PART-TARGET (RFC 8216bis section 4.4.4.9), which is written in milliseconds.
	target := frames*frame + max(jitter, min(frame/2, frames*frame/8))
	target = (target + media.Millisecond - 1) / media.Millisecond * media.Millisecond
	f.PartTarget = min(target, media.Ticks(f.Target)*media.Second)
	return f
}

// minPart returns the shortest duration of a part that is followed by another (RFC 8216bis
// section 4.4.4.9: 85 % of PART-TARGET).
func (f Format) minPart() media.Ticks { return (f.PartTarget*85 + 99) / 100 }
