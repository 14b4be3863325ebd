package hlscheck

import (
	"bytes"
	"context"
	"fmt"
)

// container reads the segments or parts of one rendition, in order, in one file format. It
// keeps the state that continues from one to the next.
type container interface {
	// demux reads a segment or part, given its initialization segment, which may be empty. It
	// returns the faults in its structure; an error means that it cannot be read.
	demux(ctx context.Context, init, data []byte) (*Contents, []structureFault, error)
	// reset is called at a discontinuity.
	reset()
}

// structureFault is a violation of a rule about the structure of a file.
type structureFault struct {
	rule int
	text string
}

// structureFaults collects faults.
type structureFaults []structureFault

func (m *structureFaults) add(rule int, format string, args ...any) {
	*m = append(*m, structureFault{rule, fmt.Sprintf(format, args...)})
}

// newContainer returns a reader for a format; nil for one that is not demultiplexed.
func newContainer(format string) container {
	switch format {
	case formatTS:
		return &tsContainer{}
	case formatMP4:
		return &mp4Container{}
	}
	return nil
}

// Demux demultiplexes MPEG-TS or fragmented MP4. The latter must begin with its initialization
// segment, as the results of FetchedSegment.File and Rendition.Bytes do.
func Demux(ctx context.Context, data []byte) (*Contents, error) {
	format := formatOf(data)
	c := newContainer(format)
	if c == nil {
		return nil, fmt.Errorf("%s is not demultiplexed", format)
	}
	contents, _, err := c.demux(ctx, nil, data)
	return contents, err
}

// The formats of segments (B 3.1).
const (
	formatTS    = "MPEG-TS"
	formatMP4   = "fragmented MP4"
	formatAudio = "packed audio"
	formatText  = "WebVTT"
)

// formatOf returns the format of a segment: MPEG-TS if it is none of the others.
func formatOf(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("ID3")), len(data) > 1 && data[0] == 0xff && data[1]&0xe0 == 0xe0:
		return formatAudio
	case bytes.HasPrefix(data, []byte("WEBVTT")):
		return formatText
	case len(data) >= 8:
		// The box types at the beginning of an initialization segment or a CMAF segment.
		switch string(data[4:8]) {
		case "ftyp", "styp", "moof", "moov", "sidx", "prft", "emsg", "mdat", "free", "skip", "uuid":
			return formatMP4
		}
	}
	return formatTS
}

// tsContainer reads MPEG-TS.
type tsContainer struct {
	continuity Continuity
	clock      Clock
}

func (c *tsContainer) reset() {
	c.continuity.Reset()
	c.clock.Reset()
}

func (c *tsContainer) demux(ctx context.Context, _, data []byte) (*Contents, []structureFault, error) {
	contents, err := demuxTS(ctx, data)
	if err != nil {
		return nil, nil, err
	}
	var found structureFaults
	for _, fault := range c.continuity.Check(data) {
		found.add(24, "%s", fault)
	}
	if fault := c.clock.Check(data); fault != "" {
		found.add(51, "%s", fault)
	}
	for _, s := range contents.Streams {
		for i := range s.Units {
			// In MP4 composition offsets have a sign.
			if u := &s.Units[i]; u.PTS < u.DTS {
				found.add(24, "PTS %d is before DTS %d on PID %d", u.PTS, u.DTS, s.ID)
			}
		}
	}
	return contents, found, nil
}
