package hlscheck

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// run follows one rendition: one goroutine reloads the playlist, another fetches, and a third
// probes if Options.Probe is set.
type run struct {
	fetcher
	f *Follower
	r *Rendition
	// base is the base URL of the playlist's URIs; known after the first response.
	base string
	jobs chan job

	// next is the first MSN that was not listed yet; nextPart is the number of parts of
	// nextPartMSN that were listed.
	next        int64
	nextPartMSN int64
	nextPart    int
	started     bool

	etag, etagBody string
	// latest is the last playlist, for all probing goroutines.
	latest atomic.Pointer[view]
	// segmentAt and partAt are when the last new segment and part were listed.
	segmentAt, partAt time.Time
	// longest is the longest playlist so far; removalChecks holds the checks of removed
	// resources until they are due.
	longest       time.Duration
	removalChecks []removalCheck
	// lost is since when the playlist cannot be fetched; zero if it can. refused is set if the
	// last blocking reload failed: the next one does not block.
	lost    time.Time
	refused bool
	// media is only used by the fetching goroutine.
	media mediaState
}

// view is a playlist; next is closed when there is another one.
type view struct {
	media *Media
	next  chan struct{}
}

// job is work for the fetching goroutine: exactly one of its fields is set.
type job struct {
	segment *FetchedSegment
	part    *FetchedPart
	removal *removalCheck
}

// removalCheck is a check whether a removed resource is still available.
type removalCheck struct {
	at   time.Time
	url  string
	rule int
	text string
}

func newRun(f *Follower, r *Rendition) *run {
	n := &run{
		fetcher: fetcher{client: f.client, found: f.found, rendition: r.Name},
		f:       f, r: r, base: r.URL,
		// Fetching may be behind by an hour of parts before reloading waits for it.
		jobs:  make(chan job, 16384),
		media: newMediaState(),
	}
	n.latest.Store(&view{next: make(chan struct{})})
	return n
}

// drainTime is how long listed media may still be fetched after the end.
const drainTime = 10 * time.Second

func (n *run) run(ctx context.Context) error {
	fetching, stopFetching := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFetching()
	probing, stopProbing := context.WithCancel(ctx)
	defer stopProbing()
	var fetcher, prober sync.WaitGroup
	fetcher.Go(func() { n.fetch(fetching) })
	if n.f.opts.Probe {
		prober.Go(func() { n.probe(probing) })
	}
	err := n.reload(ctx)
	stopProbing()
	prober.Wait()
	if n.f.opts.Probe && n.r.Ended {
		n.probeEnd(ctx)
	}
	close(n.jobs)
	stop := time.AfterFunc(drainTime, stopFetching)
	fetcher.Wait()
	stop.Stop()
	return err
}

// reload reloads the playlist until the end.
func (n *run) reload(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := n.awaited()
		begun := time.Now()
		reply, err := n.get(ctx, n.playlist(wait))
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			if wait != nil && n.checkWait(*wait, err, time.Since(begun)) {
				continue
			}
			n.refused = wait != nil
			if again, err := n.handleFailure(ctx, err); !again {
				return err
			}
			pause(ctx, n.f.opts.Interval)
			continue
		}
		n.lost, n.refused = time.Time{}, false
		if wait != nil {
			n.r.Waited++
		}
		changed := n.read(reply, wait)
		if n.done() {
			return nil
		}
		n.runRemovalChecks()
		if wait == nil || !changed {
			pause(ctx, n.f.opts.Interval)
		}
	}
	return nil //nolint:nilerr // the end of ctx is the end of the job, not a failure
}

// pause waits for d, and returns false if ctx is done first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (n *run) done() bool {
	return n.r.Ended || n.f.opts.Segments > 0 && len(n.r.Segments) >= n.f.opts.Segments
}

// awaited returns the position for the next blocking reload, or nil if the server does not
// support it.
func (n *run) awaited() *position {
	last := n.r.Last
	if !n.f.opts.LowLatency || n.refused || last == nil || !last.ServerControl.CanBlockReload {
		return nil
	}
	p := last.nextPosition()
	if last.PartTarget == 0 {
		p.part = -1
	}
	return &p
}

// playlist returns the request for a reload, a blocking one if wait is not nil.
func (n *run) playlist(wait *position) request {
	if wait == nil {
		return n.directives()
	}
	q := []string{"_HLS_msn", number(wait.msn)}
	if wait.part >= 0 {
		q = append(q, "_HLS_part", number(wait.part))
	}
	ask := n.directives(q...)
	ask.limit = n.longestWait() + time.Second
	return ask
}

// directives returns the request for the playlist with the delivery directives of
// section 6.2.5, given as names and values.
func (n *run) directives(pairs ...string) request {
	ask := request{url: n.r.URL, kind: kindPlaylist, place: n.r.URL}
	u, err := url.Parse(n.r.URL)
	if err != nil || len(pairs) == 0 { // no error: it was parsed before
		return ask
	}
	q := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	u.RawQuery = q.Encode()
	ask.url = u.String()
	return ask
}

// target returns the target duration, at least a default.
func (n *run) target() time.Duration {
	if m := n.latest.Load().media; m != nil && m.TargetDuration > 0 {
		return m.TargetDuration
	}
	return time.Second
}

// longestWait returns the longest time that a server may block a request (section 6.2.5.2).
func (n *run) longestWait() time.Duration { return 3 * n.target() }

// checkWait checks rule 36 on a blocking reload that was not answered with the
// playlist, and reports whether that is correct: no new media was published in three
// target durations, and the request is repeated.
func (n *run) checkWait(wait position, err error, took time.Duration) bool {
	switch long := took >= n.longestWait()-n.target()/2; {
	case isTimeout(err):
		n.add(36, 0, "a request for %s was not answered within 3 target durations (%v), want status 503", wait, n.longestWait())
		return true
	case long && statusOf(err) == http.StatusServiceUnavailable:
		return true
	case long && statusOf(err) != 0:
		n.add(36, 0, "a request for %s was answered with status %d after %v, want 503", wait, statusOf(err), took.Round(time.Millisecond))
	case statusOf(err) == http.StatusBadRequest:
		n.add(32, 0, "a request for the next part or segment was refused with status 400")
	}
	return false
}

// handleFailure handles a failure to fetch the playlist, and returns whether to try again. It is an
// error for the first playlist, and later a violation.
func (n *run) handleFailure(ctx context.Context, failure error) (again bool, err error) {
	switch {
	case n.r.Last == nil:
		return false, fmt.Errorf("follow %s: %w", n.r.URL, failure)
	case isGone(failure):
		n.add(19, 0, "the playlist was removed without EXT-X-ENDLIST: %v", failure)
		n.checkRemoved(ctx)
		return false, nil
	case n.lost.IsZero():
		n.lost = time.Now()
	}
	away := time.Since(n.lost)
	if away <= n.longestWait() {
		return true, nil
	}
	rule, hint := 10, ""
	if s := statusOf(failure); s >= 400 && s < 500 && s != http.StatusRequestTimeout && s != http.StatusTooManyRequests {
		rule, hint = 50, "; a presentation that is removed answers 404 or 410"
	}
	n.add(rule, 0, "the playlist could not be fetched for %v: %v%s", away.Round(time.Millisecond), failure, hint)
	return false, nil
}

func (n *run) add(rule, line int, format string, args ...any) {
	n.found.add(Violation{Rule: rule, Rendition: n.r.Name, URL: n.r.URL, Line: line, Text: fmt.Sprintf(format, args...)})
}
