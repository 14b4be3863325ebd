package hlscheck

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// await is the next playlist, from the one that was read last on, that suits; nil
// when ctx or the stream ends before there is one.
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

// fresh is await for a playlist that was read just now: of an older one, what comes
// next may be there already. It gives up after a segment and a half: what was not
// there by then is not what this server does.
func (n *run) fresh(ctx context.Context, suits func(*Media) bool) *Media {
	ctx, stop := context.WithTimeout(ctx, n.target()*3/2)
	defer stop()
	was := n.latest.Load().media
	return n.await(ctx, func(m *Media) bool { return m != was && suits(m) })
}

// current is the playlist that was read last; nil when the stream has ended.
func (n *run) current() *Media {
	if m := n.latest.Load().media; !m.EndList {
		return m
	}
	return nil
}

// between is the time between two questions: the server is there for others too.
const between = 500 * time.Millisecond

// probe asks what a player asks only now and then, one question at a time. It knows
// the playlist from the reloads beside it, and leaves their connections and
// measurements alone.
func (n *run) probe(ctx context.Context) {
	first := n.await(ctx, func(m *Media) bool { return len(m.Segments) > 0 })
	if first == nil {
		return
	}
	waits, parts := first.ServerControl.CanBlockReload, first.PartTarget > 0
	var questions []func(context.Context)
	if waits {
		questions = append(questions, n.probePartAlone, n.probeOldSegment, n.probeFarSegment)
	}
	if parts {
		questions = append(questions, n.probeHint, n.probeReports, n.probeHint, n.probeReports)
	}
	if waits {
		questions = append(questions, n.probeSegment)
	}
	if waits && parts {
		questions = append(questions, n.probeFarPart, n.probePartPastTheEnd)
	}
	// The last one may wait for the playlist to be long enough.
	questions = append(questions, n.probeSkip)
	for _, ask := range questions {
		if !pause(ctx, between) {
			return
		}
		ask(ctx)
	}
}

// answer is what a probe of a playlist got.
type answer struct {
	// status is 0 when there was no answer in time, and -1 when it cannot be told.
	status int
	// media is nil unless status is 200; wrong is what breaks a rule in its text.
	media *Media
	text  []byte
	wrong []Violation
}

// ask gets the playlist with delivery directives.
func (n *run) ask(ctx context.Context, limit time.Duration, pairs ...string) answer {
	r := n.directives(pairs...)
	r.limit = limit
	reply, err := n.get(ctx, r)
	switch s := statusOf(err); {
	case err == nil:
		m, wrong := ParseMedia(n.r.URL, reply.body)
		return answer{http.StatusOK, m, reply.body, wrong}
	case s != 0:
		return answer{status: s}
	case slow(err):
		return answer{}
	}
	return answer{status: -1} // the connection failed, or ctx ended
}

// unclear says that the answer tells nothing about a rule: it failed for reasons of
// its own.
func (a answer) unclear() bool {
	return a.status < 0 || a.status == http.StatusTooManyRequests || a.status >= 500
}

func (a answer) String() string {
	if a.status == 0 {
		return "not answered at once"
	}
	return "answered with status " + strconv.Itoa(a.status)
}
