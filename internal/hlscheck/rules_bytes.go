package hlscheck

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// piece is a segment or a part, with its properties in the playlist.
type piece struct {
	init, data []byte
	// part is set if it is a part; mapped if the playlist has an EXT-X-MAP for it.
	part, mapped  bool
	duration      time.Duration
	date          time.Time // zero if there is none
	discontinuity bool
	// independent is set if the playlist says so.
	independent bool
}

// analyser checks the rules about bytes on one rendition's segments in order, or on its parts.
// They are the same for all containers: the analyser sees access units.
type analyser struct {
	add func(rule int, format string, args ...any)

	// container reads the current format; nil after a discontinuity.
	container container
	format    string
	init      []byte

	started bool
	// layout is the set of streams of the last piece, parameters holds those of each stream by
	// ID.
	layout     string
	parameters map[uint32]string
	timing     map[uint32]*timing
	// codecs are the codec strings of all streams so far.
	codecs []string

	drift drift
}

func newAnalyser(add func(rule int, format string, args ...any)) *analyser {
	return &analyser{add: add, parameters: map[uint32]string{}, timing: map[uint32]*timing{}}
}

// check checks the bytes of p, and returns the first PTS of its first stream in 90 kHz ticks,
// or -1 if there is none.
func (a *analyser) check(ctx context.Context, p *piece) (start int64) {
	if p.discontinuity {
		a.reset()
	}
	a.changeFormat(p)
	if a.container == nil {
		return -1
	}
	if a.format == formatMP4 && !p.mapped {
		a.add(25, "%s is fragmented MP4 and the playlist has no EXT-X-MAP", p)
		return -1
	}
	c, found, err := a.container.demux(ctx, p.init, p.data)
	for _, m := range found {
		a.add(m.rule, "%s", m.text)
	}
	if err != nil {
		if ctx.Err() == nil {
			a.reportUnreadable(p, err)
		}
		a.reset()
		return -1
	}
	a.checkParameters(c)
	if p.independent {
		a.checkIndependent(p, c)
	}
	a.checkKeys(c)
	a.checkTimes(c)
	a.checkDuration(p, c)
	a.checkDrift(p, c)
	a.checkProduced(p, c)
	a.started = true
	if first := c.first(); first != nil {
		return first.Ticks(first.Units[0].PTS)
	}
	return -1
}

func (p *piece) String() string {
	if p.part {
		return "part"
	}
	return "segment"
}

// reportUnreadable reports a piece that cannot be read. A part of MPEG-TS may have no tables.
func (a *analyser) reportUnreadable(p *piece, err error) {
	switch {
	case a.format == formatMP4:
		a.add(54, "%s is not valid fragmented MP4: %v", p, err)
	case !p.part:
		a.add(24, "segment is not valid MPEG-TS: %v", err)
	}
}

// changeFormat chooses the container, and checks rule 7 on it and the initialization segment.
func (a *analyser) changeFormat(p *piece) {
	format := formatOf(p.data)
	if a.format != "" && a.format != format {
		a.add(7, "the file format changed without EXT-X-DISCONTINUITY: from %s to %s", a.format, format)
		a.reset()
	}
	if a.format == format && !bytes.Equal(a.init, p.init) {
		a.add(7, "the initialization segment changed without EXT-X-DISCONTINUITY")
		a.reset()
	}
	if a.format == "" {
		a.container = newContainer(format)
	}
	a.format, a.init = format, p.init
}

// gap records missing media.
func (a *analyser) gap() { a.reset() }

// reset resets the state that must not be compared across a discontinuity.
func (a *analyser) reset() {
	a.container, a.format = nil, ""
	a.started, a.drift.started = false, false
	clear(a.timing)
}

// checkParameters checks rules 7 and 25. A segment without parameter sets violates another
// rule.
func (a *analyser) checkParameters(c *Contents) {
	var layout strings.Builder
	for _, s := range c.Streams {
		fmt.Fprintf(&layout, "%d is %s; ", s.ID, s.Codec)
		if s.Codec == HEVC && a.format == formatTS {
			a.add(25, "HEVC in MPEG-TS")
		}
		if s.CodecString != "" && !slices.Contains(a.codecs, s.CodecString) {
			a.codecs = append(a.codecs, s.CodecString)
		}
		now := s.parameters
		if was := a.parameters[s.ID]; a.started && now != "" && was != "" && now != was {
			a.add(7, "the parameters of stream %d changed without EXT-X-DISCONTINUITY: from %s to %s", s.ID, was, now)
		}
		if now != "" {
			a.parameters[s.ID] = now
		}
	}
	if now := layout.String(); a.started && now != a.layout {
		a.add(7, "the streams changed without EXT-X-DISCONTINUITY: from %q to %q", a.layout, now)
	}
	a.layout = layout.String()
}
