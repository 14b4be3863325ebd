package segmenter

import (
	"slices"

	"golive/media"
)

// lead takes a unit of the track that sets the pace: the video, or the audio
// when it is alone.
func (s *Segmenter) lead(u media.AccessUnit) {
	if s.video != nil {
		s.holdUntil(u.DTS)
		if s.picture.lost && u.Key {
			s.leading.begin(&u)
		}
		if !s.picture.take(&u, s.start) {
			s.stats.DroppedVideo++
			return
		}
	}
	if hole := s.rate.add(u.DTS); hole {
		s.keySeen = false // the time across a hole is no interval of key frames
	}
	if u.Key {
		s.noteKey(u.DTS)
		s.lastAccess = u.Access
	}
	s.runOn(u.DTS)
	s.cutBefore(&u)
	frame := s.pace()
	s.fillGap(u.DTS, frame)
	if (s.start-s.segment.Start >= s.formatNow().longest() || s.segmentFull()) && !s.leadPending() {
		s.forceCut(s.start) // what was closed has taken all the time or room that the segment had
	}
	s.append(u)
	// Close now when one more frame would not fit: the part is ready as soon as
	// its last frame is.
	end := u.DTS + frame
	if end+frame-s.start > s.partTarget() || s.partFull() {
		s.closePart(end)
	}
}

// pace is the duration of a frame of the lead track, 0 when the next one is not due in
// this part: then what else comes tells the time.
func (s *Segmenter) pace() media.Ticks {
	if frame := s.rate.frame(); frame <= s.partTarget() {
		return frame
	}
	return 0
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
func (s *Segmenter) cutBefore(u *media.AccessUnit) {
	frame := min(s.rate.frame(), s.partTarget())
	elapsed := u.DTS - s.segment.Start
	longest := s.formatNow().longest()
	switch {
	case elapsed <= frame/2: // u is what the segment was opened for
	case u.Key && s.nextAudio != nil:
		s.endTracksAt(u.DTS, s.nextAudio)
		s.setTracks(s.video, s.nextAudio)
		s.discontinuity = true
		s.beginWith(u)
		s.useEarly()
	case u.Key && s.endsAt(u.DTS):
		s.endSegmentAt(u.DTS)
		s.beginWith(u)
	case !u.Key && elapsed+frame > longest:
		s.forceCut(u.DTS)
	}
}

// beginWith opens the segment that begins with the key frame u.
func (s *Segmenter) beginWith(u *media.AccessUnit) {
	s.leading.begin(u)
	s.picture.noteKey(u) // it may be an IDR picture only now
	s.openSegment(s.start, u.Independent())
}

// endsAt says whether a key frame at dts ends the open segment: the segment is long
// enough, or would be too long with another group of pictures.
func (s *Segmenter) endsAt(dts media.Ticks) bool {
	if s.longEnough(dts) {
		return true
	}
	elapsed := dts - s.segment.Start
	// Where pictures are repeated, a segment can begin without another key frame.
	return elapsed+s.gops.longest() > s.formatNow().longest() && !(s.slow() && s.mayRepeat())
}

// longEnough tells whether the open segment would last segment_duration if it ended at
// dts, to half a frame.
func (s *Segmenter) longEnough(dts media.Ticks) bool {
	frame := min(s.rate.frame(), s.partTarget())
	return dts-s.segment.Start+frame/2 >= media.TicksFromDuration(s.cfg.SegmentDuration)
}

// forceCut ends a segment that found no key frame in time.
func (s *Segmenter) forceCut(at media.Ticks) {
	s.stats.ForcedCuts++
	if s.keySeen {
		s.stats.LongestGOP = max(s.stats.LongestGOP, at-s.lastKey)
	}
	s.endSegmentAt(at)
	s.openSegment(s.start, false)
}

// followLateVideo closes parts, and in the end the segment, on the clock of the
// sound while the picture stands still.
func (s *Segmenter) followLateVideo(dts media.Ticks) {
	s.picture.wire = dts
	target := s.partTarget()
	ahead := max(soundLead, 2*target)
	if s.picture.repeated || s.rate.frame() > slowPicture {
		ahead = target + slowLead // no picture is waited for
	}
	for dts-s.start > ahead {
		s.passPart(s.start + target)
	}
}

// slowLead is how far sound may be ahead of the pictures for good when those are far
// apart.
const slowLead = media.Second / 10

// soundLead is how far sound may be ahead of the pictures for good: phones send
// their pictures that much later.
const soundLead = 6 * media.Second / 5

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
	// A picture that is held can begin a segment as well as a key frame that comes.
	if s.start > s.picture.newest && s.mayRepeat() && s.longEnough(s.start) {
		s.nextSegment()
	}
	s.holdPicture(end)
	s.closeAt(end)
	if s.start+s.format.PartTarget-s.segment.Start > s.format.longest() || s.segmentFull() {
		s.nextSegment()
	}
}

