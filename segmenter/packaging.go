package segmenter

import "golive/media"

// Packaging takes the cuts of a rendition, in order: Open, then the parts of the segment,
// then Close. There may be several, such as MPEG-TS beside CMAF: each makes its own bytes
// of the same cuts.
type Packaging interface {
	// Open announces a segment before its first part; it has no parts yet. When none
	// comes, the next Open is of the same number.
	Open(head media.Segment)
	// Part takes the next part of the open segment. The cut is valid during the call.
	Part(c *Cut)
	// Close says that the open segment is complete.
	Close()
	// Drop takes the open segment back, of which no part was handed over. Its number will
	// be used again.
	Drop()
}

// Cut is a part before its packaging: what is in it, and how it is to be listed.
type Cut struct {
	// Part is the part without bytes: Data, Offset and Size are the packaging's.
	media.Part
	// Format is that of the rendition.
	Format Format
	// Video and Audio are the tracks, nil where there is none.
	Video, Audio *media.Track
	// Units are in the order of decoding. There are none in a gap.
	Units []media.AccessUnit
}

// Muxer makes the bytes of one packaging's parts. end is the decoding time at which the
// next part begins.
type Muxer interface {
	Part(video, audio *media.Track, units []media.AccessUnit, end media.Ticks) []byte
}

// Output takes what a Packager makes, in order: Open, then the segment's parts, then
// Close with the same segment complete.
type Output interface {
	// Open announces a segment before its first part; it has no parts yet. When
	// none comes, the next Open is of the same number.
	Open(head media.Segment)
	// Part hands over the next part of the open segment.
	Part(p *media.Part)
	// Close hands over the open segment, complete.
	Close(s *media.Segment)
	// Drop takes the open segment back, of which no part was handed over. Its
	// number will be used again.
	Drop()
}

// Packager is the Packaging that hands the parts that a Muxer makes to an Output.
type Packager struct {
	mux     Muxer
	out     Output
	segment media.Segment // the open one
}

// NewPackager returns a Packager of a rendition's first part.
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
