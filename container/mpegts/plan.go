package mpegts

import "golive/media"

// pes is a planned PES packet.
type pes struct {
	// The packet holds the picture units[first], or all audio of units[first:end].
	isVideo    bool
	first, end int
	// size is in bytes, with the PES header.
	size     int
	pts, dts media.Ticks
	// pcr is set if its first transport packet carries a PCR, whose value is clock, and key
	// if that packet has the random access flag. discontinuity is set where a new timeline
	// begins; once the clock is planned, where its packet has to indicate it.
	pcr, key, discontinuity bool
	clock                   media.Ticks
	// before are the packets with only a PCR that precede it.
	before pcrRun
	// video is the result of scanPicture.
	video picture
}

// packets returns the number of its transport packets.
func (p *pes) packets() int {
	first := maxPayload
	if p.pcr {
		first -= pcrFieldSize
	}
	if p.size <= first {
		return 1
	}
	return 1 + (p.size-first+maxPayload-1)/maxPayload
}

// makePlan plans the PES packets of the units.
func (m *Muxer) makePlan(video, audio bool, units []media.AccessUnit) {
	m.plan = m.plan[:0]
	run := audioRun{clock: !video}
	for i := range units {
		u := &units[i]
		if u.Discontinuity {
			m.planRun(&run)
			m.newTimeline = true
		}
		switch {
		case u.Track.Video():
			if !video {
				panic("mpegts: video unit in a part without video")
			}
			if run.due(u.DTS) {
				m.planRun(&run)
			}
			m.planVideo(i, u)
		case !audio:
			panic("mpegts: audio unit in a part without audio")
		case fits(u):
			if !run.takes(u) {
				m.planRun(&run)
			}
			run.add(i, u)
		}
	}
	m.planRun(&run)
}

// planVideo plans the PES packet of the picture units[i].
func (m *Muxer) planVideo(i int, u *media.AccessUnit) {
	pic := scanPicture(u)
	if pic.size == 0 {
		return
	}
	p := pes{
		isVideo: true,
		first:   i, end: i + 1,
		size: videoHeaderSize(u.PTS, u.DTS) + pic.size,
		pts:  u.PTS, dts: u.DTS,
		pcr: true, key: u.Key,
		video: pic,
	}
	m.append(p)
}

// planRun plans the PES packet of the gathered audio, if there is any, and empties the run.
func (m *Muxer) planRun(r *audioRun) {
	if r.frames == 0 {
		return
	}
	m.append(pes{
		first: r.first, end: r.end,
		size: pesHeaderPTS + r.size,
		pts:  r.pts, dts: r.pts,
		pcr: r.clock, key: r.clock,
	})
	*r = audioRun{clock: r.clock}
}

func (m *Muxer) append(p pes) {
	p.discontinuity, m.newTimeline = m.newTimeline, false
	m.plan = append(m.plan, p)
}