// nextSegment goes on with another segment where no frame begins it.
func (s *Segmenter) nextSegment() {
	if s.nextAudio != nil {
		s.closeSound()
	}
	s.closeSegment()
	if s.nextAudio != nil {
		s.setTracks(s.video, s.nextAudio)
		s.discontinuity = true
	}
	lead := slices.IndexFunc(s.units, func(u media.AccessUnit) bool { return u.Track == s.video })
	again := lead < 0 && s.start > s.picture.newest && s.mayRepeat()
	s.openSegment(s.start, again || lead >= 0 && s.units[lead].Independent())
	s.useEarly()
	if again {
		s.repeat(s.start)
	}
}

// closeAt closes the part with what is there of the time before end.
func (s *Segmenter) closeAt(end media.Ticks) {
	all := s.units
	n := 0
	for n < len(all) && all[n].DTS < end {
		n++
	}
	s.units = all[:n]
	s.closePart(end)
	for _, u := range all[n:] {
		s.bytes += len(u.Data)
	}
	s.units = append(s.units, all[n:]...)
	clear(all[len(s.units):])
}

// fillGap makes room for a frame that comes so late that it does not fit the
// part: what is there becomes a part, the time without media becomes gap parts.
func (s *Segmenter) fillGap(dts, frame media.Ticks) {
	target := s.partTarget()
	for dts+frame-s.start > target && dts-s.start > jitter {
		s.closeAt(min(dts, s.start+target))
	}
}

func (s *Segmenter) formatNow() Format {
	if s.frozen {
		return s.format
	}
	frame := s.rate.frame()
	if s.video != nil && s.audio == nil && s.rate.alone() {
		frame = 2 * media.Second // the next one would be there, or is far away
	}
	return freeze(s.cfg, frame, s.video != nil && s.audio != nil)
}

func (s *Segmenter) partTarget() media.Ticks { return s.formatNow().PartTarget }

// closePart ends the part being gathered at end, but not later than PART-TARGET and
// TARGETDURATION allow. Another part follows, so it must not be too short either: where
// frames come so unevenly, or so differently from what PART-TARGET was made of, that
// whole ones do not fill it, it ends in the middle of one.
func (s *Segmenter) closePart(end media.Ticks) {
	s.freeze()
	if len(s.units) > 0 && !s.partFull() && !s.keyPending() {
		end = max(end, s.start+s.format.least())
	}
	s.close(s.fit(end))
}

// closeLast is closePart for the last part of a segment.
func (s *Segmenter) closeLast(end media.Ticks) {
	s.freeze()
	s.close(s.fit(end))
}

func (s *Segmenter) freeze() {
	if !s.frozen {
		s.format, s.frozen = s.formatNow(), true
	}
}

// fit is end, or where the open part has to end before that. A part lasts a tick at
// least.
func (s *Segmenter) fit(end media.Ticks) media.Ticks {
	end = min(end, s.start+s.format.PartTarget, s.segment.Start+s.format.longest())
	return max(end, s.start+1)
}

