package mpegts

import "golive/media"

const (
	// maxPCRInterval is the longest time between two PCRs (ISO 13818-1 section
	// 2.7.2).
	maxPCRInterval = 100 * media.Millisecond
	// maxFilled bounds the time that is filled with PCRs at once. What is longer is no
	// stream that runs on.
	maxFilled = 30 * media.Second
)

// clock is what was written of the programme clock reference.
type clock struct {
	// last is the last PCR, before the offset.
	last media.Ticks
	// known is false until there was one, and again where another begins.
	known bool
}

// pcrRun is a run of transport packets that carry a PCR and nothing else: n of them,
// from first on, step apart.
type pcrRun struct {
	n             int
	first, step   media.Ticks
	discontinuity bool // indicated in the first
}

// fill returns the PCRs that have to come before the one at at, and notes them. They
// bridge time without bytes too.
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

// planClock decides what PCRs the part gets that lasts until end, all of them pcrLag
// behind. Pictures carry them, or sound that is alone. Where none of those comes in
// time (slow pictures, pictures that stop, sound of 128 ms a frame) there are packets
// with nothing else; a part tells the time up to its end.
func (m *Muxer) planClock(video bool, end media.Ticks) {
	if m.clockIsVideo != video {
		m.clockIsVideo, m.clock = video, clock{} // on another PID
	}
	end -= pcrLag
	limit := end // for what comes before sound that may be ahead of the part's time
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
			// Sound of a new timeline may not come before its clock.
			p.before = pcrRun{n: 1, first: at, discontinuity: m.discontinuity}
			m.discontinuity, m.clock = false, clock{at, true}
		case !carried: // the pictures stand still
			p.before = m.clock.fill(at)
		}
	}
	m.after = m.clock.fill(end)
}

// carryPCR makes p carry the clock at at, or a little later when a later one was
// written already: it may not run back.
func (m *Muxer) carryPCR(p *pes, at media.Ticks) {
	if m.clock.known {
		at = max(at, m.clock.last+1)
	}
	if at > p.dts {
		p.pcr = false // too late for it
		return
	}
	p.clock, p.discontinuity = at, m.discontinuity
	m.discontinuity, m.clock = false, clock{at, true}
}
