package hlscheck

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// mediaParser is the state of parsing a media playlist: next collects the tags of the next
// segment.
type mediaParser struct {
	r    *report
	m    *Media
	next Segment
	// extinf is set if next.Duration was given.
	extinf        bool
	initMap       Map
	discontinuity int64
	once          map[string]int
	firstPartLine int // line of the first EXT-X-PART
	// byteRange is the EXT-X-BYTERANGE of the next segment; segmentEnd and partEnd are where
	// ranges without an offset begin.
	byteRange           line
	segmentEnd, partEnd rangeEnd
}

// ParseMedia parses a media playlist strictly, and returns what could be parsed and all
// violations of rules on a single playlist; url is only used in the violations.
func ParseMedia(url string, text []byte) (*Media, []Violation) {
	r := &report{url: url}
	p := &mediaParser{r: r, m: &Media{Version: 1, Needs: 1}, once: map[string]int{}}
	for _, l := range splitLines(r, text) {
		p.m.Needs = max(p.m.Needs, l.needs())
		if l.name == "" {
			p.segment(l)
			continue
		}
		if err := p.tag(l); err != nil {
			r.add(0, l.number, "%s: %v", l.name, err)
		}
	}
	p.finish()
	checkMedia(r, p.m)
	return p.m, r.list
}

// single reports whether a media playlist may have the tag only once.
func single(name string) bool {
	switch name {
	case "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE",
		"EXT-X-ENDLIST", "EXT-X-PLAYLIST-TYPE", "EXT-X-I-FRAMES-ONLY", "EXT-X-PART-INF",
		"EXT-X-SERVER-CONTROL", "EXT-X-SKIP", "EXT-X-INDEPENDENT-SEGMENTS":
		return true
	}
	return false
}

func (p *mediaParser) tag(l line) error {
	if first, twice := p.once[l.name]; twice && single(l.name) {
		if l.name == "EXT-X-SKIP" {
			p.r.add(38, l.number, "a second EXT-X-SKIP")
			return nil
		}
		return fmt.Errorf("the tag is already on line %d", first)
	}
	p.once[l.name] = l.number
	if handled, err := p.playlistTag(l); handled {
		return err
	}
	if handled, err := p.segmentTag(l); handled {
		return err
	}
	return p.lowLatencyTag(l)
}

func (p *mediaParser) playlistTag(l line) (handled bool, err error) {
	m := p.m
	var n int64
	switch l.name {
	case "EXT-X-VERSION":
		n, err = parseInteger(l.value)
		m.Version = int(n)
	case "EXT-X-TARGETDURATION":
		n, err = parseInteger(l.value)
		m.TargetDuration, m.HasTargetDuration = time.Duration(n)*time.Second, err == nil
	case "EXT-X-MEDIA-SEQUENCE":
		m.MediaSequence, err = parseInteger(l.value)
		m.HasMediaSequence = true
		p.mustPrecede(l, "the first segment")
	case "EXT-X-DISCONTINUITY-SEQUENCE":
		m.DiscontinuitySequence, err = parseInteger(l.value)
		m.HasDiscontinuitySequence = true
		p.mustPrecede(l, "the first segment")
		if p.next.Discontinuity {
			p.r.add(6, l.number, "EXT-X-DISCONTINUITY-SEQUENCE follows an EXT-X-DISCONTINUITY")
		}
		p.discontinuity = m.DiscontinuitySequence
	case "EXT-X-PLAYLIST-TYPE":
		m.PlaylistType = l.value
		if l.value != "EVENT" && l.value != "VOD" {
			p.r.add(18, l.number, "EXT-X-PLAYLIST-TYPE is %q, want EVENT or VOD", shorten(l.value))
		}
	case "EXT-X-ENDLIST":
		m.EndList = true
	case "EXT-X-INDEPENDENT-SEGMENTS":
		m.IndependentSegments = true
	case "EXT-X-STREAM-INF", "EXT-X-MEDIA", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-SESSION-DATA", "EXT-X-SESSION-KEY", "EXT-X-CONTENT-STEERING":
		err = fmt.Errorf("the tag belongs in a multivariant playlist")
	default:
		return false, nil
	}
	return true, err
}

func (p *mediaParser) mustPrecede(l line, what string) {
	if len(p.m.Segments) > 0 {
		p.r.add(0, l.number, "%s follows %s", l.name, what)
	}
}

