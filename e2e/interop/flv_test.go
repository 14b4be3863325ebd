//go:build e2e

package interop

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// The types of FLV tags.
const (
	tagAudio  = 8
	tagVideo  = 9
	tagScript = 18
)

// tag is one tag of an FLV file.
type tag struct {
	kind byte
	time uint32 // milliseconds
	body []byte
}

// readFLV returns the tags of a file.
func readFLV(t *testing.T, path string) (tags []tag) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const header, tagHeader, sizeAfter = 9 + 4, 11, 4
	for b = b[header:]; len(b) > tagHeader; {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		stamp := uint32(b[7])<<24 | uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6])
		tags = append(tags, tag{b[0], stamp, b[tagHeader : tagHeader+size]})
		b = b[tagHeader+size+sizeAfter:]
	}
	return tags
}

// writeFLV writes tags to a file, and returns its path.
func writeFLV(t *testing.T, name string, tags []tag) string {
	t.Helper()
	b := []byte{'F', 'L', 'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0}
	for _, g := range tags {
		n, at := len(g.body), g.time
		b = append(b, g.kind, byte(n>>16), byte(n>>8), byte(n), byte(at>>16), byte(at>>8), byte(at), byte(at>>24), 0, 0, 0)
		b = append(b, g.body...)
		b = binary.BigEndian.AppendUint32(b, uint32(n+11))
	}
	path := filepath.Join(sources.Dir, name+".flv")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// until removes tags at or after ms.
func until(tags []tag, ms uint32) (kept []tag) {
	for _, g := range tags {
		if g.time < ms {
			kept = append(kept, g)
		}
	}
	return kept
}

// joined returns one file with a and then b, like an encoder whose picture size changes: new
// parameters within one stream.
func joined(t *testing.T, name, a, b string, seconds uint32) string {
	t.Helper()
	tags := until(readFLV(t, a), seconds*1000)
	for _, g := range until(readFLV(t, b), seconds*1000) {
		if g.kind != tagScript {
			g.time += seconds * 1000
			tags = append(tags, g)
		}
	}
	return writeFLV(t, name, tags)
}

// lateAudio returns the file's beginning, with audio only after some seconds.
func lateAudio(t *testing.T, name, file string, seconds, length uint32) string {
	t.Helper()
	var tags []tag
	var config *tag
	for _, g := range until(readFLV(t, file), length*1000) {
		switch {
		case g.kind == tagAudio && g.body[1] == 0: // its configuration
			config = &g
		case g.kind == tagAudio && g.time < seconds*1000:
		case g.kind == tagAudio && config != nil:
			config.time = g.time
			tags = append(tags, *config, g)
			config = nil
		default:
			tags = append(tags, g)
		}
	}
	return writeFLV(t, name, tags)
}

// units counts the access units of an FLV file: the tags that are neither a
// configuration nor an end of sequence.
func units(t *testing.T, file string) (video, audio int) {
	t.Helper()
	for _, g := range readFLV(t, file) {
		switch {
		case len(g.body) < 2 || g.body[1] != 1:
		case g.kind == tagVideo:
			video++
		case g.kind == tagAudio:
			audio++
		}
	}
	return video, audio
}
