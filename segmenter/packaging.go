package segmenter

import (
	"errors"
	"fmt"
	"strings"

	"golive/media"
)

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
	// Part is the part without Container, Data, Offset and Size, which the packaging sets.
	media.Part
	// Format is that of the rendition.
	Format Format
	// Video and Audio are the tracks, nil where there is none.
	Video, Audio *media.Track
	// Units are in decoding order. A gap has none.
	Units []media.AccessUnit
}

// Muxer produces the bytes of one packaging.
type Muxer interface {
	// Begin begins a segment with the given tracks. It returns the bytes of the
	// initialization segment, nil in a container without one. The same tracks have the same
	// slice. After an error the segment cannot be muxed.
	Begin(video, audio *media.Track) (init []byte, err error)
	// Part muxes the units of a part from start to end, which are decoding times.
	Part(video, audio *media.Track, units []media.AccessUnit, start, end media.Ticks) []byte
}

// Output receives the parts and segments of a Packager, in order: Open, then the segment's
// parts, of which there is at least one, then Close with the complete segment.
type Output interface {
	// Open announces a segment with its first part.
	Open(head media.Segment)
	// Part takes the next part of the open segment.
	Part(p *media.Part)
	// Close takes the complete segment.
	Close(s *media.Segment)
	// Unpackaged is called for each segment of which nothing can be carried: its parts are
	// gaps.
	Unpackaged(err error)
}

// Packager is the Packaging that passes the parts of a Muxer to an Output. Tracks that the
// container does not carry are left out.
type Packager struct {
	container media.Container
	mux       Muxer
	out       Output

	segment media.Segment      // the open one
	gap     bool               // it cannot be muxed
	init    *media.Init        // the newest
	carried []media.AccessUnit // those of the current part, kept for its capacity
}

// NewPackager returns a Packager for a new rendition.
func NewPackager(container media.Container, mux Muxer, out Output) *Packager {
	return &Packager{container: container, mux: mux, out: out}
}

// Open implements Packaging. The Output's Open is called with the first part.
func (p *Packager) Open(head media.Segment) {
	p.segment = head
	p.segment.Container = p.container
}

// Part implements Packaging.
func (p *Packager) Part(c *Cut) {
	if len(p.segment.Parts) == 0 {
		p.begin(c)
	}
	part := c.Part
	part.Container, part.Offset = p.container, p.segment.Size
	if part.Gap = part.Gap || p.gap; !part.Gap {
		video, audio := p.container.Carried(c.Video, c.Audio)
		part.Data = p.mux.Part(video, audio, p.unitsOf(c, video, audio), part.Start, part.Start+part.Duration)
		clear(p.carried) // release the message buffers
		part.Size = int64(len(part.Data))
		part.Gap = part.Size == 0 // none of it could be muxed
	}
	p.segment.Parts = append(p.segment.Parts, &part)
	p.segment.Size += part.Size
	p.segment.Duration += part.Duration
	p.out.Part(&part)
}

// begin begins the segment with its first part.
func (p *Packager) begin(c *Cut) {
	video, audio := p.container.Carried(c.Video, c.Audio)
	if p.gap = video == nil && audio == nil; p.gap {
		p.out.Unpackaged(notCarried(p.container, c.Video, c.Audio))
		p.out.Open(p.segment)
		return
	}
	data, err := p.mux.Begin(video, audio)
	if p.gap = err != nil; p.gap {
		p.out.Unpackaged(err)
	} else if data != nil {
		if p.init == nil || &p.init.Data[0] != &data[0] {
			p.init = &media.Init{Name: p.segment.InitName(), Data: data}
		}
		p.segment.Init = p.init
	}
	p.out.Open(p.segment)
}

// unitsOf returns the units of the tracks that are carried.
func (p *Packager) unitsOf(c *Cut, video, audio *media.Track) []media.AccessUnit {
	if video == c.Video && audio == c.Audio {
		return c.Units
	}
	p.carried = p.carried[:0]
	for i := range c.Units {
		if track := c.Units[i].Track; track.Video() && video != nil || !track.Video() && audio != nil {
			p.carried = append(p.carried, c.Units[i])
		}
	}
	return p.carried
}

// ErrNotCarried is wrapped by the error for tracks none of which the container carries.
var ErrNotCarried = errors.New("the container does not carry the codecs")

// notCarried returns why nothing of the tracks is in the container.
func notCarried(container media.Container, tracks ...*media.Track) error {
	var names []string
	for _, t := range tracks {
		if t != nil {
			names = append(names, t.Codec.String())
		}
	}
	return fmt.Errorf("%w: %s in %s", ErrNotCarried, strings.Join(names, " and "), container)
}

// Close implements Packaging.
func (p *Packager) Close() {
	done := p.segment
	p.segment = media.Segment{}
	p.out.Close(&done)
}

// Drop implements Packaging.
func (p *Packager) Drop() { p.segment = media.Segment{} }
