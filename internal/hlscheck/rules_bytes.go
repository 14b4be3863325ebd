package hlscheck

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// analyser checks the rules about bytes on one rendition's segments in order.
type analyser struct {
	add        func(rule int, format string, args ...any)
	continuity Continuity
	clock      Clock

	started bool
	// format is that of the last segment; empty after a discontinuity.
	format string
	// layout is the set of streams of the last segment, parameters holds those of each stream by
	// PID.
	layout     string
	parameters map[uint16]string
	// lastDTS is the last decoding time per PID, unwrapped; frame the smallest step.
	lastDTS, frame map[uint16]int64

	// For rule 22: the drift of media time from the sum of EXTINF since the last discontinuity,
	// in ticks.
	runStarted       bool
	runStart         int64
	runSum           time.Duration
	driftLo, driftHi int64
}

func newAnalyser(add func(rule int, format string, args ...any)) *analyser {
	return &analyser{add: add, parameters: map[uint16]string{}, lastDTS: map[uint16]int64{}, frame: map[uint16]int64{}}
}

// segment checks the bytes of s, and returns the first PTS of its first track, or -1 if there
// is none. independent is set if the segment is declared independent.
func (a *analyser) segment(ctx context.Context, s *Segment, independent bool, data []byte) (start int64) {
	if s.Discontinuity {
		a.reset()
	}
	format := formatOf(data)
	if a.format != "" && a.format != format {
		a.add(7, "the file format changed without EXT-X-DISCONTINUITY: from %s to %s", a.format, format)
		a.reset()
	}
	a.format = format
	if format != formatTS {
		if format == formatMP4 && s.Map == "" {
			a.add(25, "segment is fragmented MP4 and the playlist has no EXT-X-MAP")
		}
		return -1
	}
	t, err := Demux(ctx, data)
	if err != nil {
		if ctx.Err() == nil {
			a.add(24, "segment is not valid MPEG-TS: %v", err)
		}
		a.reset()
		return -1
	}
	for _, fault := range a.continuity.Check(data) {
		a.add(24, "%s", fault)
	}
	if fault := a.clock.Check(data); fault != "" {
		a.add(51, "%s", fault)
	}
	a.checkParameters(t)
	if independent {
		a.checkVideoStart(t)
	}
	a.checkTimes(t)
	a.checkDrift(s, t)
	a.started = true
	if first := t.first(); first != nil {
		return first.PES[0].PTS
	}
	return -1
}

// gap records a segment without media.
func (a *analyser) gap() { a.reset() }

// reset resets the state that must not be compared across a discontinuity.
func (a *analyser) reset() {
	a.continuity.Reset()
	a.clock.Reset()
	a.started, a.runStarted, a.format = false, false, ""
	clear(a.lastDTS)
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
		// The box types at the beginning of a CMAF segment.
		switch string(data[4:8]) {
		case "ftyp", "styp", "moof", "sidx", "prft", "emsg":
			return formatMP4
		}
	}
	return formatTS
}

// checkParameters checks rules 7 and 25. A segment without parameter sets violates another
// rule.
func (a *analyser) checkParameters(t *Transport) {
	var layout strings.Builder
	for _, s := range t.Streams {
		fmt.Fprintf(&layout, "PID %d type %#x; ", s.PID, s.Type)
		if s.Type == TypeHEVC {
			a.add(25, "HEVC in MPEG-TS")
		}
		now := s.parameters()
		if was := a.parameters[s.PID]; a.started && now != "" && was != "" && now != was {
			a.add(7, "the parameters of PID %d changed without EXT-X-DISCONTINUITY: from %s to %s", s.PID, was, now)
		}
		if now != "" {
			a.parameters[s.PID] = now
		}
	}
	if now := layout.String(); a.started && now != a.layout {
		a.add(7, "the streams changed without EXT-X-DISCONTINUITY: from %q to %q", a.layout, now)
	}
	a.layout = layout.String()
}

// parameters returns the decoder configuration at the stream's beginning, or "" if it has
// none.
func (s *Stream) parameters() string {
	if len(s.PES) == 0 {
		return ""
	}
	first := s.PES[0].Data
	switch s.Type {
	case TypeH264:
		var sets []string
		for _, nal := range NALs(first) {
			if nal[0]&0x1f == nalSPS {
				sets = append(sets, fmt.Sprintf("SPS %x", nal))
			}
		}
		return strings.Join(sets, " ")
	case TypeADTS:
		// Profile, sampling frequency and channels: the header's fixed part.
		if len(first) > 4 {
			return fmt.Sprintf("ADTS %x", []byte{first[2] & 0xfd, first[3] & 0xc0})
		}
	}
	return ""
}

// maxGap is the gap above which media counts as missing: an encoder that drops frames under
// congestion is not a fault of the server.
const maxGap = 90_000 / 2

// checkTimes checks rules 20 and 24: decoding times increase, without a gap.
func (a *analyser) checkTimes(t *Transport) {
	for _, s := range t.Streams {
		missing := int64(maxGap)
		if s.Type == TypeADTS {
			missing = 2 * maxGap
		} else if usual := s.usualStep(); usual > maxGap/2 {
			missing = 2 * usual // slow pictures
		}
		for i := range s.PES {
			p := &s.PES[i]
			last, known := a.lastDTS[s.PID]
			dts := p.DTS
			if known {
				dts = near(last, dts)
				switch step := dts - last; {
				case step <= 0:
					a.add(24, "decoding time on PID %d went from %d to %d", s.PID, last, dts)
				case step > missing:
					a.add(20, "%.3f s of media are missing on PID %d without a gap or discontinuity", float64(step)/90_000, s.PID)
				default:
					if f := a.frame[s.PID]; f == 0 || step < f {
						a.frame[s.PID] = step
					}
				}
			}
			if p.PTS < p.DTS {
				a.add(24, "PTS %d is before DTS %d on PID %d", p.PTS, p.DTS, s.PID)
			}
			a.lastDTS[s.PID] = dts
		}
	}
}

// usualStep returns the median of the times from one unit of the stream to the next.
func (s *Stream) usualStep() int64 {
	if len(s.PES) < 2 {
		return 0
	}
	steps := make([]int64, 0, len(s.PES))
	for i := range s.PES[1:] {
		steps = append(steps, s.PES[i+1].DTS-s.PES[i].DTS)
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// checkDrift checks rule 22: over any contiguous segments the sum of EXTINF and the media time
// agree within one frame.
func (a *analyser) checkDrift(s *Segment, t *Transport) {
	stream := t.first()
	if stream == nil {
		return
	}
	// Segments are cut in decoding order: use decoding times.
	start := stream.PES[0].DTS
	if !a.runStarted {
		a.runStarted, a.runStart, a.runSum, a.driftLo, a.driftHi = true, start, 0, 0, 0
	}
	media := near(a.runStart+ticks(a.runSum), start) - a.runStart
	drift := media - ticks(a.runSum)
	a.driftLo, a.driftHi = min(a.driftLo, drift), max(a.driftHi, drift)
	// Without video several audio frames are in one PES packet, which is not split.
	if frame := a.frame[stream.PID]; frame > 0 && a.driftHi-a.driftLo > frame {
		a.add(22, "over a run of segments EXTINF and media differ by %.3f s, more than one frame (%.3f s)",
			float64(a.driftHi-a.driftLo)/90_000, float64(frame)/90_000)
		a.runStarted = false
		return
	}
	a.runSum += s.Duration
}

func ticks(d time.Duration) int64 {
	return int64(d/time.Second)*90_000 + int64((d%time.Second)*90_000/time.Second)
}
