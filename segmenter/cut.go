package segmenter

import (
	"slices"

	"golive/media"
)

// lead takes a unit of the track that sets the pace: the video, or the audio
// when it is alone.
func (s *Segmenter) lead(u media.AccessUnit) {
	if hole := s.rate.add(u.DTS); hole {
		s.keySeen = false // the time across a hole is no interval of key frames
	}
	if u.Key {
		s.noteKey(u.DTS)
	}
	s.runOn(u.DTS)
	s.cutBefore(u)
	frame := s.rate.frame()
	s.fillGap(u.DTS, frame)
	s.append(u)
	// Close now when one more frame would not fit: the part is ready as soon as
	// its last frame is.
	end := u.DTS + frame
	if end+frame-s.start > s.partTarget() || s.bytes > maxPartBytes {
		s.closePart(end)
	}
}

func (s *Segmenter) noteKey(dts media.Ticks) {
	if s.video != nil && s.keySeen && dts > s.lastKey {
		gop := dts - s.lastKey
		s.gops.add(gop)
		s.stats.LongestGOP = max(s.stats.LongestGOP, gop)
	}
	s.lastKey, s.keySeen = dts, true
}

// cutBefore ends the open segment if u has to begin the next one.
func (s *Segmenter) cutBefore(u media.AccessUnit) {
	frame := s.rate.frame()
	elapsed := u.DTS - s.segment.Start
	longest := s.formatNow().longest()
	switch {
	case elapsed <= frame/2: // u is what the segment was opened for
	case u.Key && s.nextAudio != nil:
		s.endSegmentAt(u.DTS)
		s.setTracks(s.video, s.nextAudio)
		s.discontinuity = true
		s.openSegment(s.start, u.Independent())
	case u.Key && s.endsAt(u.DTS):
		s.endSegmentAt(u.DTS)
		s.openSegment(s.start, u.Independent())
	case !u.Key && elapsed+frame > longest:
		s.forceCut(u.DTS)
	}
}

// endsAt says whether a key frame at dts ends the open segment: the segment is long
// enough, or would be too long with another group of pictures.
func (s *Segmenter) endsAt(dts media.Ticks) bool {
	elapsed := dts - s.segment.Start
	return elapsed+s.rate.frame()/2 >= media.TicksFromDuration(s.cfg.SegmentDuration) ||
		elapsed+s.gops.longest() > s.formatNow().longest()
}

// lastBefore says whether the frame that is due at end is expected to begin the next
// segment: it cannot be in this one, or will be a key frame that ends it.
func (s *Segmenter) lastBefore(end media.Ticks) bool {
	frame := s.rate.frame()
	switch {
	case end+frame-s.segment.Start > s.formatNow().longest():
		return true
	case !s.endsAt(end):
		return false
	case s.video == nil:
		return true
	}
	gop := s.gops.usual()
	if gop == 0 {
		gop = media.TicksFromDuration(s.cfg.SegmentDuration) // as freeze takes it
	}
	off := end - (s.lastKey + gop)
	return -frame/2 <= off && off <= frame/2
}

// forceCut ends a segment that found no key frame in time.
func (s *Segmenter) forceCut(at media.Ticks) {
	s.stats.ForcedCuts++
	s.endSegmentAt(at)
	s.openSegment(s.start, false)
}

// followLateVideo closes parts, and in the end the segment, on the clock of the
// sound while the picture stands still.
func (s *Segmenter) followLateVideo(dts media.Ticks) {
	for target := s.partTarget(); dts-s.start > max(soundLead, 2*target); {
		s.passPart(s.start + target)
	}
}

// soundLead is how far sound may be ahead of the pictures for good: phones send
// their pictures that much later.
const soundLead = media.Second

// runOn lets the time pass in which nothing came, as far as it does not fit the
// open segment: it becomes gap parts, and segments of those.
func (s *Segmenter) runOn(dts media.Ticks) {
	if dts-s.segment.Start <= s.formatNow().longest() {
		return
	}
	for target := s.partTarget(); dts-s.start > target; {
		s.passPart(s.start + target)
	}
}