// close hands over the part.
func (s *Segmenter) close(end media.Ticks) {
	if len(s.units) > 0 {
		s.fillSound(end, s.units[len(s.units)-1].Arrived)
	}
	s.cut = Cut{
		Part: media.Part{
			Session: s.session, MSN: s.segment.MSN, Number: s.nextPart, Start: s.start, Duration: end - s.start,
		},
		Format: s.format, Video: s.video, Audio: s.audio, Units: s.units,
	}
	if c := &s.cut; len(s.units) > 0 {
		c.Independent = s.keyPending()
		c.Arrived = s.units[len(s.units)-1].Arrived
	} else {
		c.Gap = true
		s.stats.GapParts++
		s.sound.skipTo(end)
	}
	for _, out := range s.outs {
		out.Part(&s.cut)
	}
	s.parts++
	s.carried += s.bytes
	s.segment.Duration += s.cut.Duration
	s.cut = Cut{}
	clear(s.units) // let go of the wire's buffers
	s.units, s.bytes = s.units[:0], 0
	s.start = end
	s.nextPart++
}

// endSegmentAt closes the open part and segment; the segment lasts to dts.
func (s *Segmenter) endSegmentAt(dts media.Ticks) {
	if s.open {
		s.endPartsAt(dts)
		s.closeSegment()
	}
}

// endTracksAt is endSegmentAt where the tracks change. Sound that goes on goes on.
func (s *Segmenter) endTracksAt(dts media.Ticks, audio *media.Track) {
	if s.open {
		s.endPartsAt(dts)
		if audio != s.audio {
			s.closeSound()
		}
		s.closeSegment()
	}
}

// endPartsAt closes the parts of the open segment, which lasts to dts.
func (s *Segmenter) endPartsAt(dts media.Ticks) {
	for target := s.partTarget(); dts-s.start > target; {
		s.passPart(s.start + target)
	}
	// The last part was said to end when this frame was due, and the next segment
	// begins there, even if it is a little late: no stub of a part is made of that
	// time. Sound that came meanwhile goes on into the next segment.
	if dts-s.start > max(jitter, s.pace()) || s.leadPending() {
		s.closeLast(dts)
	}
}

// closeSound closes a part with the sound that came after the last one, before another
// kind of sound begins: behind the discontinuity other parameters hold. The time of it is
// that of the parts before, so that the part lasts next to nothing.
func (s *Segmenter) closeSound() {
	old := func(u media.AccessUnit) bool { return u.Track == s.audio }
	if s.audio == nil || !s.open || !slices.ContainsFunc(s.units, old) {
		return
	}
	others := slices.DeleteFunc(slices.Clone(s.units), old)
	s.units = slices.DeleteFunc(s.units, func(u media.AccessUnit) bool { return !old(u) })
	s.closeLast(s.start + media.Millisecond)
	for _, u := range others {
		s.append(u)
	}
}

// keyPending tells whether a picture that is decoded on its own is in the part being
// gathered.
func (s *Segmenter) keyPending() bool {
	lead := s.leadTrack()
	return slices.ContainsFunc(s.units, func(u media.AccessUnit) bool {
		return u.Track == lead && (u.Independent() || s.leading.intra(&u))
	})
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
	s.parts, s.carried = 0, 0
	for _, out := range s.outs {
		out.Open(s.segment)
	}
}

// closeSegment hands over the open segment. The number of one without a part, which
// nobody has seen, goes to the next.
func (s *Segmenter) closeSegment() {
	done := s.segment
	s.open, s.segment = false, media.Segment{}
	if s.parts == 0 {
		s.nextMSN--
		s.discontinuity = s.discontinuity || done.Discontinuity
		return
	}
	s.lastWall = done.ProgramDateTime.Add(done.Duration.Duration())
	for _, out := range s.outs {
		out.Close()
	}
}
