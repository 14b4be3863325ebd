package hlscheck

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseMultivariant parses a multivariant playlist strictly, and returns all violations; url
// is only used in them.
func ParseMultivariant(url string, text []byte) (*Multivariant, []Violation) {
	r := &report{url: url}
	m := &Multivariant{Version: 1}
	var pending *Variant
	needs, versionAt := 1, 0
	for _, l := range splitLines(r, text) {
		needs = max(needs, l.needs())
		if pending != nil && l.name != "" {
			r.add(0, l.number, "EXT-X-STREAM-INF is followed by %s, not by its URI", l.name)
			pending = nil
		}
		switch l.name {
		case "":
			if pending == nil {
				r.add(0, l.number, "URI %q has no EXT-X-STREAM-INF", shorten(l.uri))
				continue
			}
			pending.URI = l.uri
			m.Variants = append(m.Variants, *pending)
			pending = nil
		case "EXT-X-VERSION":
			n, err := parseInteger(l.value)
			if err != nil {
				r.add(0, l.number, "EXT-X-VERSION: %v", err)
			}
			m.Version, versionAt = int(n), l.number
		case "EXT-X-INDEPENDENT-SEGMENTS":
			m.IndependentSegments = true
		case "EXT-X-STREAM-INF":
			pending = parseVariant(r, l)
		case "EXT-X-MEDIA":
			a, err := parseAttributes(l.value)
			if err != nil {
				r.add(0, l.number, "EXT-X-MEDIA: %v", err)
				continue
			}
			m.Media = append(m.Media, a)
		case "EXTINF", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-ENDLIST", "EXT-X-PART", "EXT-X-PLAYLIST-TYPE":
			r.add(0, l.number, "%s belongs in a media playlist", l.name)
		}
	}
	if pending != nil {
		r.add(0, pending.Line, "EXT-X-STREAM-INF has no URI")
	}
	if len(m.Variants) == 0 {
		r.add(0, 0, "the playlist has no EXT-X-STREAM-INF")
	}
	checkCaptions(r, m)
	checkVersion(r, versionAt, m.Version, needs, 1)
	return m, r.list
}

func parseVariant(r *report, l line) *Variant {
	v := &Variant{Line: l.number}
	a, err := parseAttributes(l.value)
	if err != nil {
		r.add(0, l.number, "EXT-X-STREAM-INF: %v", err)
		return v
	}
	v.Attributes = a
	note := func(err error) {
		if err != nil {
			r.add(0, l.number, "EXT-X-STREAM-INF: %v", err)
		}
	}
	missing := func(rule int, name string) {
		r.add(rule, l.number, "EXT-X-STREAM-INF has no %s", name)
	}
	var ok bool
	if v.Bandwidth, ok, err = a.integer("BANDWIDTH"); !ok {
		missing(0, "BANDWIDTH")
	}
	note(err)
	if v.AverageBandwidth, ok, err = a.integer("AVERAGE-BANDWIDTH"); !ok {
		missing(43, "AVERAGE-BANDWIDTH")
	}
	note(err)
	if v.AverageBandwidth > v.Bandwidth {
		r.add(43, l.number, "AVERAGE-BANDWIDTH %d is above BANDWIDTH %d", v.AverageBandwidth, v.Bandwidth)
	}
	if v.Codecs, ok, err = a.quoted("CODECS"); !ok {
		missing(43, "CODECS")
	}
	note(err)
	if hasVideo(v.Codecs) {
		parsePicture(r, l, a, v)
	}
	return v
}

// parsePicture parses the attributes that are required for a variant with video.
func parsePicture(r *report, l line, a Attributes, v *Variant) {
	if size, ok := a["RESOLUTION"]; !ok {
		r.add(43, l.number, "EXT-X-STREAM-INF has no RESOLUTION")
	} else if err := parseResolution(size.Text, v); err != nil {
		r.add(0, l.number, "EXT-X-STREAM-INF: %v", err)
	}
	rate, ok := a["FRAME-RATE"]
	if !ok {
		r.add(43, l.number, "EXT-X-STREAM-INF has no FRAME-RATE")
		return
	}
	f, err := strconv.ParseFloat(rate.Text, 64)
	if err != nil || f <= 0 {
		r.add(0, l.number, "EXT-X-STREAM-INF: FRAME-RATE is %q", shorten(rate.Text))
	}
	v.FrameRate = f
}

func parseResolution(s string, v *Variant) error {
	w, h, _ := strings.Cut(s, "x")
	width, err1 := parseInteger(w)
	height, err2 := parseInteger(h)
	if err1 != nil || err2 != nil || width == 0 || height == 0 {
		return fmt.Errorf("RESOLUTION is %q, want WIDTHxHEIGHT", shorten(s))
	}
	v.Width, v.Height = int(width), int(height)
	return nil
}

// hasVideo reports whether a CODECS attribute names a video codec (RFC 6381).
func hasVideo(codecs string) bool {
	for codec := range strings.SplitSeq(codecs, ",") {
		switch kind, _, _ := strings.Cut(strings.TrimSpace(codec), "."); kind {
		case "avc1", "avc3", "hvc1", "hev1", "av01", "vp09", "dvh1":
			return true
		}
	}
	return false
}