// passPart closes a part for which no frame set the end, and the segment if
// another part would not fit it. Since no picture comes that this could freeze, new
// sound may begin there.
func (s *Segmenter) passPart(end media.Ticks) {
	s.closePart(end)
	if s.start+s.format.PartTarget-s.segment.Start <= s.format.longest() {
		return
	}
	s.closeSegment()
	if s.nextAudio != nil {
		s.setTracks(s.video, s.nextAudio)
		s.discontinuity = true
	}
	s.openSegment(s.start, false)
}

// fillGap makes room for a frame that comes so late that it does not fit the
// part: what is there becomes a part, the time without media becomes gap parts.
func (s *Segmenter) fillGap(dts, frame media.Ticks) {
	target := s.partTarget()
	for dts+frame-s.start > target && dts-s.start > jitter {
		s.closePart(min(dts, s.start+target))
	}
}

func (s *Segmenter) formatNow() Format {
	if s.frozen {
		return s.format
	}
	return freeze(s.cfg, s.rate.frame())
}

func (s *Segmenter) partTarget() media.Ticks { return s.formatNow().PartTarget }

// closePart ends the part being gathered at end, but not later than PART-TARGET and
// TARGETDURATION allow. It lasts a tick at least.
func (s *Segmenter) closePart(end media.Ticks) {
	if !s.frozen {
		s.format, s.frozen = s.formatNow(), true
	}
	end = min(end, s.start+s.format.PartTarget, s.segment.Start+s.format.longest())
	end = max(end, s.start+1)
	p := &media.Part{
		Session:  s.session,
		MSN:      s.segment.MSN,
		Index:    len(s.segment.Parts),
		Offset:   s.segment.Size,
		Start:    s.start,
		Duration: end - s.start,
	}
	if len(s.units) > 0 {
		p.Last = s.lastBefore(end)
		p.Data = s.mux.Part(s.video, s.audio, s.units)
		p.Size = int64(len(p.Data))
		for i := range s.units {
			u := &s.units[i]
			p.Independent = p.Independent || u.Key && u.Access != media.AccessGradual && u.Track == s.leadTrack()
		}
		p.Arrived = s.units[len(s.units)-1].Arrived
	} else {
		p.Gap = true
		s.stats.GapParts++
	}
	clear(s.units) // let go of the wire's buffers
	s.units, s.bytes = s.units[:0], 0
	s.start = end
	s.segment.Parts = append(s.segment.Parts, p)
	s.segment.Size += p.Size
	s.segment.Duration += p.Duration
	s.out.Part(p)
}

// endSegmentAt closes the open part and segment; the segment lasts to dts.
func (s *Segmenter) endSegmentAt(dts media.Ticks) {
	if !s.open {
		return
	}
	for target := s.partTarget(); dts-s.start > target; {
		s.passPart(s.start + target)
	}
	// The last part was said to end when this frame was due, and the next segment
	// begins there, even if it is a little late: no stub of a part is made of that
	// time. Sound that came meanwhile goes on into the next segment.
	if dts-s.start > max(jitter, s.rate.frame()) || s.leadPending() {
		s.closePart(dts)
	}
	s.closeSegment()
}

func (s *Segmenter) leadPending() bool {
	lead := s.leadTrack()
	return slices.ContainsFunc(s.units, func(u media.AccessUnit) bool { return u.Track == lead })
}

func (s *Segmenter) openSegment(start media.Ticks, independent bool) {
	s.segment = media.Segment{
		Session:         s.session,
		MSN:             s.nextMSN,
		Start:           start,
		ProgramDateTime: s.anchorWall.Add((start - s.anchorDTS).Duration()),
		Discontinuity:   s.discontinuity,
		Independent:     independent,
	}
	s.nextMSN++
	s.start = start
	s.discontinuity = false
	s.open = true
	s.out.Open(s.segment)
}

// closeSegment hands over the open segment. The number of one without a part, which
// nobody has seen, goes to the next.
func (s *Segmenter) closeSegment() {
	done := s.segment
	s.open, s.segment = false, media.Segment{}
	if len(done.Parts) == 0 {
		s.nextMSN--
		s.discontinuity = s.discontinuity || done.Discontinuity
		return
	}
	s.lastWall = done.ProgramDateTime.Add(done.Duration.Duration())
	s.out.Close(&done)
}
