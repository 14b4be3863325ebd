package ingest

import (
	"fmt"
	"strings"
)

// publishingPoint is the last element of the path that app and name make
// together. Encoders split one address in many ways: "live" and "NAME",
// "live/NAME" and "", "live" and "instance/NAME", or the whole URL as the name;
// and put a query on either half.
func publishingPoint(app, name string) (string, error) {
	app, _, _ = strings.Cut(app, "?")
	name, _, _ = strings.Cut(name, "?")
	if _, path, ok := strings.Cut(name, "://"); ok {
		// A whole URL: its first element is the host.
		_, name, _ = strings.Cut(path, "/")
		app = ""
	}
	var elements []string
	for e := range strings.SplitSeq(app+"/"+name, "/") {
		if e == "." || e == ".." {
			return "", fmt.Errorf("%w: %q is not a path element", ErrBadName, e)
		}
		if e != "" {
			elements = append(elements, e)
		}
	}
	if len(elements) < 2 {
		return "", fmt.Errorf("%w: the address must have two parts, as in rtmp://HOST/live/NAME", ErrBadName)
	}
	return elements[len(elements)-1], nil
}

// maxEncoderLength is the longest encoder name that is kept, in bytes.
const maxEncoderLength = 64

// CleanEncoder makes what a peer calls itself fit for a log line: printable
// ASCII, at most 64 bytes.
func CleanEncoder(s string) string {
	s = s[:min(len(s), 4*maxEncoderLength)]
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(clean[:min(len(clean), maxEncoderLength)])
}
