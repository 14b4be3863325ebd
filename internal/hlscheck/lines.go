package hlscheck

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// line is a line of a playlist: a tag, or a URI with an empty name.
type line struct {
	number int
	// name is the tag without "#", value the rest of the line after the colon.
	name, value string
	hasValue    bool
	uri         string
}

// splitLines splits a playlist by RFC 8216bis section 4.1: UTF-8 without a byte order mark or
// control characters, #EXTM3U first, blank lines and comments skipped.
func splitLines(r *report, text []byte) []line {
	if !utf8.Valid(text) {
		r.add(0, 0, "the text is not UTF-8")
	}
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		r.add(0, 1, "the text begins with a byte order mark")
	}
	raw := strings.Split(string(text), "\n")
	if strings.TrimSuffix(raw[0], "\r") != "#EXTM3U" {
		r.add(1, 1, "the first line is %q, not #EXTM3U", shorten(raw[0]))
	}
	lines := make([]line, 0, len(raw))
	for i, s := range raw {
		s = strings.TrimSuffix(s, "\r")
		n := i + 1
		if strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || 0x7f <= c && c < 0xa0 }) {
			r.add(0, n, "control character in %q", shorten(s))
		}
		switch {
		case s == "" || i == 0:
		case strings.TrimSpace(s) != s:
			r.add(0, n, "white space around %q", shorten(s))
		case strings.HasPrefix(s, "#EXT"):
			name, value, has := strings.Cut(s[1:], ":")
			lines = append(lines, line{number: n, name: name, value: value, hasValue: has})
		case s[0] == '#':
		default:
			lines = append(lines, line{number: n, uri: s})
		}
	}
	return lines
}

// isMultivariant reports whether the text is a multivariant playlist: it has a tag
// that only those have (RFC 8216bis section 4.4.6).
func isMultivariant(text []byte) bool {
	for l := range bytes.Lines(text) {
		if bytes.HasPrefix(l, []byte("#EXT-X-STREAM-INF:")) || bytes.HasPrefix(l, []byte("#EXT-X-MEDIA:")) {
			return true
		}
	}
	return false
}
