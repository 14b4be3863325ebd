package hlscheck

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// run is the following of one rendition: this goroutine reloads, another fetches.
type run struct {
	f    *Follower
	r    *Rendition
	jobs chan job
	// next is the first MSN that was not listed yet; nextPart counts the parts
	// listed of nextPartMSN.
	next        int64
	nextPartMSN int64
	nextPart    int
	started     bool

	etag, etagBody string
	// segmentAt and partAt are when the last new one was listed; zero at first.
	segmentAt, partAt time.Time
	// longest is the longest playlist so far; probes wait for their time.
	longest time.Duration
	probes  []probe
	// lost is since when the playlist cannot be had; zero when it can.
	lost time.Time
	// analyser is the fetcher's own.
	analyser *analyser
}

// job is work for the fetcher: exactly one of its fields is set.
type job struct {
	segment *FetchedSegment
	part    *FetchedPart
	probe   *probe
}

// probe asks whether a resource that left the playlist can still be had.
type probe struct {
	at   time.Time
	url  string
	rule int
	text string
}

func newRun(f *Follower, r *Rendition) *run {
	// The fetcher may fall behind by an hour of parts before reloading waits for it.
	return &run{f: f, r: r, jobs: make(chan job, 16384)}
}

// drainTime is how long fetches of what was already listed may go on after the
// end of the following.
const drainTime = 10 * time.Second

func (n *run) run(ctx context.Context) error {
	fetching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { n.fetch(fetching) })
	err := n.reload(ctx)
	close(n.jobs)
	stop := time.AfterFunc(drainTime, cancel)
	wg.Wait()
	stop.Stop()
	return err
}

// reload reads the playlist again and again until there is a reason to stop.
func (n *run) reload(ctx context.Context) error {
	for ctx.Err() == nil {
		u, blocking := n.reloadURL()
		reply, err := n.f.get(ctx, u, kindPlaylist)
		if ctx.Err() != nil {
			break
		}
		if blocking && unavailable(err) {
			continue // rule 36: nothing new in three targets; it is asked for again
		}
		if err != nil {
			if again, err := n.lose(err); !again {
				return err
			}
			pause(ctx, n.f.opts.Interval)
			continue
		}
		n.lost = time.Time{}
		if blocking {
			n.r.Waited++
		}
		changed := n.read(reply)
		if n.done() {
			return nil
		}
		n.probe()
		if !blocking || !changed {
			pause(ctx, n.f.opts.Interval)
		}
	}
	return nil //nolint:nilerr // the end of ctx is the end of the job, not a failure
}

// lose takes the failure to have the playlist, and says whether to try again. Only
// the first playlist's failure is an error; later it is a violation.
func (n *run) lose(failure error) (again bool, err error) {
	switch {
	case n.r.Last == nil:
		return false, fmt.Errorf("follow rendition: %w", failure)
	case gone(failure):
		n.add(19, 0, "the playlist vanished without EXT-X-ENDLIST: %v", failure)
		return false, nil
	case n.lost.IsZero():
		n.lost = time.Now()
	}
	if away := time.Since(n.lost); away > 3*n.r.Last.TargetDuration {
		n.add(10, 0, "the playlist could not be had for %v: %v", away.Round(time.Millisecond), failure)
		return false, nil
	}
	return true, nil
}

// pause waits for d and says whether ctx is still alive.
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

// reloadURL is the playlist's URL, with delivery directives (RFC 8216bis section
// 6.2.5) when the server waits for the next part or segment for us.
func (n *run) reloadURL() (u string, blocking bool) {
	last := n.r.Last
	if !n.f.opts.LowLatency || last == nil || !last.ServerControl.CanBlockReload {
		return n.r.URL, false
	}
	parsed, err := url.Parse(n.r.URL)
	if err != nil {
		return n.r.URL, false // it was resolved before: cannot be
	}
	q := parsed.Query()
	q.Set("_HLS_msn", strconv.FormatInt(last.lastMSN()+1, 10))
	if last.PartTarget > 0 {
		q.Set("_HLS_part", strconv.Itoa(len(last.Parts)))
	}
	parsed.RawQuery = q.Encode()
	return parsed.String(), true
}

func (n *run) add(rule, line int, format string, args ...any) {
	n.f.found.add(Violation{Rule: rule, URL: n.r.URL, Line: line, Text: fmt.Sprintf(format, args...)})
}

// read takes one playlist in, and says whether it has something new.
func (n *run) read(reply *reply) (changed bool) {
	m, wrong := ParseMedia(n.r.URL, reply.body)
	if before := n.r.Last; before != nil {
		wrong = append(wrong, CheckChange(n.r.URL, before, m)...)
		n.leave(before, m, reply.arrived)
	}
	rep := &report{url: n.r.URL}
	if n.etagBody != string(reply.body) {
		checkMediaReaders(rep, reply.body, m)
	}
	checkOldParts(rep, m)
	for _, v := range append(wrong, rep.list...) {
		n.f.found.add(v)
	}
	n.checkAtomic(reply)
	changed = n.list(m, reply.arrived) || m.EndList
	n.longest = max(n.longest, m.Length())
	n.r.Last = m
	n.r.Reloads++
	n.r.Ended = n.r.Ended || m.EndList
	return changed
}

