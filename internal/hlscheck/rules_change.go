package hlscheck

import (
	"fmt"
	"slices"
	"time"
)

// CheckChange checks how a media playlist changed from one reload to the next, and
// returns the violations; url is only used in their text.
func CheckChange(url string, before, after *Media) []Violation {
	r := &report{url: url}
	checkConstants(r, before, after)
	checkSequence(r, before, after)
	checkOverlap(r, before, after)
	checkTrim(r, before, after)
	checkHint(r, before, after)
	return r.list
}

// checkConstants checks rules 4, 18 and 29 about values that must not change.
func checkConstants(r *report, before, after *Media) {
	if before.HasTargetDuration && after.TargetDuration != before.TargetDuration {
		r.add(4, 0, "EXT-X-TARGETDURATION changed from %v to %v", before.TargetDuration, after.TargetDuration)
	}
	if before.PlaylistType != after.PlaylistType {
		r.add(18, 0, "EXT-X-PLAYLIST-TYPE changed from %q to %q", before.PlaylistType, after.PlaylistType)
	}
	if before.EndList && !after.EndList {
		r.add(8, 0, "EXT-X-ENDLIST was removed")
	}
	// PART-INF and the hold-backs may be removed at the end, where they have no meaning.
	if after.EndList {
		return
	}
	if before.PartTarget != after.PartTarget {
		r.add(29, 0, "PART-TARGET changed from %v to %v", before.PartTarget, after.PartTarget)
	}
	b, a := before.ServerControl, after.ServerControl
	b.Line, a.Line = 0, 0
	if a != b {
		r.add(29, after.ServerControl.Line, "EXT-X-SERVER-CONTROL changed from %+v to %+v", b, a)
	}
}

// checkSequence checks rules 5, 6 and 17: segments are removed from the head, and the numbers
// count removals.
func checkSequence(r *report, before, after *Media) {
	if after.MediaSequence < before.MediaSequence {
		r.add(5, 0, "EXT-X-MEDIA-SEQUENCE went down from %d to %d", before.MediaSequence, after.MediaSequence)
		return
	}
	// Identify segments by URI, and check that the removed ones were the first.
	here := make(map[string]bool, len(after.Segments))
	for i := range after.Segments {
		here[after.Segments[i].key()] = true
	}
	removed, kept := 0, false
	for i := range before.Segments {
		s := &before.Segments[i]
		if here[s.key()] {
			kept = true
			continue
		}
		removed++
		if kept && after.Skipped == 0 {
			r.add(17, 0, "segment %s (%d) was removed before those in front of it", s.URI, s.MSN)
		}
	}
	if after.Skipped > 0 {
		return
	}
	step := after.MediaSequence - before.MediaSequence
	if removed > 0 && !after.HasMediaSequence {
		r.add(5, 0, "segments were removed and there is no EXT-X-MEDIA-SEQUENCE")
	} else if (kept || step < int64(len(before.Segments))) && step != int64(removed) {
		r.add(5, 0, "%d segments were removed and EXT-X-MEDIA-SEQUENCE rose by %d", removed, step)
	}
	checkDiscontinuitySequence(r, before, after)
}

func checkDiscontinuitySequence(r *report, before, after *Media) {
	if after.DiscontinuitySequence < before.DiscontinuitySequence {
		r.add(6, 0, "EXT-X-DISCONTINUITY-SEQUENCE went down from %d to %d", before.DiscontinuitySequence, after.DiscontinuitySequence)
		return
	}
	if len(after.Segments) == 0 {
		return
	}
	// The discontinuity sequence number of a segment never changes.
	first := &after.Segments[0]
	for i := range before.Segments {
		s := &before.Segments[i]
		if s.MSN == first.MSN && s.DiscontinuitySequence != first.DiscontinuitySequence {
			r.add(6, first.Line, "segment %s (%d) had discontinuity sequence %d and now has %d: EXT-X-DISCONTINUITY-SEQUENCE counts wrongly",
				first.URI, first.MSN, s.DiscontinuitySequence, first.DiscontinuitySequence)
		}
	}
}

// key identifies a segment.
func (s *Segment) key() string { return fmt.Sprint(s.URI, " ", s.Bytes) }

