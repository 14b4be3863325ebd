package segmenter

import (
	"slices"

	"golive/media"
)

// maxLate is how late a picture may be and still fill the part that is due. Ingest takes a longer
// step of all tracks for a discontinuity.
const maxLate = 3 * media.Second

// due returns when the picture u is decoded: at the time that was received, or earlier if it is so
// late that a part without a picture would come before it.
//
// The parts before it are published, and their last picture lasts until the next part begins. In
// CMAF a picture lasts until the next one, so the late picture has to be decoded there: it fills
// the part, and is presented at its own time. If more than one part is due, the next pictures fill
// those, until they are on time again.
//
// A part that has pictures is closed if u is after it: its last picture lasts until its end.
func (s *Segmenter) due(u *media.AccessUnit) media.Ticks {
	target := s.partTarget()
	if !s.fillsParts() || u.DTS-s.start < target {
		return u.DTS
	}
	free := s.start // the beginning of the first part without a picture
	if s.leadPending() {
		free += target
	}
	if u.DTS-free > maxLate {
		return u.DTS
	}
	if free > s.start {
		s.closeAt(free)
	}
	switch silent := len(s.units) == 0 && s.nextAudio == nil; {
	case u.Key && silent && u.Track == s.video && s.endsAt(u.DTS) && u.DTS-s.start > s.spare():
		s.listPause(u)
		return u.DTS
	case u.DTS-s.start < target:
		return u.DTS
	}
	return s.start
}

// spare returns how much earlier than its key frame a segment may begin and still end at the next
// key frame.
func (s *Segmenter) spare() media.Ticks {
	gop, longest := s.gops.longest(), s.formatNow().maxSegment()
	if gop > longest {
		return maxLate // it does not in any case
	}
	return max(s.leadFrame(), longest-max(gop, media.TicksFromDuration(s.cfg.SegmentDuration)))
}

// listPause ends the open segment, makes segments of gaps up to the key frame u, since nothing was
// received meanwhile, and begins the next segment. A gap within a segment of media would be a hole in
// it.
func (s *Segmenter) listPause(u *media.AccessUnit) {
	for u.DTS > s.start {
		s.closeSegment()
		s.openSegment(s.start, true) // it has no picture that depends on others
		end := min(u.DTS, s.start+s.format.maxSegment())
		for s.start < end {
			s.closeLast(min(end, s.start+s.format.PartTarget))
		}
	}
	s.closeSegment()
	s.beginWith(u)
}

// fillPart closes the open part with the picture u, which is decoded at its beginning and late: it is
// presented after the part.
func (s *Segmenter) fillPart(u media.AccessUnit) {
	s.insert(u)
	s.closeAt(s.start + s.partTarget())
}

// fillsParts reports whether the next picture is due in the open part, so that the part waits for
// it.
func (s *Segmenter) fillsParts() bool { return s.open && s.video != nil && s.leadFrame() > 0 }

// insertUnit inserts a unit before those with later decoding times.
func insertUnit(units []media.AccessUnit, u media.AccessUnit) []media.AccessUnit {
	at := slices.IndexFunc(units, func(v media.AccessUnit) bool { return v.DTS >= u.DTS })
	if at < 0 {
		at = len(units)
	}
	return slices.Insert(units, at, u)
}
