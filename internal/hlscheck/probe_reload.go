package hlscheck

import (
	"context"
	"math"
	"net/http"
	"time"
)

// promptTimeout returns the time limit for a response that need not wait.
func (n *run) promptTimeout() time.Duration { return max(n.target()/2, time.Second) }

// probePartAlone checks rule 34.
func (n *run) probePartAlone(ctx context.Context) {
	a := n.fetchWith(ctx, n.promptTimeout(), "_HLS_part", "0")
	if !a.unclear() && a.status != http.StatusBadRequest {
		n.add(34, 0, "a request with _HLS_part and without _HLS_msn was %s, want 400", a)
	}
}

// probeOldSegment checks rule 33: a request for an old segment gets the whole playlist.
func (n *run) probeOldSegment(ctx context.Context) {
	m := n.current()
	if m == nil {
		return
	}
	old := max(0, m.MediaSequence-1)
	a := n.fetchWith(ctx, n.promptTimeout(), "_HLS_msn", number(old))
	switch {
	case a.unclear():
	case a.status != http.StatusOK:
		n.add(33, 0, "a request for segment %d, where the playlist begins with %d, was %s, want the playlist", old, m.MediaSequence, a)
	case a.media.Skipped > 0 || len(a.media.Segments) == 0 || a.media.lastMSN() < m.lastMSN():
		n.add(33, 0, "a request for segment %d, where the playlist begins with %d, was not answered with the whole playlist", old, m.MediaSequence)
	}
}

// probeFarSegment checks the first half of rule 35. The segment is so far ahead that it is
// still too far if one is completed meanwhile.
func (n *run) probeFarSegment(ctx context.Context) {
	m := n.current()
	if m == nil {
		return
	}
	far := m.lastMSN() + 5
	a := n.fetchWith(ctx, n.promptTimeout(), "_HLS_msn", number(far))
	if !a.unclear() && a.status != http.StatusBadRequest {
		n.add(35, 0, "a request for segment %d, where the last one is %d, was %s, want 400", far, m.lastMSN(), a)
	}
}

// probeFarPart checks the second half of rule 35.
func (n *run) probeFarPart(ctx context.Context) {
	for range 3 {
		// A segment that has just begun is not completed before the request arrives.
		m := n.awaitNew(ctx, func(m *Media) bool { return len(m.Parts) == 1 || len(m.Parts) == 2 })
		if m == nil {
			return
		}
		limit := int64(3)
		if m.PartTarget < time.Second {
			limit = int64(math.Ceil(float64(3*time.Second) / float64(m.PartTarget)))
		}
		far := position{m.lastMSN() + 1, int64(len(m.Parts)) + limit + 10}
		a := n.fetchWith(ctx, n.promptTimeout(), "_HLS_msn", number(far.msn), "_HLS_part", number(far.part))
		if now := n.latest.Load().media; now.lastMSN() >= far.msn {
			continue // it was completed: the request was for the first part of the next one
		}
		if !a.unclear() && a.status != http.StatusBadRequest {
			n.add(35, 0, "a request for %s, where the last part is %d and at most %d more may be asked for, was %s, want 400",
				far, len(m.Parts)-1, limit, a)
		}
		return
	}
}

// probeSegment checks rule 32 for a segment without a part.
func (n *run) probeSegment(ctx context.Context) {
	m := n.awaitNew(ctx, func(*Media) bool { return true })
	if m == nil {
		return
	}
	next := position{m.lastMSN() + 1, -1}
	n.checkAwaited(next, n.fetchWith(ctx, n.longestWait()+time.Second, "_HLS_msn", number(next.msn)))
}

// probePartPastTheEnd checks rule 32 for a part that its segment does not have: it means the
// first part of the next one.
func (n *run) probePartPastTheEnd(ctx context.Context) {
	counted := func(m *Media) int64 {
		if len(m.Segments) == 0 {
			return 0
		}
		return int64(len(m.Segments[len(m.Segments)-1].Parts))
	}
	// Preferably before that first part is available, but there may be no such moment.
	m := n.awaitNew(ctx, func(m *Media) bool { return counted(m) > 0 && len(m.Parts) == 0 })
	if m == nil {
		m = n.current()
	}
	if m == nil || counted(m) == 0 {
		return
	}
	past := position{m.lastMSN(), counted(m)}
	n.checkAwaited(past, n.fetchWith(ctx, n.longestWait()+time.Second, "_HLS_msn", number(past.msn), "_HLS_part", number(past.part)))
}

// checkAwaited checks rules 32 and 36 on the response to a request for the next segment or
// part.
func (n *run) checkAwaited(p position, a answer) {
	switch {
	case a.status == 0:
		n.add(36, 0, "a request for %s was not answered within 3 target durations (%v), want status 503", p, n.longestWait())
	case a.unclear() || a.status == http.StatusNotFound:
	case a.status != http.StatusOK:
		n.add(32, 0, "a request for %s, which comes next, was %s", p, a)
	case !a.media.EndList && !a.media.has(p):
		n.add(32, 0, "a request for %s was answered before it was available", p)
	}
}

// probeEnd checks rule 37, and rule 50 if the playlist was already removed.
func (n *run) probeEnd(ctx context.Context) {
	last := n.r.Last
	if last.ServerControl.CanBlockReload || n.r.Waited > 0 {
		n.checkEnded(ctx, "_HLS_msn", number(last.lastMSN()+10))
		n.checkEnded(ctx, "_HLS_msn", number(last.lastMSN()+11), "_HLS_skip", "YES")
		return
	}
	if a := n.fetchWith(ctx, n.promptTimeout()); a.status == http.StatusNotFound || a.status == http.StatusGone {
		n.checkRemoved(ctx)
	}
}

func (n *run) checkEnded(ctx context.Context, directives ...string) {
	a := n.fetchWith(ctx, n.promptTimeout(), directives...)
	switch {
	case a.unclear():
	case a.status == http.StatusNotFound || a.status == http.StatusGone:
		n.checkRemoved(ctx)
	case a.status != http.StatusOK:
		n.add(37, 0, "the playlist has EXT-X-ENDLIST and a request with %s was %s, want the playlist", directives, a)
	case !a.media.EndList || a.media.Skipped > 0:
		n.add(37, 0, "the playlist has EXT-X-ENDLIST and a request with %s was answered with another playlist", directives)
	}
}
