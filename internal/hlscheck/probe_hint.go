package hlscheck

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

// probeHint checks rule 39: it requests a hinted part before it is available. The response
// must be complete when the part is listed.
func (n *run) probeHint(ctx context.Context) {
	m := n.awaitNew(ctx, func(m *Media) bool { return m.hint() != nil })
	if m == nil {
		return
	}
	at, h := m.nextPosition(), m.hint()
	u, err := resolve(n.base, h.URI)
	if err != nil {
		return
	}
	reply, failure := n.get(ctx, request{url: u, kind: kindMedia, limit: n.longestWait() + time.Second})
	// The hinted part may never be listed if the server changes its plan.
	waiting, stop := context.WithTimeout(ctx, n.longestWait())
	defer stop()
	m = n.await(waiting, func(m *Media) bool {
		part, _ := m.partAt(at)
		return part != nil
	})
	if m == nil {
		return
	}
	part, _ := m.partAt(at)
	if part.URI != h.URI || part.Gap || part.Bytes.Length > 0 {
		return
	}
	switch status := statusOf(failure); {
	case isTimeout(failure):
		n.fetcher.add(39, u, "a hinted part was not sent within 3 target durations, though it was listed")
		return
	case status != 0 && status < http.StatusInternalServerError:
		n.fetcher.add(39, u, "a hinted part was answered with status %d, and was listed later", status)
		return
	case failure != nil:
		return
	}
	again, err := n.get(ctx, request{url: u, kind: kindMedia})
	if err == nil && !bytes.Equal(reply.body, again.body) {
		n.fetcher.add(39, u, "a hinted part had %d bytes before it was listed and has %d others now", len(reply.body), len(again.body))
	}
}

// probeReports checks rule 41: a report must not be older than the other playlist was before,
// and that playlist must soon have the reported position. A playlist is rendered with its own
// newest part, so a report may be one part behind.
func (n *run) probeReports(ctx context.Context) {
	before := map[*run]*Media{}
	for _, other := range n.f.runs {
		before[other] = other.latest.Load().media
	}
	m := n.awaitNew(ctx, func(*Media) bool { return true })
	if m == nil {
		return
	}
	for _, other := range n.f.runs {
		report, ok := n.reportOf(m, other.r)
		was := before[other]
		if other == n || !ok || was == nil {
			continue
		}
		reported := report.position(m.newest(), was.newest().part < 0)
		if seen := was.newest(); reported.before(seen) && was.countPassed(reported, seen) > 1 {
			n.add(41, 0, "the report for %s is %s, and it had %s before", other.r.Name, reported, seen)
		}
		waiting, stop := context.WithTimeout(ctx, n.target())
		reached := other.await(waiting, func(m *Media) bool { return !m.newest().before(reported) })
		stop()
		if last := other.latest.Load().media; reached == nil && ctx.Err() == nil && !last.EndList {
			n.add(41, 0, "the report for %s is %s, and it has only %s", other.r.Name, reported, last.newest())
		}
	}
}

// position returns the position in the report; absent values are taken from own, that of the
// playlist that has the report.
func (r RenditionReport) position(own position, whole bool) position {
	p := position{r.LastMSN, r.LastPart}
	if p.msn < 0 {
		p.msn = own.msn
	}
	if p.part < 0 {
		p.part = own.part
	}
	if whole {
		p.part = -1
	}
	return p
}
