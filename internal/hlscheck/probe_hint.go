package hlscheck

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

// probeHint is rule 39: a hinted part is asked for before it is there. The answer
// comes when it is, and is the whole of it.
func (n *run) probeHint(ctx context.Context) {
	m := n.fresh(ctx, func(m *Media) bool { return m.hint() != nil })
	if m == nil {
		return
	}
	at, h := m.edge(), m.hint()
	u, err := resolve(n.base, h.URI)
	if err != nil {
		return
	}
	reply, failure := n.get(ctx, request{url: u, kind: kindMedia, limit: n.longestWait() + time.Second})
	// What it was asked for may not come, when the plan changes.
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
	case slow(failure):
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

// probeReports is rule 41: what is reported of the others is not behind what they
// were known to have, and they have it soon, if not already. A playlist is rendered
// with its own newest part, so of the others it may know one less.
func (n *run) probeReports(ctx context.Context) {
	before := map[*run]*Media{}
	for _, other := range n.f.runs {
		before[other] = other.latest.Load().media
	}
	m := n.fresh(ctx, func(*Media) bool { return true })
	if m == nil {
		return
	}
	for _, other := range n.f.runs {
		report, ok := n.reportOf(m, other.r)
		was := before[other]
		if other == n || !ok || was == nil {
			continue
		}
		said := report.position(m.newest(), was.newest().part < 0)
		if seen := was.newest(); said.before(seen) && was.passed(said, seen) > 1 {
			n.add(41, 0, "the report for %s says %s, and it had %s before", other.r.Name, said, seen)
		}
		waiting, stop := context.WithTimeout(ctx, n.target())
		reached := other.await(waiting, func(m *Media) bool { return !m.newest().before(said) })
		stop()
		if last := other.latest.Load().media; reached == nil && ctx.Err() == nil && !last.EndList {
			n.add(41, 0, "the report for %s says %s, and it has %s only", other.r.Name, said, last.newest())
		}
	}
}

// position is what the report speaks of; own is that of the playlist it is in, which
// stands for what it does not say.
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
