package segmenter

import (
	"slices"

	"golive/media"
)

const (
	// maxShift is how much later than the leader's key frame a Follower's may be decoded:
	// the leader's decoding may have been moved earlier for reordered pictures.
	maxShift = media.Second
	// maxKeyWait is how long after a cut a Follower waits for the key frame.
	maxKeyWait = media.Second
)

// Follower cuts a rendition, such as a transcoded one, where another one, its leader, is
// cut. Each segment has the leader's number, date, discontinuity and duration. Media that
// was not received in time becomes a gap.
//
// Its units are on the leader's timeline, with key frames where the leader's are, and
// each comes after the leader's Segmenter has been given its own. A Follower belongs to
// one goroutine, which need not be the leader's.
type Follower struct {
	cuts *Cuts
	outs []Packaging
	at   *event // the last one that was applied

	video, audio *media.Track
	rate         rate // of the lead track: video, or else audio
	stats        Stats
	keySeen      bool // since Start
	// shift is how much later than in the leader pictures are decoded: their decoding is
	// moved earlier by it.
	shift media.Ticks

	open    bool
	segment media.Segment // the head of the open one
	breaks  int64         // discontinuities before it
	parts   int
	// nextPart counts the parts of the publication.
	nextPart int64
	waiting  []media.AccessUnit // not placed yet: they wait for the leader or the next segment
	part     pending
	cut      Cut
}

// pending is the current part.
type pending struct {
	units []media.AccessUnit
	bytes int
	start media.Ticks
}

// Follow returns a Follower that passes its cuts to outs. Its first segment is the one that
// the leader has open, or opens next. A rendition has one Follower per publication: a
// second one would reuse the names of parts.
func Follow(cuts *Cuts, outs ...Packaging) *Follower {
	return &Follower{cuts: cuts, outs: outs, at: cuts.before.Load()}
}

// Start begins a run of units with the given tracks. Its units may continue the open segment.
func (f *Follower) Start(video, audio *media.Track) {
	f.run()
	f.dropAll(&f.waiting)
	if !f.open {
		f.dropAll(&f.part.units)
		f.part.bytes = 0
	}
	f.video, f.audio, f.keySeen, f.shift = video, audio, false, 0
	f.rate = newRate(f.leadTrack())
}

// Format returns the leader's Format; false if it is not frozen yet.
func (f *Follower) Format() (Format, bool) {
	if p := f.cuts.format.Load(); p != nil {
		return *p, true
	}
	return Format{}, false
}

// Tracks returns the tracks given to Start.
func (f *Follower) Tracks() (video, audio *media.Track) { return f.video, f.audio }

// Skip leaves out the segments that the leader has completed. It is used before the first unit.
func (f *Follower) Skip() {
	f.at, f.open = f.cuts.before.Load(), false
	f.dropAll(&f.waiting)
	f.dropAll(&f.part.units)
	f.part.bytes = 0
}

// FrameRate returns the measured frame rate of the video, in frames per second; 0 without video.
func (f *Follower) FrameRate() float64 {
	if f.video == nil {
		return 0
	}
	return 1 / f.rate.frame().Seconds()
}

// Discontinuities returns how many of the leader's segments before the open one began with a
// discontinuity.
func (f *Follower) Discontinuities() int64 { return f.breaks }

// Stats returns the counters so far.
func (f *Follower) Stats() Stats { return f.stats }

// Write takes the next access unit of one of the tracks, or of one that takes its place.
func (f *Follower) Write(u media.AccessUnit) {
	if lead := f.video != nil; u.Track.Video() != lead && !(lead && f.audio != nil) {
		f.countDropped([]media.AccessUnit{u}) // of no known track
		return
	}
	if u.Track.Video() {
		if f.keySeen = f.keySeen || u.Key; !f.keySeen {
			f.stats.DroppedVideo++
			return
		}
	}
	f.waiting = append(f.waiting, u)
	f.run()
	if n := len(f.waiting); n >= maxHeld { // the leader makes no progress
		f.countDropped(f.waiting[:n/2])
		f.waiting = slices.Delete(f.waiting, 0, n/2)
	}
}

// Finish ends a run of units. It completes the segments that the leader has completed;
// those without units are gaps.
func (f *Follower) Finish() {
	if _, ok := f.Format(); !ok {
		return
	}
	for f.run(); f.open || f.openNext(); {
		end, known := f.end()
		if !known {
			return // the rest of the segment may follow
		}
		if f.open {
			if f.part.start < end && len(f.part.units) > 0 && end-f.part.start <= f.cuts.format.Load().PartTarget {
				f.closePart(end) // there is no next segment for the rest
			}
			f.closeSegment(end)
		}
	}
}

