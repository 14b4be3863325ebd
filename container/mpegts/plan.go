package mpegts

import "golive/media"

// pes is one PES packet to be written.
type pes struct {
	codec media.Codec
	// first is the index of its unit; audio of several units takes all audio of
	// units[first:end].
	first, end int
	// size is in bytes, with the PES header.
	size     int
	pts, dts media.Ticks
	// pcr says that its first packet carries the clock, with the value of clock, and
	// key what flag is there. discontinuity is set where a new timeline begins; once the
	// clock is planned, where its packet has to say so.
	pcr, key, discontinuity bool
	clock                   media.Ticks
	// before are packets of PCRs that come first.
	before pcrRun
	// video is what the scan of a picture found.
	video picture
}

// packets is the number of transport packets it takes.
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

// makePlan decides which PES packets the units become.
func (m *Muxer) makePlan(video, audio bool, units []media.AccessUnit) {
	m.plan = m.plan[:0]
	run := audioRun{clock: !video}
	for i := range units {
		u := &units[i]
		if u.Discontinuity {
			m.planRun(&run)
			m.newTimeline = true
		}
		switch u.Track.Codec {
		case media.H264:
			if !video {
				panic("mpegts: video unit in a part without video")
			}
			if run.due(u.DTS) {
				m.planRun(&run)
			}
			m.planVideo(i, u)
		case media.AAC:
			if !audio {
				panic("mpegts: audio unit in a part without audio")
			}
			if !fitsADTS(u) {
				continue
			}
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
		codec: media.H264,
		first: i, end: i + 1,
		size: videoHeaderSize(u.PTS, u.DTS) + pic.size,
		pts:  u.PTS, dts: u.DTS,
		pcr: true, key: u.Key,
		video: pic,
	}
	m.append(p)
}

// planRun plans the PES packet of the gathered audio, if there is any, and
// empties the run.
func (m *Muxer) planRun(r *audioRun) {
	if r.frames == 0 {
		return
	}
	m.append(pes{
		codec: media.AAC,
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
