package hlscheck

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Attributes is an attribute list (RFC 8216bis section 4.2).
type Attributes map[string]Attribute

// Attribute is one value of an attribute list, without quotes.
type Attribute struct {
	Text   string
	Quoted bool
}

// parseAttributes parses an attribute list strictly: names of A-Z, 0-9 and "-", no white
// space, no name twice.
func parseAttributes(s string) (Attributes, error) {
	attrs := Attributes{}
	for rest := s; ; {
		name, value, ok := strings.Cut(rest, "=")
		if !ok || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return nil, fmt.Errorf("attribute name expected at %q", shorten(rest))
		}
		if _, twice := attrs[name]; twice {
			return nil, fmt.Errorf("attribute %s appears twice", name)
		}
		a, after, err := cutValue(value)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		attrs[name] = a
		if after == "" {
			return attrs, nil
		}
		rest, ok = strings.CutPrefix(after, ",")
		if !ok {
			return nil, fmt.Errorf("attribute %s: %q after the value", name, shorten(after))
		}
	}
}

func cutValue(s string) (a Attribute, after string, err error) {
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		text, after, ok := strings.Cut(quoted, `"`)
		if !ok {
			return a, "", fmt.Errorf("quotation mark without an end")
		}
		return Attribute{Text: text, Quoted: true}, after, nil
	}
	end := strings.IndexByte(s, ',')
	if end < 0 {
		end = len(s)
	}
	text := s[:end]
	if text == "" || strings.ContainsAny(text, "\" \t") {
		return a, "", fmt.Errorf("value %q is not allowed without quotation marks", shorten(text))
	}
	return Attribute{Text: text}, s[end:], nil
}

// quoted returns a quoted-string attribute; ok is false when it is absent.
func (a Attributes) quoted(name string) (text string, ok bool, err error) {
	v, ok := a[name]
	if ok && !v.Quoted {
		return "", true, fmt.Errorf("attribute %s must be in quotation marks", name)
	}
	return v.Text, ok, nil
}

// enum returns an enumerated-string attribute with one of the allowed values; ok is false when it is
// absent.
func (a Attributes) enum(name string, allowed ...string) (text string, ok bool, err error) {
	v, ok := a[name]
	if !ok {
		return "", false, nil
	}
	for _, s := range allowed {
		if !v.Quoted && v.Text == s {
			return s, true, nil
		}
	}
	return "", true, fmt.Errorf("attribute %s is %q, want one of %v", name, v.Text, allowed)
}

// integer returns a decimal-integer attribute; ok is false when it is absent.
func (a Attributes) integer(name string) (n int64, ok bool, err error) {
	v, ok := a[name]
	if !ok {
		return 0, false, nil
	}
	n, err = parseInteger(v.Text)
	if err != nil || v.Quoted {
		return 0, true, fmt.Errorf("attribute %s is %q, want a decimal integer", name, v.Text)
	}
	return n, true, nil
}

// seconds returns a decimal-floating-point attribute as a duration; ok is false when
// it is absent.
func (a Attributes) seconds(name string) (d time.Duration, ok bool, err error) {
	v, ok := a[name]
	if !ok {
		return 0, false, nil
	}
	d, err = parseSeconds(v.Text)
	if err != nil || v.Quoted {
		return 0, true, fmt.Errorf("attribute %s is %q, want decimal seconds", name, v.Text)
	}
	return d, true, nil
}

// parseInteger reads a decimal-integer: digits only, at most 2^63-1 here.
func parseInteger(s string) (int64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a decimal integer", shorten(s))
	}
	return strconv.ParseInt(s, 10, 64)
}

// parseSeconds parses a decimal-floating-point exactly, to the nanosecond, so that sums are
// exact.
func parseSeconds(s string) (time.Duration, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := parseInteger(whole)
	if err != nil || n > int64(1<<62/time.Second) {
		return 0, fmt.Errorf("%q is not a number of seconds", shorten(s))
	}
	d := time.Duration(n) * time.Second
	if fraction == "" {
		return d, nil
	}
	if len(fraction) > 9 {
		fraction = fraction[:9]
	}
	f, err := parseInteger(fraction)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of seconds", shorten(s))
	}
	for range 9 - len(fraction) {
		f *= 10
	}
	return d + time.Duration(f), nil
}

// shorten truncates s for messages.
func shorten(s string) string { return cutTo(s, 60) }

func cutTo(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
