package segmenter

import (
	"slices"

	"golive/media"
)

// writeLead writes a unit of the lead track, at which segments and parts are cut: the video, or
// the audio if there is no video.
func (s *Segmenter) writeLead(u media.AccessUnit) {
	if s.video != nil {
		s.repeatUntil(u.DTS)
		if s.videoState.lost && u.Key {
			s.leading.begin(&u)
		}
		if !s.videoState.take(&u, s.start) {
			s.stats.DroppedVideo++
			return
		}
	}
	if hole := s.rate.add(u.DTS); hole {
		s.keySeen = false // the time across a hole is not a key frame interval
	}
	if u.Key {
		s.noteKey(u.DTS)
		s.lastAccess = u.Access
	}
	received := u.DTS
	u.DTS = s.due(&u)
	s.fillLongGap(u.DTS)
	s.cutBefore(&u, received)
	frame := s.leadFrame()
	s.fillGap(u.DTS, frame)
	if (s.start-s.segment.Start >= s.formatNow().maxSegment() || s.segmentFull()) && !s.leadPending() {
		s.forceCut(s.start) // the parts that were closed have filled the segment
	}
	if u.DTS < received {
		s.fillPart(u)
		return
	}
	s.append(u)
	// Close now if another frame would not fit: the part is ready as soon as its last frame
	// is.
	end := u.DTS + frame
	if end+frame-s.start > s.partTarget() || s.partFull() {
		s.closePart(end)
	}
}

