package playlist

import (
	"strconv"
	"time"

	"golive/media"
)

// dateFormat is ISO 8601 with milliseconds (section 4.4.4.6).
const dateFormat = "2006-01-02T15:04:05.000Z07:00"

// Tags of every segment.
const (
	dateTag = "#EXT-X-PROGRAM-DATE-TIME:"
	infoTag = "#EXTINF:"
)

// mediaHead begins a media playlist, deltaHead a delta update. From version 6 on rounded
// durations must not exceed EXT-X-TARGETDURATION; EXT-X-SKIP needs version 9. A playlist
// should not have a higher version than it needs (sections 6.2.1 and 8).
const (
	mediaHead = "#EXTM3U\n#EXT-X-VERSION:6\n"
	deltaHead = "#EXTM3U\n#EXT-X-VERSION:9\n"
)

// independentTag is for playlists in which every segment begins with a key frame (section
// 4.4.2.1).
const independentTag = "#EXT-X-INDEPENDENT-SEGMENTS\n"

// appendSeconds appends t in seconds with five decimals, finer than a tick.
func appendSeconds(dst []byte, t media.Ticks) []byte {
	return strconv.AppendFloat(dst, t.Seconds(), 'f', 5, 64)
}

// appendSegmentHead appends the tags that precede a segment's parts, with EXT-X-MAP if mapped.
func appendSegmentHead(dst []byte, s *media.Segment, mapped bool) []byte {
	if s.Discontinuity {
		dst = append(dst, "#EXT-X-DISCONTINUITY\n"...)
	}
	if mapped {
		dst = appendMap(dst, s.Init)
	}
	dst = append(dst, dateTag...)
	dst = s.ProgramDateTime.In(time.UTC).AppendFormat(dst, dateFormat)
	return append(dst, '\n')
}

// appendMap appends EXT-X-MAP (section 4.4.4.5).
func appendMap(dst []byte, i *media.Init) []byte {
	dst = append(dst, `#EXT-X-MAP:URI="`...)
	dst = append(dst, i.Name...)
	return append(dst, "\"\n"...)
}

// appendPart appends an EXT-X-PART (section 4.4.4.9).
func appendPart(dst []byte, p *media.Part) []byte {
	dst = append(dst, "#EXT-X-PART:DURATION="...)
	dst = appendSeconds(dst, p.Duration)
	dst = append(dst, `,URI="`...)
	dst = append(dst, p.Name()...)
	dst = append(dst, '"')
	if p.Independent {
		dst = append(dst, ",INDEPENDENT=YES"...)
	}
	if p.Gap {
		dst = append(dst, ",GAP=YES"...)
	}
	return append(dst, '\n')
}

// appendSegmentTail appends EXTINF and the URI.
func appendSegmentTail(dst []byte, s *media.Segment, gap bool) []byte {
	dst = appendSegmentInfo(dst, s, gap)
	dst = append(dst, s.Name()...)
	return append(dst, '\n')
}

// appendSegmentInfo appends EXTINF, and before it EXT-X-GAP if the segment is not available
// (section 4.4.4.7).
func appendSegmentInfo(dst []byte, s *media.Segment, gap bool) []byte {
	if gap {
		dst = append(dst, "#EXT-X-GAP\n"...)
	}
	dst = append(dst, infoTag...)
	dst = appendSeconds(dst, s.Duration)
	return append(dst, ",\n"...)
}
