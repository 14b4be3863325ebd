package mpegts

import "golive/media"

// The transport stream's clock. 33 bits, so it wraps every 26.5 hours.
const (
	// clockOffset is added to all timestamps, so that the PCR, and the PTS of
	// pictures that are shown before time 0, are positive at the beginning of a
	// stream.
	clockOffset = 1400 * media.Millisecond
	// pcrLag is how far the PCR is behind the DTS of the unit that carries it: the
	// time a decoder has to take in a unit, and what audio may come late.
	pcrLag = 500 * media.Millisecond

	clockMask = 1<<33 - 1
)

// Muxer packs the parts of one rendition. Its continuity counters run on from
// part to part (RFC 8216bis asks for it where there is no discontinuity), so
// there is one Muxer for all of a rendition's parts, and it is used by one
// goroutine at a time.
type Muxer struct {
	tables tables
	// video and audio are the continuity counters of the two streams.
	video, audio uint8
	// newTimeline is set from a unit that begins a new timeline to the PES packet
	// that it is in; discontinuity from there until it has been told in a packet with
	// a PCR.
	newTimeline, discontinuity bool
	// clock is what was written on the PID that carries the PCR: the video's, or else
	// the audio's.
	clock        clock
	clockIsVideo bool
	// after are the PCRs at the end of the current part.
	after pcrRun
	// plan is the current part's, kept for its capacity.
	plan []pes
}

// NewMuxer makes a Muxer at the beginning of a stream.
func NewMuxer() *Muxer { return &Muxer{} }

// Part packs units into one slab that begins with PAT and PMT. The slab is
// exactly as long as its capacity and shares no bytes with the units.
//
// video and audio are the tracks of the part, nil where there is none; units of a
// track that is not given are a bug of the caller. A unit's parameters are those
// of its own Track. Video is written in the order of units. Audio is gathered: it
// follows at most runTarget after its place in units, so when units are in the
// order of DTS the PCR never passes audio that is still to come.
//
// end is the decoding time at which the next part begins. PCRs are at most 100 ms
// apart up to there.
//
// Video without a complete NAL unit and audio that is empty or too long for ADTS
// hold nothing a player could decode and are left out.
func (m *Muxer) Part(video, audio *media.Track, units []media.AccessUnit, end media.Ticks) []byte {
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
	size := (2 + m.after.n) * packetSize
	for i := range m.plan {
		size += (m.plan[i].before.n + m.plan[i].packets()) * packetSize
	}
	w := packetWriter{slab: make([]byte, size)}
	m.tables.write(&w, video != nil, audio != nil)
	for i := range m.plan {
		p := &m.plan[i]
		w.writePCRs(p.before, pcrPID, *pcrCounter)
		switch p.codec {
		case media.H264:
			w.begin(p, videoPID, &m.video)
			writeVideo(&w, p, &units[p.first])
		case media.AAC:
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

// wireClock is t on the wire: offset, and wrapped to 33 bits.
func wireClock(t media.Ticks) uint64 { return uint64(t+clockOffset) & clockMask }
