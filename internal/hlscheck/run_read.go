package hlscheck

import (
	"fmt"
	"slices"
	"time"
)

// read parses and checks a playlist, and reports whether it has anything new. wait is the
// position of a blocking reload.
func (n *run) read(reply *reply, wait *position) (changed bool) {
	if n.r.Last == nil {
		n.base = reply.base
	}
	m, wrong := ParseMedia(n.r.URL, reply.body)
	rep := &report{url: n.r.URL, list: wrong}
	if before := n.r.Last; before != nil {
		rep.list = append(rep.list, CheckChange(n.r.URL, before, m)...)
		n.noteRemoved(before, m, reply.arrived)
	}
	if n.etagBody != string(reply.body) {
		checkMediaReaders(rep, reply.body, m)
	}
	checkOldParts(rep, m)
	n.checkReports(rep, m)
	if m.Skipped > 0 {
		rep.add(38, 0, "EXT-X-SKIP in an answer to a request without _HLS_skip")
	}
	n.found.addAll(n.r.Name, reply.body, rep.list)
	n.checkAtomic(reply)
	n.checkAnswer(reply, m, wait)

	changed = n.list(m, reply.arrived) || m.EndList
	n.longest = max(n.longest, m.Length())
	n.r.Last = m
	n.r.Reloads++
	n.r.Ended = n.r.Ended || m.EndList
	close(n.latest.Swap(&view{media: m, next: make(chan struct{})}).next)
	return changed
}

// checkAtomic checks the observable part of rule 9: texts with the same entity tag are equal.
func (n *run) checkAtomic(reply *reply) {
	etag := reply.header.Get("ETag")
	if etag != "" && etag == n.etag && string(reply.body) != n.etagBody {
		n.add(9, 0, "two different texts have the same ETag %s", etag)
	}
	n.etag, n.etagBody = etag, string(reply.body)
}

// checkAnswer checks rules 32, 47 and 48 on a reload.
func (n *run) checkAnswer(reply *reply, m *Media, wait *position) {
	target := m.TargetDuration
	if wait != nil {
		target = 0
		if !m.EndList && !m.has(*wait) {
			n.add(32, 0, "a request for %s was answered before it was available", wait)
		}
	}
	if m.EndList {
		target = 0
	}
	n.checkPlaylistCache(n.r.URL, reply, target)
	n.checkProtocol(reply, m)
}

// list passes the new segments and parts of m to the fetching goroutine, and checks that they
// were in time.
func (n *run) list(m *Media, now time.Time) (changed bool) {
	if !n.started {
		n.started, n.next = true, n.begin(m)
		n.nextPartMSN = n.next
	}
	first := n.r.Last == nil
	if missed := m.MediaSequence + m.Skipped - n.next; missed > 0 {
		n.r.Missed += missed
		n.next += missed
	}
	segments, parts := 0, 0
	for i := range m.Segments {
		s := m.Segments[i]
		parts += n.listParts(s.MSN, s.Parts, s.Discontinuity, now)
		if s.MSN < n.next {
			continue
		}
		n.next = s.MSN + 1
		segments++
		n.segment(s, m.IndependentSegments, now)
	}
	parts += n.listParts(m.lastMSN()+1, m.Parts, m.OpenDiscontinuity, now)
	n.checkPace(m, segments, parts, first, now)
	return segments+parts > 0
}

// begin returns the MSN at which to begin in the first playlist.
func (n *run) begin(m *Media) int64 {
	left := m.Length()
	for i := range m.Segments {
		if n.f.opts.Behind == 0 || left <= n.f.opts.Behind {
			return m.Segments[i].MSN
		}
		left -= m.Segments[i].Duration
	}
	return m.lastMSN() + 1
}

func (n *run) segment(s Segment, independent bool, now time.Time) {
	u, err := resolve(n.base, s.URI)
	if err != nil {
		n.add(0, s.Line, "%v", err)
	}
	if m := n.f.multivariant; m != nil {
		independent = independent || m.IndependentSegments
	}
	fetched := &FetchedSegment{Segment: s, URL: u, Listed: now, Independent: independent, Err: err, Start: -1}
	n.r.Segments = append(n.r.Segments, fetched)
	n.jobs <- job{segment: fetched}
}