// run places the waiting units, as far as the leader's cuts are known.
func (f *Follower) run() {
	if _, ok := f.Format(); !ok {
		return
	}
	for len(f.waiting) > 0 && (f.open || f.openNext()) {
		end, known := f.end()
		if !f.open {
			continue // the segment was dropped
		}
		over := f.placeAll(end, known)
		if !over {
			return
		}
		f.closeSegment(end)
	}
}

// placeAll places the waiting units that belong to the open segment, and reports whether
// one of them belongs to the next. known is set if end is known.
func (f *Follower) placeAll(end media.Ticks, known bool) (over bool) {
	kept, held := f.waiting[:0], false // held is set if units from heldAt on must wait
	var heldAt media.Ticks
	for _, u := range f.waiting {
		lead := u.Track.Video() == (f.video != nil)
		switch {
		case held && (lead || u.DTS >= heldAt), known && lead && over:
			kept = append(kept, u)
		case known && f.isBehind(&u, end, lead):
			if late := !lead && u.DTS >= end+maxKeyWait; late && !over {
				f.stats.ForcedCuts++
				over = true
			}
			over = over || lead
			kept = append(kept, u)
		case !known && f.video != nil && lead && u.Key && f.leaderTime(&u) >= media.Ticks(f.cuts.reached.Load()):
			// The leader has not decided yet whether to cut here.
			held, heldAt = true, u.DTS
			kept = append(kept, u)
		default:
			f.place(u, end, known)
		}
	}
	clear(f.waiting[len(kept):])
	f.waiting = kept
	return over
}

// isBehind reports whether a unit belongs after the end of the open segment.
func (f *Follower) isBehind(u *media.AccessUnit, end media.Ticks, lead bool) bool {
	at := f.leaderTime(u)
	switch early := f.rate.frame() / 2; {
	case !lead:
		return at >= end
	case f.video == nil:
		return at >= end-early
	case u.Key && u.DTS >= end-early:
		if f.shift = min(u.DTS-end, maxShift); f.shift < early {
			f.shift = 0 // rounding
		}
		return true
	case at >= end+maxKeyWait:
		f.stats.ForcedCuts++
		return true
	default:
		return at >= end-early && !f.nextIsIndependent()
	}
}

// leaderTime returns the decoding time of a unit on the leader's timeline.
func (f *Follower) leaderTime(u *media.AccessUnit) media.Ticks {
	if u.Track.Video() {
		return u.DTS - f.shift
	}
	return u.DTS
}

// place puts a unit into the open segment.
func (f *Follower) place(u media.AccessUnit, end media.Ticks, known bool) {
	p, format := &f.part, *f.cuts.format.Load()
	first := f.parts == 0 && len(p.units) == 0
	if first && f.segment.Discontinuity {
		u.Discontinuity = true
	}
	lead := u.Track.Video() == (f.video != nil)
	if !lead {
		for u.DTS-p.start > format.PartTarget+maxAudioLead && f.hasRoom(end, known) {
			f.closeUpTo(p.start + format.PartTarget)
		}
		f.append(u)
		return
	}
	if u.Track.Video() {
		f.video = u.Track
		if late := u.DTS - f.segment.Start; f.parts == 0 && f.shift == 0 && late > f.rate.frame()/2 && late < format.PartTarget {
			f.shift = late
		}
	} else {
		f.audio = u.Track
	}
	f.rate.add(u.DTS)
	u.DTS = f.leaderTime(&u)
	at, frame := u.DTS, min(f.rate.frame(), format.PartTarget)
	for at+frame-p.start > format.PartTarget && at-p.start > jitter && f.hasRoom(end, known) {
		f.closeUpTo(min(at, p.start+format.PartTarget))
	}
	f.append(u)
	next := at + frame
	if known && next >= end-frame/2 { // u is the last one of the segment
		if end > p.start {
			f.closePart(end)
		}
		return
	}
	if next+frame-p.start > format.PartTarget || p.bytes > maxPartBytes || len(p.units) >= maxPartUnits {
		f.closePart(max(min(next, p.start+format.PartTarget), p.start+1))
	}
}

// hasRoom reports whether another part of full length ends before the segment does.
func (f *Follower) hasRoom(end media.Ticks, known bool) bool {
	return !known || f.part.start+f.cuts.format.Load().PartTarget < end
}

func (f *Follower) append(u media.AccessUnit) {
	f.part.units = append(f.part.units, u)
	f.part.bytes += len(u.Data)
}

