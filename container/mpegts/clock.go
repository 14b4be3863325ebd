package mpegts

import "golive/media"

const (
	// maxPCRInterval is the longest time between two PCRs (ISO 13818-1 section
	// 2.7.2).
	maxPCRInterval = 100 * media.Millisecond
	// maxFilled bounds the time that is filled with PCRs at once. A longer
	// gap is not in a continuous stream.
	maxFilled = 30 * media.Second
)

// clock is the state of the programme clock reference.
type clock struct {
	// last is the last PCR, without clockOffset.
	last media.Ticks
	// known is false before the first PCR and after a change of the clock.
	known bool
}

// pcrRun is a run of n transport packets that carry only a PCR, from first on, step apart.
type pcrRun struct {
	n             int
	first, step   media.Ticks
	discontinuity bool // indicated in the first
}

// fill returns the PCRs that must precede the one at at, and advances the clock over them.
func (c *clock) fill(at media.Ticks) (r pcrRun) {
	gap := at - c.last
	if !c.known || gap <= maxPCRInterval || gap > maxFilled {
		return r
	}
	r.n = int((gap - 1) / maxPCRInterval)
	r.step = (gap + media.Ticks(r.n)) / media.Ticks(r.n+1)
	r.first = c.last + r.step
	c.last += media.Ticks(r.n) * r.step
	return r
}

// planClock plans the PCRs of a part that lasts until end, each pcrLag behind. Pictures
// carry them, or audio if there is no video. Where those are too far apart (slow pictures,
// pictures that stop, audio with 128 ms a frame) there are packets with only a PCR, up to
// the end of the part.
func (m *Muxer) planClock(video bool, end media.Ticks) {
	if m.clockIsVideo != video {
		m.clockIsVideo, m.clock = video, clock{} // on another PID
	}
	end -= pcrLag
	limit := end // of the PCRs before audio, which may be ahead of the part's time
	carried := false
	for i := 0; i < len(m.plan) && !carried; i++ {
		if carried = m.plan[i].pcr; carried {
			limit = min(end, m.plan[i].dts-pcrLag)
		}
	}
	for i := range m.plan {
		p := &m.plan[i]
		if p.discontinuity {
			m.discontinuity, m.clock = true, clock{}
		}
		at := min(p.dts-pcrLag, limit)
		switch {
		case p.pcr:
			at = p.dts - pcrLag
			p.before = m.clock.fill(at)
			m.carryPCR(p, at)
		case m.discontinuity, !carried && !m.clock.known:
			// Audio of a new timeline must not precede its clock.
			p.before = pcrRun{n: 1, first: at, discontinuity: m.discontinuity}
			m.discontinuity, m.clock = false, clock{at, true}
		case !carried: // no picture in this part
			p.before = m.clock.fill(at)
		}
	}
	m.after = m.clock.fill(end)
}

// carryPCR makes p carry the PCR at, or a little later if a later one has been written: a
// PCR must not go back.
func (m *Muxer) carryPCR(p *pes, at media.Ticks) {
	if m.clock.known {
		at = max(at, m.clock.last+1)
	}
	if at > p.dts {
		p.pcr = false // it would be after the unit
		return
	}
	p.clock, p.discontinuity = at, m.discontinuity
	m.discontinuity, m.clock = false, clock{at, true}
}