// listParts lists the new parts of segment msn, which may begin a discontinuity, and returns
// their number.
func (n *run) listParts(msn int64, parts []Part, discontinuity bool, now time.Time) (fresh int) {
	if msn < n.nextPartMSN || len(parts) == 0 {
		return 0
	}
	if msn > n.nextPartMSN {
		n.nextPartMSN, n.nextPart = msn, 0
	}
	for ; n.nextPart < len(parts); n.nextPart++ {
		fresh++
		p := parts[n.nextPart]
		if !n.f.opts.LowLatency {
			continue
		}
		u, err := resolve(n.base, p.URI)
		if err != nil {
			n.add(0, p.Line, "%v", err)
		}
		fetched := &FetchedPart{Part: p, MSN: msn, Index: n.nextPart, Discontinuity: discontinuity && n.nextPart == 0, URL: u, Listed: now, Err: err}
		n.r.Parts = append(n.r.Parts, fetched)
		n.jobs <- job{part: fetched}
	}
	return fresh
}

// checkPace checks rules 11 and 12.
func (n *run) checkPace(m *Media, segments, parts int, first bool, now time.Time) {
	if segments > 0 {
		limit := m.TargetDuration + m.TargetDuration/2 + n.f.opts.Interval
		if late := now.Sub(n.segmentAt); !n.segmentAt.IsZero() && late > limit && !m.EndList {
			n.add(11, 0, "segment %d came %v after the one before it; the limit is 1.5 times the target duration of %v",
				m.lastMSN(), late.Round(time.Millisecond), m.TargetDuration)
		}
		if !first {
			n.segmentAt = now
		}
	}
	if parts > 0 && m.PartTarget > 0 && n.f.opts.LowLatency {
		if late := now.Sub(n.partAt); !n.partAt.IsZero() && late > m.PartTarget+n.f.opts.Slack && !m.EndList {
			n.add(12, 0, "a part after segment %d came %v after the one before it; PART-TARGET is %v",
				m.lastMSN(), late.Round(time.Millisecond), m.PartTarget)
		}
		if !first {
			n.partAt = now
		}
	}
}

// noteRemoved records removed resources that must stay available: rules 15 and 16.
func (n *run) noteRemoved(before, after *Media, now time.Time) {
	for i := range before.Segments {
		s := &before.Segments[i]
		still := after.MediaSequence + after.Skipped
		switch {
		case s.Gap:
		case s.MSN < after.MediaSequence:
			n.scheduleCheck(now, s.Duration+n.longest, s.URI, 15, "a removed segment of %v", s.Duration)
			if s.Map.URI != "" && !after.uses(s.Map) {
				n.scheduleCheck(now, s.Duration+n.longest, s.Map.URI, 15, "the initialization segment of a removed segment of %v", s.Duration)
			}
		case s.MSN >= still && n.f.opts.LowLatency && len(s.Parts) > 0 &&
			s.MSN-still < int64(len(after.Segments)) && len(after.Segments[s.MSN-still].Parts) == 0:
			n.scheduleCheck(now, 3*after.TargetDuration, s.Parts[0].URI, 16, "a removed part of segment %d", s.MSN)
		}
	}
}

// uses reports whether a listed segment or part has the initialization segment.
func (m *Media) uses(init Map) bool {
	return slices.ContainsFunc(m.Segments, func(s Segment) bool { return s.Map == init }) ||
		slices.ContainsFunc(m.Parts, func(p Part) bool { return p.Map == init })
}

// scheduleCheck schedules a check shortly before the time until which a resource must be available.
func (n *run) scheduleCheck(now time.Time, lasts time.Duration, uri string, rule int, format string, args ...any) {
	u, err := resolve(n.base, uri)
	if err != nil {
		return // reported when it was listed
	}
	text := fmt.Sprintf(format, args...) + fmt.Sprintf(" must stay available for %v", lasts)
	n.removalChecks = append(n.removalChecks, removalCheck{at: now.Add(lasts - lasts/10), url: u, rule: rule, text: text})
}

// runRemovalChecks passes the checks that are due to the fetching goroutine.
func (n *run) runRemovalChecks() {
	now := time.Now()
	kept := n.removalChecks[:0]
	for _, d := range n.removalChecks {
		if d.at.After(now) {
			kept = append(kept, d)
			continue
		}
		n.jobs <- job{removal: &d}
	}
	n.removalChecks = kept
}
