package hlscheck

import (
	"fmt"
	"slices"
	"time"
)

// checkRenditions checks rule 42 about what all renditions of a presentation have in common.
// Each is compared with the first.
func (f *Follower) checkRenditions() {
	var first *Rendition
	for _, r := range f.renditions {
		switch {
		case r.Last == nil || r.Subtitles:
		case first == nil:
			first = r
		default:
			f.compare(first, r)
		}
	}
}

func (f *Follower) compare(a, b *Rendition) {
	add := func(format string, args ...any) {
		f.found.add(Violation{Rule: 42, Rendition: b.Name, URL: b.URL, Text: fmt.Sprintf(format, args...)})
	}
	if a.Last.TargetDuration != b.Last.TargetDuration {
		add("EXT-X-TARGETDURATION is %v, that of %s is %v", b.Last.TargetDuration, a.Name, a.Last.TargetDuration)
	}
	// At the end it may be removed from one before the other.
	if a.Last.EndList == b.Last.EndList {
		ac, bc := a.Last.ServerControl, b.Last.ServerControl
		ac.Line, bc.Line = 0, 0
		if ac != bc {
			add("EXT-X-SERVER-CONTROL is %+v, that of %s is %+v", bc, a.Name, ac)
		}
	}
	if a.dated() != b.dated() {
		add("has EXT-X-PROGRAM-DATE-TIME: %t, %s: %t", b.dated(), a.Name, a.dated())
	}
	compareSegments(a, b, add)
}

func (r *Rendition) dated() bool {
	for i := range r.Last.Segments {
		if !r.Last.Segments[i].ProgramDateTime.IsZero() {
			return true
		}
	}
	return false
}

// syncTolerance is how far dates and timestamps of two renditions may be apart:
// dates have milliseconds, and encoders delay by whole frames.
const syncTolerance = 100 * time.Millisecond

// compareSegments checks that simultaneous segments have the same discontinuity number and
// the same mapping from dates to timestamps. A segment is simultaneous with the one whose
// time span has its date.
func compareSegments(a, b *Rendition, add func(string, ...any)) {
	if len(a.Segments) == 0 {
		return
	}
	i := 0
	for _, s := range b.Segments {
		if s.ProgramDateTime.IsZero() {
			continue
		}
		// Find the last one that does not begin later.
		limit := s.ProgramDateTime.Add(syncTolerance)
		for i+1 < len(a.Segments) && !a.Segments[i+1].ProgramDateTime.IsZero() && a.Segments[i+1].ProgramDateTime.Before(limit) {
			i++
		}
		o := a.Segments[i]
		apart := s.ProgramDateTime.Sub(o.ProgramDateTime)
		if o.ProgramDateTime.IsZero() || apart < -syncTolerance || apart > o.Duration-syncTolerance {
			continue
		}
		if s.DiscontinuitySequence != o.DiscontinuitySequence {
			add("segment %d has discontinuity sequence %d, segment %d of %s at the same moment has %d",
				s.MSN, s.DiscontinuitySequence, o.MSN, a.Name, o.DiscontinuitySequence)
			return
		}
		if s.Start < 0 || o.Start < 0 {
			continue
		}
		if off := near(ticks(apart), s.Start-o.Start) - ticks(apart); off > ticks(syncTolerance) || off < -ticks(syncTolerance) {
			add("segment %d maps its date to a timestamp %.3f s from that of segment %d of %s",
				s.MSN, float64(off)/90_000, o.MSN, a.Name)
			return
		}
	}
}

// checkReports checks rule 41 on one playlist: a report for every other rendition.
func (n *run) checkReports(r *report, m *Media) {
	if m.PartTarget == 0 || m.EndList || n.r.Subtitles {
		return
	}
	for _, other := range n.f.renditions {
		if other == n.r || other.Subtitles {
			continue
		}
		if _, ok := n.reportOf(m, other); !ok {
			r.add(41, 0, "no EXT-X-RENDITION-REPORT for %s", other.Name)
		}
	}
}

// reportOf returns the report for a rendition.
func (n *run) reportOf(m *Media, other *Rendition) (RenditionReport, bool) {
	i := slices.IndexFunc(m.Reports, func(r RenditionReport) bool {
		u, err := resolve(n.base, r.URI)
		return err == nil && withoutQuery(u) == withoutQuery(other.URL)
	})
	if i < 0 {
		return RenditionReport{}, false
	}
	return m.Reports[i], true
}