func (p *mediaParser) segmentTag(l line) (handled bool, err error) {
	switch l.name {
	case "EXTINF":
		duration, _, comma := strings.Cut(l.value, ",")
		if !comma {
			p.r.add(0, l.number, "EXTINF lacks the comma after the duration")
		}
		p.next.Duration, err = parseSeconds(duration)
		p.extinf = true
		p.next.Line = l.number
	case "EXT-X-BYTERANGE":
		p.byteRange = l
	case "EXT-X-DISCONTINUITY":
		if p.next.Discontinuity {
			p.r.add(6, l.number, "a segment has two EXT-X-DISCONTINUITY")
		}
		p.next.Discontinuity = true
		p.discontinuity++
	case "EXT-X-GAP":
		p.next.Gap = true
	case "EXT-X-PROGRAM-DATE-TIME":
		p.next.ProgramDateTime, err = parseDateTime(l.value)
	case "EXT-X-MAP":
		var a Attributes
		if a, err = parseAttributes(l.value); err == nil {
			p.initMap, err = parseMap(a)
		}
	case "EXT-X-KEY", "EXT-X-DATERANGE", "EXT-X-BITRATE", "EXT-X-START", "EXT-X-DEFINE", "EXT-X-I-FRAMES-ONLY":
	default:
		return false, nil
	}
	return true, err
}

// parseMap parses the attributes of EXT-X-MAP (section 4.4.4.5).
func parseMap(a Attributes) (m Map, err error) {
	if m.URI, err = requiredURI(a); err != nil {
		return Map{}, err
	}
	text, ok, err := a.quoted("BYTERANGE")
	if err != nil || !ok {
		return m, err
	}
	if !strings.Contains(text, "@") {
		text += "@0"
	}
	m.Bytes, err = new(rangeEnd).parse(m.URI, text)
	return m, err
}

func requiredURI(a Attributes) (string, error) {
	text, ok, err := a.quoted("URI")
	if err == nil && (!ok || text == "") {
		err = errors.New("attribute URI is missing")
	}
	return text, err
}

// parseDateTime requires a time zone: without one the date is ambiguous (RFC 8216bis section
// 4.4.4.6 says SHOULD; players assume different ones).
func parseDateTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not an ISO 8601 date and time with a zone", shorten(s))
}

// segment adds the next segment, whose URI is l.
func (p *mediaParser) segment(l line) {
	if !p.extinf {
		p.r.add(0, l.number, "URI %q has no EXTINF", shorten(l.uri))
	}
	s := p.next
	s.URI, s.Map = l.uri, p.initMap
	s.MSN = p.m.MediaSequence + p.m.Skipped + int64(len(p.m.Segments))
	s.DiscontinuitySequence = p.discontinuity
	if s.Line == 0 {
		s.Line = l.number
	}
	if b := p.byteRange; b.name != "" {
		var err error
		if s.Bytes, err = p.segmentEnd.parse(s.URI, b.value); err != nil {
			p.r.add(0, b.number, "%s: %v", b.name, err)
		}
	}
	p.m.Segments = append(p.m.Segments, s)
	p.next, p.extinf, p.byteRange = Segment{}, false, line{}
}

// rangeEnd is where the last byte range of its kind ended.
type rangeEnd struct {
	uri string
	at  int64
}

// parse parses n[@o] (section 4.4.4.2): without an offset, the range follows the previous one
// of the same resource.
func (e *rangeEnd) parse(uri, text string) (ByteRange, error) {
	const most = 1 << 53
	length, offset, ok := strings.Cut(text, "@")
	n, err := parseInteger(length)
	if err != nil || n == 0 || n > most {
		return ByteRange{}, fmt.Errorf("%q is not a byte range", shorten(text))
	}
	b := ByteRange{Length: n, Offset: e.at}
	switch {
	case ok:
		if b.Offset, err = parseInteger(offset); err != nil || b.Offset > most {
			return ByteRange{}, fmt.Errorf("%q is not a byte range", shorten(text))
		}
	case uri != e.uri:
		return ByteRange{}, errors.New("a byte range without an offset follows none of the same resource")
	}
	e.uri, e.at = uri, b.Offset+b.Length
	return b, nil
}

func (p *mediaParser) finish() {
	if p.extinf {
		p.r.add(0, p.next.Line, "EXTINF has no URI")
	}
	p.m.Parts, p.m.OpenDiscontinuity = p.next.Parts, p.next.Discontinuity
	if p.firstPartLine > 0 && p.m.PartTarget == 0 {
		p.r.add(26, p.firstPartLine, "EXT-X-PART without EXT-X-PART-INF")
	}
	free := roundedVersion
	if _, mapped := p.once["EXT-X-MAP"]; mapped {
		free = mappedVersion
		if _, iframes := p.once["EXT-X-I-FRAMES-ONLY"]; !iframes {
			p.m.Needs = max(p.m.Needs, 6)
		}
	}
	if at := p.once["EXT-X-VERSION"]; p.m.Skipped > 0 && p.m.Version < 9 {
		p.r.add(38, at, "EXT-X-SKIP in a playlist of version %d, want 9 or higher", p.m.Version)
	} else {
		checkVersion(p.r, at, p.m.Version, p.m.Needs, free)
	}
}

// roundedVersion is the version from which rounded durations are compared with
// EXT-X-TARGETDURATION: any media playlist may have it.
const roundedVersion = 6

// mappedVersion is the version that Apple's tools and authoring guide have for fragmented
// MP4, and with them most packagers. The tags need 6.
const mappedVersion = 7