// leadFrame returns the duration of a frame of the lead track, or 0 if the next one is not due
// in this part: then other units determine when the part ends.
func (s *Segmenter) leadFrame() media.Ticks {
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

// cutBefore ends the open segment if u, which was received with the decoding time received, has to
// begin the next one.
func (s *Segmenter) cutBefore(u *media.AccessUnit, received media.Ticks) {
	frame := min(s.rate.frame(), s.partTarget())
	elapsed := u.DTS - s.segment.Start
	longest := s.formatNow().maxSegment()
	switch {
	case elapsed <= frame/2: // the segment was opened for u
	case u.Key && s.nextAudio != nil:
		s.endTracksAt(u.DTS, s.nextAudio)
		s.setTracks(s.video, s.nextAudio)
		s.discontinuity = true
		s.beginWith(u)
		s.placeEarlyAudio()
	case u.Key && (s.endsAt(received) || u.Independent() && s.endsFirst(received)):
		s.endSegmentAt(u.DTS)
		s.beginWith(u)
	case !u.Key && elapsed+frame > longest:
		s.forceCut(u.DTS)
	}
}

// beginWith opens the segment that begins with the key frame u.
func (s *Segmenter) beginWith(u *media.AccessUnit) {
	s.leading.begin(u)
	s.videoState.noteKey(u) // leading may have made it an IDR picture
	s.openSegment(s.start, u.Independent())
}

// endsAt reports whether a key frame at dts ends the open segment, because the segment is
// long enough or another group of pictures would not fit.
func (s *Segmenter) endsAt(dts media.Ticks) bool {
	if s.longEnough(dts) {
		return true
	}
	elapsed := dts - s.segment.Start
	// If pictures are repeated, a segment can begin without another key frame.
	return elapsed+s.gops.longest() > s.formatNow().maxSegment() && !(s.slow() && s.canRepeat())
}

// firstSegment is the least duration of the first segment of video. Some players, hls.js among them,
// take a playlist without a segment for an empty one, so viewers wait for the first: a publisher that
// wants them to see it soon sends its second key frame soon.
const firstSegment = media.Second / 2

// endsFirst reports whether a closed key frame at dts ends the first segment.
func (s *Segmenter) endsFirst(dts media.Ticks) bool {
	return s.video != nil && s.segment.MSN == FirstMSN && dts-s.segment.Start >= firstSegment
}

// longEnough reports whether the open segment would last segment_duration, within half a
// frame, if it ended at dts.
func (s *Segmenter) longEnough(dts media.Ticks) bool {
	frame := min(s.rate.frame(), s.partTarget())
	return dts-s.segment.Start+frame/2 >= media.TicksFromDuration(s.cfg.SegmentDuration)
}

// forceCut ends a segment without a key frame.
func (s *Segmenter) forceCut(at media.Ticks) {
	s.stats.ForcedCuts++
	if s.keySeen {
		s.stats.LongestGOP = max(s.stats.LongestGOP, at-s.lastKey)
	}
	s.endSegmentAt(at)
	s.openSegment(s.start, false)
}

// followLateVideo closes parts, and eventually the segment, by the time of the audio while
// no picture is received.
func (s *Segmenter) followLateVideo(dts media.Ticks) {
	s.videoState.audioDTS = dts
	target := s.partTarget()
	ahead := max(maxAudioLead, 2*target)
	if s.videoState.repeated || s.rate.frame() > slowInterval {
		ahead = target + slowAudioLead // no picture is expected soon
	}
	if s.videoState.received-s.start >= target && dts-s.videoState.received <= ahead {
		return // the pictures fill the parts that are due
	}
	for dts-s.start > ahead {
		s.closeTimedPart(s.start + target)
	}
}

// slowAudioLead is how far audio may be ahead of the pictures if those are far apart.
const slowAudioLead = media.Second / 10

// maxAudioLead is how far audio may be ahead of the pictures: some phones send pictures that
// much later.
const maxAudioLead = 6 * media.Second / 5

// fillLongGap fills the time before dts with gap parts, and segments of those, if nothing was
// received for longer than the open segment can last.
func (s *Segmenter) fillLongGap(dts media.Ticks) {
	if dts-s.segment.Start <= s.formatNow().maxSegment() {
		return
	}
	for target := s.partTarget(); dts-s.start > target; {
		s.closeTimedPart(s.start + target)
	}
}

// closeTimedPart closes a part whose end is not set by a frame, and the segment if another part
// would not fit. A change of the audio track may take effect there.
func (s *Segmenter) closeTimedPart(end media.Ticks) {
	// A repeated picture can begin a segment as well as a key frame.
	if s.start > s.videoState.newest && s.canRepeat() && s.longEnough(s.start) {
		s.nextSegment()
	}
	s.repeatPicture(end)
	s.closeAt(end)
	if s.start+s.format.PartTarget-s.segment.Start > s.format.maxSegment() || s.segmentFull() {
		s.nextSegment()
	}
}

// nextSegment ends the segment and opens the next one without a frame that begins it.
func (s *Segmenter) nextSegment() {
	if s.nextAudio != nil {
		s.closeOldAudio()
	}
	s.closeSegment()
	if s.nextAudio != nil {
		s.setTracks(s.video, s.nextAudio)
		s.discontinuity = true
	}
	lead := slices.IndexFunc(s.units, func(u media.AccessUnit) bool { return u.Track == s.video })
	again := lead < 0 && s.start > s.videoState.newest && s.canRepeat()
	s.openSegment(s.start, again || lead >= 0 && s.units[lead].Independent())
	s.placeEarlyAudio()
	if again {
		s.repeat(s.start)
	}
}

// closeAt closes the part with the units before end.
func (s *Segmenter) closeAt(end media.Ticks) {
	all := s.units
	n := 0
	for n < len(all) && all[n].DTS < end {
		n++
	}
	s.units = all[:n:n] // what is added to the part must not overwrite the rest
	s.closePart(end)
	for _, u := range all[n:] {
		s.bytes += len(u.Data)
	}
	s.units = append(s.units, all[n:]...)
	clear(all[len(s.units):])
}

// fillGap closes parts before a frame that is so late that it does not fit the part: the
// units so far become a part, the time without media gap parts.
func (s *Segmenter) fillGap(dts, frame media.Ticks) {
	target := s.partTarget()
	for dts+frame-s.start > target && dts-s.start > jitter {
		if dts-s.start < target && s.fillsParts() && !s.leadPending() {
			return // the frame begins the part
		}
		s.closeAt(min(dts, s.start+target))
	}
}

// formatNow returns the frozen Format, or the one that would be frozen now.
func (s *Segmenter) formatNow() Format {
	if s.frozen {
		return s.format
	}
	frame := s.rate.frame()
	if s.video != nil && s.audio == nil && s.rate.singleFrame() {
		frame = 2 * media.Second // otherwise there would be a second one by now
	}
	return freeze(s.cfg, frame, s.video != nil && s.audio != nil)
}

func (s *Segmenter) partTarget() media.Ticks { return s.formatNow().PartTarget }

// closePart ends the current part at end, but not later than PART-TARGET and TARGETDURATION
// allow. Since another part follows, it must not be too short either: if frames are so
// uneven that whole frames do not fill it, it ends inside one.
func (s *Segmenter) closePart(end media.Ticks) {
	s.freeze()
	if len(s.units) > 0 && !s.partFull() && !s.keyPending() {
		end = max(end, s.start+s.format.minPart())
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

// fit returns end, limited to where the open part must end. A part lasts at least one tick.
func (s *Segmenter) fit(end media.Ticks) media.Ticks {
	end = min(end, s.start+s.format.PartTarget, s.segment.Start+s.format.maxSegment())
	return max(end, s.start+1)
}

// close passes the part to the packagings.
func (s *Segmenter) close(end media.Ticks) {
	// After a pause the sound may come even later than the pictures.
	if len(s.units) > 0 && s.videoState.received < end {
		s.fillSilence(end, s.units[len(s.units)-1].Arrived)
	}
	s.cut = Cut{
		Part: media.Part{
			Publication: s.publication, MSN: s.segment.MSN, Number: s.nextPart, Start: s.start, Duration: end - s.start,
		},
		Format: s.format, Video: s.video, Audio: s.audio, Units: s.units,
	}
	if c := &s.cut; len(s.units) > 0 {
		c.Independent = s.keyPending()
		c.Arrived = s.units[len(s.units)-1].Arrived
	} else {
		c.Gap = true
		s.stats.GapParts++
		s.audioState.skipGap(end)
	}
	for _, out := range s.outs {
		out.Part(&s.cut)
	}
	s.parts++
	s.segmentBytes += s.bytes
	s.segment.Duration += s.cut.Duration
	s.cut = Cut{}
	clear(s.units) // release the message buffers
	s.units, s.bytes = s.units[:0], 0
	s.start = end
	s.nextPart++
}

// endSegmentAt closes the open part and segment; the segment ends at dts.
func (s *Segmenter) endSegmentAt(dts media.Ticks) {
	if s.open {
		s.endPartsAt(dts)
		s.closeSegment()
	}
}

// endTracksAt is endSegmentAt for a change of tracks. If the audio track stays, its pending
// units go into the next segment.
func (s *Segmenter) endTracksAt(dts media.Ticks, audio *media.Track) {
	if s.open {
		s.endPartsAt(dts)
		if audio != s.audio {
			s.closeOldAudio()
		}
		s.closeSegment()
	}
}

// endPartsAt closes the parts of the open segment, which ends at dts.
func (s *Segmenter) endPartsAt(dts media.Ticks) {
	for target := s.partTarget(); dts-s.start > target; {
		s.closeTimedPart(s.start + target)
	}
	// The last part was published to end when this frame was due, and the next segment
	// begins there even if the frame is late: that time does not become a part without a
	// picture. Audio received meanwhile goes into the next segment.
	if s.leadPending() || dts-s.start > max(jitter, s.leadFrame()) && !s.fillsParts() {
		s.closeLast(dts)
	}
}

// closeOldAudio closes a part with the pending audio before the audio track changes: after the
// discontinuity other parameters apply. Its time is already covered by the previous parts,
// so the part is very short.
func (s *Segmenter) closeOldAudio() {
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

// keyPending reports whether the current part has a picture that can be decoded on its own.
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
		Publication:     s.publication,
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
	s.parts, s.segmentBytes = 0, 0
	for _, out := range s.outs {
		out.Open(s.segment)
	}
}

// closeSegment passes the open segment to the packagings. If it has no part, its number is
// used for the next one.
func (s *Segmenter) closeSegment() {
	done := s.segment
	s.open, s.segment = false, media.Segment{}
	if s.parts == 0 {
		s.nextMSN--
		s.discontinuity = s.discontinuity || done.Discontinuity
		return
	}
	s.lastWall = done.ProgramDateTime.Add(done.Duration.Duration())
	if done.Discontinuity {
		s.discontinuities++
	}
	for _, out := range s.outs {
		out.Close()
	}
}
