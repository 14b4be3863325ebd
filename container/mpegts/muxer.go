package mpegts

import (
	"fmt"

	"golive/media"
)

// The transport stream's clock has 33 bits, so it wraps every 26.5 hours.
const (
	// clockOffset is added to all timestamps, so that the PCR, and the PTS of pictures that
	// are presented before time 0, are positive at the beginning of a stream.
	clockOffset = 1400 * media.Millisecond
	// pcrLag is how far the PCR is behind the DTS of the unit that carries it: the time that
	// a decoder has to receive a unit, and by which audio may be late.
	pcrLag = 500 * media.Millisecond

	clockMask = 1<<33 - 1
)

// Muxer muxes the parts of one rendition. Its continuity counters continue from part to
// part, as RFC 8216bis requires without a discontinuity, so one Muxer makes all parts of a
// rendition. It is used by one goroutine at a time.
type Muxer struct {
	tables tables
	// begun is set when the tables of the segment are written.
	begun bool
	// video and audio are the continuity counters of the two streams.
	video, audio uint8
	// newTimeline is set from a unit that begins a new timeline to the PES packet that it is
	// in; discontinuity from there until it was indicated in a packet with a PCR.
	newTimeline, discontinuity bool
	// clock is that of the PID that carries the PCR: the video's, or else the audio's.
	clock        clock
	clockIsVideo bool
	// after are the PCRs at the end of the current part.
	after pcrRun
	// plan is that of the current part, kept for its capacity.
	plan []pes
}

// NewMuxer returns a Muxer for a new stream.
func NewMuxer() *Muxer { return &Muxer{} }

// Begin begins a segment: its first part begins with PAT and PMT (RFC 8216bis section 3.1.2). There
// is no initialization segment. The error is for a codec that is not carried.
func (m *Muxer) Begin(video, audio *media.Track) ([]byte, error) {
	m.begun = false
	for _, t := range []*media.Track{video, audio} {
		if t != nil && streamType(t) == 0 {
			return nil, fmt.Errorf("mpegts: %s: codec is not carried", t.Codec)
		}
	}
	return nil, nil
}

// Part muxes units into one slab. The slab's length equals its capacity, and it does not
// alias the units.
//
// video and audio are the tracks of the part, nil if there is none; a unit of a kind that
// is not given is a bug of the caller. Each unit is written with the parameters of its own
// Track. Video is written in the order of units. Audio is gathered: it is written at most
// runTarget after its place in units, so if units are in DTS order the PCR never passes
// audio that is not written yet.
//
// end is the decoding time at which the next part begins. PCRs are at most 100 ms apart up
// to it. The time at which the part begins does not matter.
//
// Video without a complete NAL unit and audio that is empty or too long for ADTS or PES
// cannot be decoded and are left out.
func (m *Muxer) Part(video, audio *media.Track, units []media.AccessUnit, _, end media.Ticks) []byte {
	m.makePlan(video != nil, audio != nil, units)
	m.after = pcrRun{}
	pcrPID, pcrCounter := uint32(videoPID), &m.video
	switch {
	case video != nil:
		m.planClock(true, end)
	case audio != nil:
		m.planClock(false, end)
		pcrPID, pcrCounter = audioPID, &m.audio
	}
	size := m.after.n * packetSize
	if !m.begun {
		size += tablesSize
	}
	for i := range m.plan {
		size += (m.plan[i].before.n + m.plan[i].packets()) * packetSize
	}
	w := packetWriter{slab: make([]byte, size)}
	if !m.begun {
		m.tables.write(&w, streamType(video), streamType(audio))
		m.begun = true
	}
	for i := range m.plan {
		p := &m.plan[i]
		w.writePCRs(p.before, pcrPID, *pcrCounter)
		if p.isVideo {
			w.begin(p, videoPID, &m.video)
			writeVideo(&w, p, &units[p.first])
		} else {
			w.begin(p, audioPID, &m.audio)
			writeAudio(&w, p, units[p.first:p.end])
		}
	}
	w.writePCRs(m.after, pcrPID, *pcrCounter)
	if w.at != size || w.left != 0 {
		panic("mpegts: part is not of its planned size")
	}
	clear(m.plan) // it holds slices of the units
	return w.slab
}

// wireClock returns t as it is written: with clockOffset, wrapped to 33 bits.
func wireClock(t media.Ticks) uint64 { return uint64(t+clockOffset) & clockMask }