// closeUpTo closes the part with the units before end.
func (f *Follower) closeUpTo(end media.Ticks) {
	all := f.part.units
	n := slices.IndexFunc(all, func(u media.AccessUnit) bool { return u.DTS >= end })
	if n < 0 {
		n = len(all)
	}
	rest := slices.Clone(all[n:])
	f.part.units = all[:n]
	f.closePart(end)
	for _, u := range rest {
		f.append(u)
	}
}

// closePart passes the part to the packagings.
func (f *Follower) closePart(end media.Ticks) {
	p := &f.part
	f.cut = Cut{
		Part: media.Part{
			Publication: f.segment.Publication, MSN: f.segment.MSN, Number: f.nextPart,
			Start: p.start, Duration: end - p.start, Gap: len(p.units) == 0,
		},
		Format: *f.cuts.format.Load(), Video: f.video, Audio: f.audio, Units: p.units,
	}
	if n := len(p.units); n > 0 {
		lead := f.video != nil
		f.cut.Independent = slices.ContainsFunc(p.units, func(u media.AccessUnit) bool {
			return u.Track.Video() == lead && u.Independent()
		})
		f.cut.Arrived = p.units[n-1].Arrived
	} else {
		f.stats.GapParts++
	}
	for _, out := range f.outs {
		out.Part(&f.cut)
	}
	f.cut = Cut{}
	f.parts++
	f.nextPart++
	clear(p.units)
	*p = pending{units: p.units[:0], start: end}
}

// closeSegment closes the open segment, which ends at end.
func (f *Follower) closeSegment(end media.Ticks) {
	target := f.cuts.format.Load().PartTarget
	for end-f.part.start > target {
		f.closeUpTo(f.part.start + target)
	}
	// As in the leader, the time before a late frame does not become a very short part.
	if rest := end - f.part.start; rest > max(jitter, f.rate.frame()) || rest > 0 && (f.parts == 0 || f.leadPending()) {
		f.closePart(end)
	}
	f.open = false
	for _, out := range f.outs {
		out.Close()
	}
}

func (f *Follower) leadPending() bool {
	lead := f.video != nil
	return slices.ContainsFunc(f.part.units, func(u media.AccessUnit) bool { return u.Track.Video() == lead })
}

func (f *Follower) leadTrack() *media.Track {
	if f.video != nil {
		return f.video
	}
	return f.audio
}

// openNext opens the leader's next segment, if there is one.
func (f *Follower) openNext() bool {
	for {
		e := f.at.next.Load()
		if e == nil {
			return false
		}
		f.at = e
		if e.kind != segmentOpened {
			continue
		}
		if next := e.next.Load(); next != nil && next.kind != segmentClosed {
			continue // it was dropped
		}
		if e.head.Publication != f.segment.Publication {
			f.nextPart = 0
		}
		f.segment, f.breaks, f.open, f.parts = e.head, e.breaks, true, 0
		f.part.start = e.head.Start
		lead := f.video != nil
		i := slices.IndexFunc(f.waiting, func(u media.AccessUnit) bool { return u.Track.Video() == lead })
		closed := e.next.Load()
		f.segment.Independent = i >= 0 && f.waiting[i].Independent() && (closed == nil || f.waiting[i].DTS < closed.end)
		for _, out := range f.outs {
			out.Open(f.segment)
		}
		return true
	}
}

// end returns the end of the open segment, if the leader has ended it. A segment that the
// leader dropped is dropped here.
func (f *Follower) end() (end media.Ticks, known bool) {
	for {
		e := f.at.next.Load()
		switch {
		case e == nil:
			return 0, false
		case e.kind == segmentClosed:
			return e.end, true
		case e.kind == segmentDropped && f.parts == 0:
			f.at, f.open = e, false
			f.dropAll(&f.part.units)
			f.part.bytes = 0
			for _, out := range f.outs {
				out.Drop()
			}
			return 0, true
		}
		f.at = e // reopened before its first part
	}
}

// nextIsIndependent reports whether the leader's next segment begins with a key frame; true
// if it is not known.
func (f *Follower) nextIsIndependent() bool {
	closed := f.at.next.Load()
	if closed == nil {
		return true
	}
	opened := closed.next.Load()
	return opened == nil || opened.kind != segmentOpened || opened.head.Independent
}

// dropAll drops all units of a list.
func (f *Follower) dropAll(units *[]media.AccessUnit) {
	f.countDropped(*units)
	clear(*units) // release their bytes
	*units = (*units)[:0]
}

// countDropped counts dropped units.
func (f *Follower) countDropped(units []media.AccessUnit) {
	for _, u := range units {
		if u.Track.Video() {
			f.stats.DroppedVideo++
		} else {
			f.stats.DroppedAudio++
		}
	}
}
