package segmenter

import (
	"slices"

	"golive/media"
)

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
	f.dropBehind()
	kept, held := f.waiting[:0], false // held is set if units from heldAt on must wait
	var heldAt media.Ticks
	for _, u := range f.waiting {
		lead := u.Track.Video() == (f.video != nil)
		switch {
		case held && (lead || u.DTS >= heldAt), known && lead && over:
			kept = append(kept, u)
		case known && f.isAfterEnd(&u, end, lead):
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

// dropBehind drops the first units of a run that belong to a segment before the open one: what makes them
// took so long to start that it is complete, without them.
func (f *Follower) dropBehind() {
	if !f.joining {
		return
	}
	kept, reached := f.waiting[:0], false // reached is set from the first unit of the lead track that belongs to it
	for _, u := range f.waiting {
		lead := u.Track.Video() == (f.video != nil)
		if (!reached || !lead) && f.isBehind(&u, lead) {
			f.countDropped([]media.AccessUnit{u})
			f.behind = true
			continue
		}
		reached = reached || lead
		kept = append(kept, u)
	}
	clear(f.waiting[len(kept):])
	f.waiting = kept
}

// isBehind reports whether one of the first units of a run belongs to a segment before the open one.
func (f *Follower) isBehind(u *media.AccessUnit, lead bool) bool {
	early := f.rate.frame() / 2
	switch {
	case !lead:
		return u.DTS < f.segment.Start
	case u.Key:
		// Its decoding time may be earlier than that of the leader's, with more pictures reordered.
		return u.PTS < f.segment.Start-early
	default:
		return u.DTS < f.segment.Start-early || f.behind && u.Track.Video()
	}
}

// isAfterEnd reports whether a unit belongs to a segment after the open one, which ends at end.
func (f *Follower) isAfterEnd(u *media.AccessUnit, end media.Ticks, lead bool) bool {
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
	f.joining = false
	if u.Track.Video() {
		f.video = u.Track
		if late := u.DTS - f.segment.Start; f.parts == 0 && !f.leadPending() && f.shift == 0 && late > f.rate.frame()/2 && late < format.PartTarget {
			f.shift = late
		}
	} else {
		f.audio = u.Track
	}
	f.rate.add(u.DTS)
	u.DTS = f.leaderTime(&u)
	at, frame := u.DTS, min(f.rate.frame(), format.PartTarget)
	for at+frame-p.start > format.PartTarget && at-p.start > jitter && f.hasRoom(end, known) {
		if f.fills(at) {
			if at-p.start < format.PartTarget {
				break // it is in the part, if late
			}
			u.DTS = p.start
			f.insert(u)
			f.closeUpTo(p.start + format.PartTarget)
			return
		}
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

// fills reports whether a picture for the time at is late and fills the open part, as in the leader
// (Segmenter.due).
func (f *Follower) fills(at media.Ticks) bool {
	return f.video != nil && f.parts > 0 && f.rate.frame() <= f.cuts.format.Load().PartTarget &&
		at-f.part.start <= maxLate && !f.leadPending()
}

// hasRoom reports whether another part of full length ends before the segment does.
func (f *Follower) hasRoom(end media.Ticks, known bool) bool {
	return !known || f.part.start+f.cuts.format.Load().PartTarget < end
}

func (f *Follower) append(u media.AccessUnit) {
	f.part.units = append(f.part.units, u)
	f.part.bytes += len(u.Data)
}

// insert adds a unit before those with later decoding times.
func (f *Follower) insert(u media.AccessUnit) {
	f.part.units = insertUnit(f.part.units, u)
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
