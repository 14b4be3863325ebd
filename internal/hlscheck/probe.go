package hlscheck

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// await blocks for a playlist for which suits returns true, beginning with the last one, and
// returns it, or nil if ctx or the stream ends first.
func (n *run) await(ctx context.Context, suits func(*Media) bool) *Media {
	for ctx.Err() == nil {
		v := n.latest.Load()
		switch {
		case v.media == nil:
		case v.media.EndList:
			return nil
		case suits(v.media):
			return v.media
		}
		select {
		case <-v.next:
		case <-ctx.Done():
		}
	}
	return nil
}

// awaitNew is like await, but ignores the playlist that was read last: the next part or segment
// after an older one may be available already. It returns nil after one and a half target
// durations.
func (n *run) awaitNew(ctx context.Context, suits func(*Media) bool) *Media {
	ctx, stop := context.WithTimeout(ctx, n.target()*3/2)
	defer stop()
	was := n.latest.Load().media
	return n.await(ctx, func(m *Media) bool { return m != was && suits(m) })
}

// current returns the last playlist, or nil if the stream has ended.
func (n *run) current() *Media {
	if m := n.latest.Load().media; !m.EndList {
		return m
	}
	return nil
}

// probeInterval is the time between two probes, so that they do not load the server.
const probeInterval = 500 * time.Millisecond

// probe makes requests that a player makes rarely, one at a time. It gets the playlist from
// the reloads, and does not affect their connections and measurements.
func (n *run) probe(ctx context.Context) {
	first := n.await(ctx, func(m *Media) bool { return len(m.Segments) > 0 })
	if first == nil {
		return
	}
	blocks, parts := first.ServerControl.CanBlockReload, first.PartTarget > 0
	var probes []func(context.Context)
	if blocks {
		probes = append(probes, n.probePartAlone, n.probeOldSegment, n.probeFarSegment)
	}
	if parts {
		probes = append(probes, n.probeHint, n.probeReports, n.probeHint, n.probeReports)
	}
	if blocks {
		probes = append(probes, n.probeSegment)
	}
	if blocks && parts {
		probes = append(probes, n.probeFarPart, n.probePartPastTheEnd)
	}
	// The last one may wait until the playlist is long enough.
	probes = append(probes, n.probeSkip)
	for _, probe := range probes {
		if !pause(ctx, probeInterval) {
			return
		}
		probe(ctx)
	}
}

// answer is the result of a probe of a playlist.
type answer struct {
	// status is 0 if there was no response in time, and -1 if it is not known.
	status int
	// media is nil unless status is 200; wrong holds the violations in its text.
	media *Media
	text  []byte
	wrong []Violation
}

// fetchWith fetches the playlist with delivery directives.
func (n *run) fetchWith(ctx context.Context, limit time.Duration, pairs ...string) answer {
	r := n.directives(pairs...)
	r.limit = limit
	reply, err := n.get(ctx, r)
	switch s := statusOf(err); {
	case err == nil:
		m, wrong := ParseMedia(n.r.URL, reply.body)
		return answer{http.StatusOK, m, reply.body, wrong}
	case s != 0:
		return answer{status: s}
	case isTimeout(err):
		return answer{}
	}
	return answer{status: -1} // the connection failed, or ctx ended
}

// unclear reports whether the result says nothing about a rule because the request failed for
// another reason.
func (a answer) unclear() bool {
	return a.status < 0 || a.status == http.StatusTooManyRequests || a.status >= 500
}

func (a answer) String() string {
	if a.status == 0 {
		return "not answered at once"
	}
	return "answered with status " + strconv.Itoa(a.status)
}
