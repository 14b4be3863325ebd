package segmenter

import "golive/media"

// Packaging receives the cuts of a rendition, in order: Open, then the parts of the segment,
// then Close. There may be several, such as MPEG-TS and CMAF: each produces its own bytes
// from the same cuts.
type Packaging interface {
	// Open announces a segment before its first part. If no part follows, the next Open has
	// the same number.
	Open(head media.Segment)
	// Part takes the next part of the open segment. The cut is valid during the call.
	Part(c *Cut)
	// Close completes the open segment.
	Close()
	// Drop discards the open segment, which has no part yet. Its number will be reused.
	Drop()
}

// Cut is a part before packaging: its units, and its properties in the playlist.
type Cut struct {
	// Part is the part without Data, Offset and Size, which the packaging sets.
	media.Part
	// Format is that of the rendition.
	Format Format
	// Video and Audio are the tracks, nil where there is none.
	Video, Audio *media.Track
	// Units are in decoding order. A gap has none.
	Units []media.AccessUnit
}

// Muxer produces the bytes of one packaging's parts. end is the decoding time at which the
// next part begins.
type Muxer interface {
	Part(video, audio *media.Track, units []media.AccessUnit, end media.Ticks) []byte
}

// Output receives the parts and segments of a Packager, in order: Open, then the segment's
// parts, then Close with the complete segment.
type Output interface {
	// Open announces a segment before its first part. If no part follows, the next Open has
	// the same number.
	Open(head media.Segment)
	// Part takes the next part of the open segment.
	Part(p *media.Part)
	// Close takes the complete segment.
	Close(s *media.Segment)
	// Drop discards the open segment, which has no part yet. Its number will be reused.
	Drop()
}

// Packager is the Packaging that passes the parts of a Muxer to an Output.
type Packager struct {
	mux     Muxer
	out     Output
	segment media.Segment // the open one
}

// NewPackager returns a Packager for a new rendition.
func NewPackager(mux Muxer, out Output) *Packager { return &Packager{mux: mux, out: out} }

// Open implements Packaging.
func (p *Packager) Open(head media.Segment) {
	p.segment = head
	p.out.Open(head)
}

// Part implements Packaging.
func (p *Packager) Part(c *Cut) {
	part := c.Part
	part.Offset = p.segment.Size
	if !part.Gap {
		part.Data = p.mux.Part(c.Video, c.Audio, c.Units, part.Start+part.Duration)
		part.Size = int64(len(part.Data))
	}
	p.segment.Parts = append(p.segment.Parts, &part)
	p.segment.Size += part.Size
	p.segment.Duration += part.Duration
	p.out.Part(&part)
}

// Close implements Packaging.
func (p *Packager) Close() {
	done := p.segment
	p.segment = media.Segment{}
	p.out.Close(&done)
}

// Drop implements Packaging.
func (p *Packager) Drop() {
	p.segment = media.Segment{}
	p.out.Drop()
}