// checkOverlap checks rule 8, and rule 21 for dates: a segment or part in both playlists is
// the same in both.
func checkOverlap(r *report, before, after *Media) {
	for i := range before.Segments {
		b := &before.Segments[i]
		j := b.MSN - after.MediaSequence - after.Skipped
		if j < 0 || j >= int64(len(after.Segments)) {
			if j >= int64(len(after.Segments)) {
				r.add(8, 0, "segment %s (%d) vanished from the end", b.URI, b.MSN)
			}
			continue
		}
		a := &after.Segments[j]
		same := a.URI == b.URI && a.Bytes == b.Bytes && a.Duration == b.Duration && a.Gap == b.Gap && a.Map == b.Map
		// The tag of the first segment may be removed: the sequence number counts it.
		discontinuity := a.Discontinuity == b.Discontinuity || j == 0
		if a.Gap && !b.Gap && a.URI == b.URI && a.Duration == b.Duration && discontinuity {
			r.add(8, a.Line, "segment %d (%s) became a gap", b.MSN, b.URI)
			continue
		}
		if !same || !discontinuity {
			r.add(8, a.Line, "segment %d was %s %v and became %s %v", b.MSN, b.URI, b.Duration, a.URI, a.Duration)
			continue
		}
		if !a.ProgramDateTime.IsZero() && !b.ProgramDateTime.IsZero() && !a.ProgramDateTime.Equal(b.ProgramDateTime) {
			r.add(21, a.Line, "segment %s was dated %v and became %v", a.URI, b.ProgramDateTime, a.ProgramDateTime)
		}
		if len(a.Parts) > 0 && !slices.EqualFunc(a.Parts, b.Parts, sameResource) {
			r.add(8, a.Line, "the parts of segment %s (%d) changed", a.URI, a.MSN)
		}
	}
	checkTrailingParts(r, before, after)
}

// checkTrailingParts checks that the parts of the incomplete segment stay the first parts of
// that segment.
func checkTrailingParts(r *report, before, after *Media) {
	if len(before.Parts) == 0 {
		return
	}
	parts := after.Parts
	j := before.lastMSN() + 1 - after.MediaSequence - after.Skipped
	if j >= 0 && j < int64(len(after.Segments)) {
		if parts = after.Segments[j].Parts; len(parts) == 0 {
			return // trimmed already
		}
	} else if j < 0 {
		return
	}
	if len(parts) < len(before.Parts) || !slices.EqualFunc(parts[:len(before.Parts)], before.Parts, sameResource) {
		r.add(8, 0, "the parts after segment %d changed", before.lastMSN())
	}
}

func sameResource(a, b Part) bool {
	a.Line, b.Line = 0, 0
	return a == b
}

// checkTrim checks rules 13, 14 and 18 about what must be left after a removal.
func checkTrim(r *report, before, after *Media) {
	if after.MediaSequence <= before.MediaSequence {
		return
	}
	if after.PlaylistType != "" {
		r.add(18, 0, "segments were removed from a playlist of type %s", after.PlaylistType)
	}
	if after.EndList {
		return
	}
	if length := after.Length(); length < 3*after.TargetDuration {
		r.add(13, 0, "the playlist was trimmed to %v, less than 3 times the target duration of %v", length, after.TargetDuration)
	}
	if n := int64(len(after.Segments)) + after.Skipped; n < 6 {
		r.add(14, 0, "the playlist was trimmed to %d segments, fewer than 6", n)
	}
}

// checkOldParts checks the first half of rule 16: parts that begin more than three target
// durations (and the segment being trimmed) before the end should have been removed.
func checkOldParts(r *report, m *Media) {
	length := m.Length()
	var at time.Duration
	for i := range m.Segments {
		s := &m.Segments[i]
		end := at + s.Duration
		if len(s.Parts) > 0 && length-end > 4*m.TargetDuration {
			r.add(16, s.Line, "parts %v before the end are still listed; they should leave after 3 target durations", length-end)
			return
		}
		at = end
	}
}

// hint returns the preload hint for a part that is a whole resource, or nil if there is none.
func (m *Media) hint() *PreloadHint {
	for i := range m.Hints {
		if h := &m.Hints[i]; h.Type == "PART" && !h.Ranged {
			return h
		}
	}
	return nil
}

// checkHint checks rule 39 on two playlists: the hinted part is the one that was added. The
// server may change its plan (B 6.2.6) at a discontinuity, and where there is no hint any
// more.
func checkHint(r *report, before, after *Media) {
	h := before.hint()
	part, discontinuity := after.partAt(before.nextPosition())
	if h == nil || part == nil || discontinuity || part.Gap || after.hint() == nil {
		return
	}
	if part.URI != h.URI {
		r.add(39, part.Line, "the playlist hinted at %s, and added %s", h.URI, part.URI)
	}
}
