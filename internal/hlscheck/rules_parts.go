package hlscheck

import (
	"bytes"
	"context"
	"fmt"
)

// compareParts checks rule 53: a segment has just the media of its parts. Its bytes may be
// others: a segment may begin with styp, and each part with PAT and PMT.
func (a *analyser) compareParts(ctx context.Context, segment *piece, parts []*piece) {
	var joined []byte
	for _, p := range parts {
		joined = append(joined, p.data...)
	}
	if bytes.Equal(joined, segment.data) {
		return
	}
	read := func(data []byte) *Contents {
		c := newContainer(formatOf(data))
		if c == nil {
			return nil
		}
		contents, _, err := c.demux(ctx, segment.init, data)
		if err != nil {
			return nil // reported by now, or not to be read in parts
		}
		return contents
	}
	whole, sum := read(segment.data), read(joined)
	if whole == nil || sum == nil {
		return
	}
	if text := whole.difference(sum); text != "" {
		a.add(53, "the segment is not the sum of its parts: %s", text)
	}
}

// difference returns how the contents of a segment differ from those of its parts; empty if they
// do not.
func (c *Contents) difference(parts *Contents) string {
	if len(c.Streams) != len(parts.Streams) {
		return fmt.Sprintf("it has %d streams, they have %d", len(c.Streams), len(parts.Streams))
	}
	for i, s := range c.Streams {
		o := parts.Streams[i]
		if s.ID != o.ID || s.Codec != o.Codec || len(s.Units) != len(o.Units) {
			return fmt.Sprintf("it has %d units of stream %d (%s), they have %d of stream %d (%s)",
				len(s.Units), s.ID, s.Codec, len(o.Units), o.ID, o.Codec)
		}
		for j := range s.Units {
			if u, v := &s.Units[j], &o.Units[j]; u.DTS != v.DTS || u.PTS != v.PTS || !bytes.Equal(u.Data, v.Data) {
				return fmt.Sprintf("unit %d of stream %d has DTS %d, PTS %d and %d bytes, in the parts DTS %d, PTS %d and %d bytes",
					j, s.ID, u.DTS, u.PTS, len(u.Data), v.DTS, v.PTS, len(v.Data))
			}
		}
	}
	return ""
}
