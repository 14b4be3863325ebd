package segmenter

import (
	"math"
	"slices"

	"golive/media"
)

const (
	// maxShift is how much later than the leader's key frame a Follower's may be decoded: the
	// leader's decoding times may be earlier because of reordered pictures.
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
	at   *event // the newest event that was applied

	video, audio *media.Track
	rate         rate // of the lead track: video, or else audio
	stats        Stats
	keySeen      bool // since Start
	joining      bool // since Start, no unit of the lead track was placed
	behind       bool // units before the open segment were dropped while joining
	// shift is by how much decoding times are moved earlier, to be those of the leader.
	shift media.Ticks

	open            bool
	segment         media.Segment // the head of the open one
	discontinuities int64         // discontinuities before it
	parts           int
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

// Start begins a run of units with the given tracks. They belong to the leader's segment with the
// number from and later ones, with which the leader's times begin if they have jumped. A run that
// begins in the middle of those continues the open segment.
func (f *Follower) Start(video, audio *media.Track, from int64) {
	f.run()
	f.dropAll(&f.waiting)
	f.finish(from)
	if !f.open {
		f.dropAll(&f.part.units)
		f.part.bytes = 0
	}
	f.video, f.audio, f.keySeen, f.shift = video, audio, false, 0
	f.joining, f.behind = true, false
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
func (f *Follower) Discontinuities() int64 { return f.discontinuities }

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
	f.run()
	f.finish(math.MaxInt64)
}

// finish completes the segments before a number that the leader has completed.
func (f *Follower) finish(before int64) {
	if _, ok := f.Format(); !ok {
		return
	}
	for {
		if !f.open {
			// A segment that is not complete may get units.
			if e := f.next(); e == nil || e.head.MSN >= before || e.next.Load() == nil || !f.openNext() {
				return
			}
		}
		end, known := f.end()
		if f.open && (!known || f.segment.MSN >= before) {
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
	e := f.next()
	if e == nil {
		return false
	}
	f.at = e
	if e.head.Publication != f.segment.Publication {
		f.nextPart = 0
	}
	f.segment, f.discontinuities, f.open, f.parts = e.head, e.discontinuities, true, 0
	f.part.start = e.head.Start
	f.dropBehind()
	lead := f.video != nil
	i := slices.IndexFunc(f.waiting, func(u media.AccessUnit) bool { return u.Track.Video() == lead })
	closed := e.next.Load()
	f.segment.Independent = i >= 0 && f.waiting[i].Independent() && (closed == nil || f.waiting[i].DTS < closed.end)
	for _, out := range f.outs {
		out.Open(f.segment)
	}
	return true
}

// next returns the event that opens the leader's next segment; nil if there is none yet.
func (f *Follower) next() *event {
	for e := f.at.next.Load(); e != nil; e = e.next.Load() {
		if e.kind != segmentOpened {
			continue
		}
		if after := e.next.Load(); after == nil || after.kind == segmentClosed {
			return e
		}
		// It was dropped.
	}
	return nil
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
