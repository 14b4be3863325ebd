package ingest

import (
	"fmt"
	"strings"
)

// maxEscapings is how many times a name may have been percent-encoded.
const maxEscapings = 3

// StreamName returns the stream name of a publisher: the last element of the path formed by
// app and name. It is the same for every form in which encoders send an address. They split
// it in many ways: "live" and "NAME", "live/NAME"
// and "", "live" and "instance/NAME", or the whole URL as the name; they
// append a query to either half; some send the address unchanged, some percent-decode it,
// some percent-encode it again; and librtmp and ffmpeg treat "NAME.flv" and "NAME.mp4" as
// files, and send "NAME" and "mp4:NAME".
//
// The error wraps ErrBadName.
func StreamName(app, name string) (string, error) {
	app, _, _ = strings.Cut(app, "?")
	name, _, _ = strings.Cut(name, "?")
	if _, path, ok := strings.Cut(name, "://"); ok {
		// A whole URL: its first element is the host.
		_, name, _ = strings.Cut(path, "/")
		app = ""
	}
	last, elements := "", 0
	for e := range strings.SplitSeq(app+"/"+name, "/") {
		if e == "" {
			continue
		}
		// An escaped "/" is part of an element (RFC 3986 section 2.2); no valid name has one.
		if last = unescape(e); last == "." || last == ".." {
			return "", fmt.Errorf("%w: %q is not a path element", ErrBadName, last)
		}
		elements++
	}
	if elements < 2 {
		return "", fmt.Errorf("%w: the address must have two parts, as in rtmp://HOST/live/NAME", ErrBadName)
	}
	return withoutFileType(last), nil
}

// unescape percent-decodes s repeatedly until no escape is left. Invalid escapes are kept.
func unescape(s string) string {
	for range maxEscapings {
		at := strings.IndexByte(s, '%')
		if at < 0 {
			break
		}
		plain := []byte(s[:at])
		for i := at; i < len(s); i++ {
			if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
				plain = append(plain, hexValue(s[i+1])<<4|hexValue(s[i+2]))
				i += 2
				continue
			}
			plain = append(plain, s[i])
		}
		if len(plain) == len(s) {
			break
		}
		s = string(plain)
	}
	return s
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// fileTypes returns the file types that librtmp and ffmpeg recognise in a name.
func fileTypes() []string { return []string{"flv", "f4v", "mp4", "mp3"} }

// withoutFileType removes a prefix like "mp4:" that encoders add to a name with an
// extension, and the extension, which some encoders remove.
func withoutFileType(name string) string {
	for _, t := range fileTypes() {
		if rest, ok := strings.CutPrefix(name, t+":"); ok && rest != "" {
			name = rest
			break
		}
	}
	for _, t := range fileTypes() {
		if stem, ok := strings.CutSuffix(name, "."+t); ok && stem != "" {
			return stem
		}
	}
	return name
}

// maxEncoderLength is the longest encoder name, in bytes; longer ones are truncated.
const maxEncoderLength = 64

// CleanEncoder returns the encoder name that a peer sent as printable ASCII of at most 64
// bytes.
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
