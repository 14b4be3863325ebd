package hlscheck

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// probeSkip checks rule 38. If possible it requests the next part, as players do: no cache has
// it yet.
func (n *run) probeSkip(ctx context.Context) {
	m := n.await(ctx, func(m *Media) bool {
		until := m.ServerControl.CanSkipUntil
		return until == 0 || m.countSkippable(until) > 0
	})
	if m == nil {
		return
	}
	ask, limit := []string{"_HLS_skip", "YES"}, n.promptTimeout()
	if m.ServerControl.CanBlockReload {
		ask, limit = append(ask, "_HLS_msn", number(m.lastMSN()+1)), n.longestWait()+time.Second
	}
	a := n.fetchWith(ctx, limit, ask...)
	if a.status == 0 || a.unclear() || a.status == http.StatusNotFound || a.status == http.StatusOK && a.media.EndList {
		return
	}
	delta, until := a.media, m.ServerControl.CanSkipUntil
	switch {
	case a.status != http.StatusOK:
		n.add(38, 0, "a request with _HLS_skip=YES was %s, want the playlist", a)
	case until == 0 && delta.Skipped > 0:
		n.add(38, 0, "EXT-X-SKIP where EXT-X-SERVER-CONTROL has no CAN-SKIP-UNTIL")
	case until == 0:
	case delta.Skipped == 0:
		n.add(38, 0, "a request with _HLS_skip=YES was answered without EXT-X-SKIP, though %d segments are beyond CAN-SKIP-UNTIL (%v)", m.countSkippable(until), until)
	default:
		n.checkDelta(ctx, a)
	}
}

// countSkippable returns the number of segments before the skip boundary, without those that are
// within a target duration of it, which the server may skip or not.
func (m *Media) countSkippable(boundary time.Duration) (count int) {
	var tail time.Duration
	for i := range slices.Backward(m.Segments) {
		if tail >= boundary+m.TargetDuration {
			count++
		}
		tail += m.Segments[i].Duration
	}
	return count
}

// checkDelta checks that a delta update is the playlist without its oldest segments.
func (n *run) checkDelta(ctx context.Context, a answer) {
	// Other rules need the whole playlist.
	n.found.addAll(n.r.Name, a.text, slices.DeleteFunc(a.wrong, func(v Violation) bool { return v.Rule != 38 }))
	delta := a.media
	if left, boundary := delta.Length(), delta.ServerControl.CanSkipUntil; left < boundary {
		n.add(38, 0, "a delta update skips segments within the skip boundary: only %v are left, CAN-SKIP-UNTIL is %v", left, boundary)
	}
	full := n.await(ctx, func(m *Media) bool { return m.lastMSN() >= delta.lastMSN() })
	if full == nil {
		return
	}
	if delta.TargetDuration != full.TargetDuration || delta.PartTarget != full.PartTarget {
		n.add(38, 0, "a delta update has target durations %v and %v, the playlist %v and %v",
			delta.TargetDuration, delta.PartTarget, full.TargetDuration, full.PartTarget)
	}
	for i := range delta.Segments {
		d := &delta.Segments[i]
		j := d.MSN - full.MediaSequence - full.Skipped
		if j < 0 {
			continue // left meanwhile
		}
		if s := &full.Segments[j]; !d.same(s) {
			n.add(38, 0, "a delta update that skips %d segments has %s as segment %d, the playlist has %s", delta.Skipped, d.URI, d.MSN, s.URI)
			return
		}
	}
}

// same compares the fields that do not depend on earlier segments.
func (s *Segment) same(o *Segment) bool {
	return s.URI == o.URI && s.Bytes == o.Bytes && s.Duration == o.Duration && s.Gap == o.Gap &&
		s.Discontinuity == o.Discontinuity && s.ProgramDateTime.Equal(o.ProgramDateTime)
}