// checkAtomic is what can be seen of rule 9: one entity tag, one text.
func (n *run) checkAtomic(reply *reply) {
	if reply.etag != "" && reply.etag == n.etag && string(reply.body) != n.etagBody {
		n.add(9, 0, "two different texts have the same ETag %s", reply.etag)
	}
	n.etag, n.etagBody = reply.etag, string(reply.body)
}

// list hands what is new in m to the fetcher, and checks that it came in time.
func (n *run) list(m *Media, now time.Time) (changed bool) {
	if !n.started {
		n.started, n.next, n.nextPartMSN = true, m.MediaSequence, m.MediaSequence
	}
	first := n.r.Last == nil
	if missed := m.MediaSequence + m.Skipped - n.next; missed > 0 {
		n.r.Missed += missed
		n.next += missed
	}
	segments, parts := 0, 0
	for i := range m.Segments {
		s := m.Segments[i]
		parts += n.listParts(s.MSN, s.Parts, now)
		if s.MSN < n.next {
			continue
		}
		n.next = s.MSN + 1
		segments++
		n.segment(s, now)
	}
	parts += n.listParts(m.lastMSN()+1, m.Parts, now)
	n.checkPace(m, segments, parts, first, now)
	return segments+parts > 0
}

func (n *run) segment(s Segment, now time.Time) {
	u, err := resolve(n.r.URL, s.URI)
	if err != nil {
		n.add(0, s.Line, "%v", err)
	}
	fetched := &FetchedSegment{Segment: s, URL: u, Listed: now, Err: err}
	n.r.Segments = append(n.r.Segments, fetched)
	n.jobs <- job{segment: fetched}
}

// listParts takes the parts of segment msn that were not listed yet.
func (n *run) listParts(msn int64, parts []Part, now time.Time) (fresh int) {
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
		u, err := resolve(n.r.URL, p.URI)
		if err != nil {
			n.add(0, p.Line, "%v", err)
		}
		fetched := &FetchedPart{Part: p, MSN: msn, Index: n.nextPart, URL: u, Listed: now, Err: err}
		n.r.Parts = append(n.r.Parts, fetched)
		n.jobs <- job{part: fetched}
	}
	return fresh
}

// checkPace is rules 11 and 12.
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

// leave notes what is no longer listed and must stay fetchable: rules 15 and 16.
func (n *run) leave(before, after *Media, now time.Time) {
	for i := range before.Segments {
		s := &before.Segments[i]
		still := after.MediaSequence + after.Skipped
		switch {
		case s.Gap:
		case s.MSN < after.MediaSequence:
			n.later(now, s.Duration+n.longest, s.URI, 15, "a removed segment of %v", s.Duration)
		case s.MSN >= still && n.f.opts.LowLatency && len(s.Parts) > 0 &&
			s.MSN-still < int64(len(after.Segments)) && len(after.Segments[s.MSN-still].Parts) == 0:
			n.later(now, 3*after.TargetDuration, s.Parts[0].URI, 16, "a removed part of segment %d", s.MSN)
		}
	}
}

// later plans a probe shortly before the time that a resource must last.
func (n *run) later(now time.Time, lasts time.Duration, uri string, rule int, format string, args ...any) {
	u, err := resolve(n.r.URL, uri)
	if err != nil {
		return // reported when it was listed
	}
	text := fmt.Sprintf(format, args...) + fmt.Sprintf(" must be fetchable for %v more", lasts)
	n.probes = append(n.probes, probe{at: now.Add(lasts - lasts/10), url: u, rule: rule, text: text})
}

// probe hands over the probes whose time has come.
func (n *run) probe() {
	now := time.Now()
	kept := n.probes[:0]
	for _, p := range n.probes {
		if p.at.After(now) {
			kept = append(kept, p)
			continue
		}
		n.jobs <- job{probe: &p}
	}
	n.probes = kept
}

// fetch does the jobs in order until there are no more.
func (n *run) fetch(ctx context.Context) {
	for j := range n.jobs {
		switch {
		case j.segment != nil:
			n.fetchSegment(ctx, j.segment)
		case j.part != nil:
			n.fetchPart(ctx, j.part)
		default:
			if _, err := n.f.get(ctx, j.probe.url, kindProbe); err != nil && ctx.Err() == nil {
				n.f.found.add(Violation{Rule: j.probe.rule, URL: j.probe.url, Text: fmt.Sprintf("%s: %v", j.probe.text, err)})
			}
		}
	}
}
