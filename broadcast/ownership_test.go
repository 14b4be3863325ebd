package broadcast

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golive/ingest"
	"golive/registry"
	"golive/storage/storagetest/memory"
)

// claims is a registry of nodes that always hear of each other.
type claims struct {
	mu     sync.Mutex
	owners map[string]*share
	away   error // instead of an answer to Admit
	silent bool  // nothing is heard of others, and claims are not settled
}

func (c *claims) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// peer is a node's view of it.
type peer struct {
	*claims
	name string
}

// share is a node's Lease.
type share struct {
	peer
	id    string
	open  bool
	from  *share
	err   error
	ready chan struct{}
	lost  chan struct{}
}

func (p peer) Admit(id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.owners[id]; p.away == nil && !p.silent && o != nil && o.name != p.name && !o.open {
		return &registry.HeldError{Node: registry.Node{Name: o.name}, Before: true}
	}
	return p.away
}

func (p peer) Awaits(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.owners[id]
	return !p.silent && o != nil && o.name != p.name
}

func (p peer) MaySweep() bool { return true }

func (p peer) Claim(id string, open bool) Lease {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &share{peer: p, id: id, open: open, ready: make(chan struct{}), lost: make(chan struct{})}
	if !p.silent {
		s.settle()
	}
	return s
}

// settle makes the claim; the caller holds mu.
func (s *share) settle() {
	switch old := s.owners[s.id]; {
	case old == nil || old.name == s.name:
		close(s.ready)
	case old.open && !s.open:
		s.from = old
		old.lose(s, false)
	default:
		s.lose(old, true)
		return
	}
	s.owners[s.id] = s
}

func (s *share) lose(to *share, before bool) {
	s.err = &registry.HeldError{Node: registry.Node{Name: to.name}, Before: before}
	close(s.lost)
}

func (s *share) Ready(ctx context.Context) error {
	select {
	case <-s.lost:
	case <-s.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *share) Lost() <-chan struct{} { return s.lost }

func (s *share) MayWrite() (may, sure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.owners[s.id] == s && s.from == nil
	return own, own
}

func (s *share) SetOpen(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = open
}

func (s *share) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.owners[s.id]
	switch {
	case now == s:
		delete(s.owners, s.id)
	case now != nil && now.from == s:
		now.from = nil
		close(now.ready)
	}
}

// pair is two nodes with one bucket and one registry.
type pair struct {
	claims *claims
	bucket *remote
	a, b   *stage
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{claims: &claims{owners: map[string]*share{}}, bucket: &remote{Bucket: memory.New()}}
	p.a, p.b = p.node(t, newNode(t), "a"), p.node(t, newNode(t), "b")
	return p
}

func (p *pair) node(t *testing.T, n node, name string) *stage {
	t.Helper()
	return n.startOn(t, p.bucket.Bucket, p.bucket, time.Hour, func(s *Settings) { s.Ownership = peer{p.claims, name} })
}

// owner is the node that has the broadcast.
func (p *pair) owner(id string) string {
	p.claims.mu.Lock()
	defer p.claims.mu.Unlock()
	if o := p.claims.owners[id]; o != nil {
		return o.name
	}
	return ""
}

var errReset = errors.New("connection reset")

func TestOwnership_BroadcastMovesWithItsPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		e := p.a.mustPublish("show")
		e.play(t, 21*time.Second)
		e.sink.Close(errReset)
		synctest.Wait()
		before := p.a.text("show")
		e = p.b.mustPublish("show")
		e.play(t, 5*time.Second)
		if p.owner("show") != "b" || p.a.state("show") != "forgotten" || p.b.state("show") != "live" {
			t.Errorf("%q has it; at a it is %s, at b %s", p.owner("show"), p.a.state("show"), p.b.state("show"))
		}
		if left := p.a.copies(""); len(left) > 0 {
			t.Errorf("the old node's disk still has %v", left)
		}
		after := p.b.text("show")
		for _, name := range uriLine.FindAllString(before, -1) {
			if !strings.Contains(after, name) {
				t.Errorf("%s is not listed any more:\n%s", name, after)
			}
		}
		index := p.b.object("live/show/source/index.m3u8")
		if strings.Contains(index, "ENDLIST") || !strings.Contains(index, "#EXT-X-DISCONTINUITY\n") {
			t.Errorf("in the bucket:\n%s", index)
		}
		e.sink.Close(nil)
		<-time.After(5 * time.Second)
		text := strings.ReplaceAll(p.b.object("live/show/replay.m3u8"), "show/", "b/")
		if !strings.Contains(text, "ENDLIST") {
			t.Errorf("there is no replay: %v", p.b.keys("live/show"))
		}
		for _, name := range uriLine.FindAllString(before, -1) {
			if !strings.Contains(text, name) {
				t.Errorf("%s is not in the replay", name)
			}
		}
		if n := strings.Count(text, "#EXT-X-GAP"); n > unstored {
			t.Errorf("%d gaps:\n%s", n, text)
		}
		<-time.After(3 * time.Hour)
		if kept := p.b.keys(""); len(kept) > 0 {
			t.Errorf("after its time the bucket has %v", kept)
		}
	})
}

// A broadcast that goes to and fro is one.
func TestOwnership_BroadcastMovesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		for i := range 4 {
			s := []*stage{p.a, p.b}[i%2]
			e := s.mustPublish("b")
			e.play(t, 9*time.Second)
			e.sink.Close(errReset)
			synctest.Wait()
		}
		<-time.After(20 * time.Second)
		if length, _ := p.a.checkReplay(p.a.object("live/b/replay.m3u8"), 1, 4*unstored); length < 35*time.Second {
			t.Errorf("the replay has %v", length)
		}
		if n := len(p.a.keys("live/b/replay-")); n != 1 {
			t.Errorf("there are %d broadcasts", n)
		}
	})
}

// The bucket is away while the broadcast moves: the node that had it brings its part later,
// as a broadcast of its own.
func TestOwnership_MoveDuringAnOutageLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		e := p.a.mustPublish("b")
		e.play(t, 21*time.Second)
		p.bucket.away.Store(true)
		e.play(t, 10*time.Second)
		e.sink.Close(errReset)
		synctest.Wait()
		e = p.b.mustPublish("b")
		e.play(t, 20*time.Second)
		p.bucket.away.Store(false)
		e.play(t, 20*time.Second)
		e.sink.Close(nil)
		<-time.After(10 * time.Second)
		var total time.Duration
		for _, key := range p.b.keys("live/b/replay-") {
			length, _ := p.b.checkReplay(p.b.object(key), firstMSN(t, p.b.object(key)), 2*unstored)
			total += length
		}
		if total < 69*time.Second {
			t.Errorf("the replays have %v of 71 s: %v", total, p.b.keys("live/b/replay"))
		}
		if left := p.a.copies(""); len(left) > 0 {
			t.Errorf("the old node's disk still has %v", left)
		}
	})
}

func firstMSN(t *testing.T, text string) (n int) {
	t.Helper()
	m := replayLine.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no segments:\n%s", text)
	}
	if _, err := fmt.Sscan(m[4], &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOwnership_SecondPublisherIsRefusedOnEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		e := p.a.mustPublish("b")
		e.play(t, 5*time.Second)
		if _, err := p.b.publish("b"); !errors.Is(err, ingest.ErrTaken) || !strings.Contains(err.Error(), "a") {
			t.Errorf("beside a living one: %v", err)
		}
		// It goes silent: then another one may take over, on this node or another.
		<-time.After(2 * time.Second)
		e.sink.(ingest.Ticker).Tick(time.Now())
		second, err := p.b.publish("b")
		if err != nil {
			t.Fatalf("beside a silent one: %v", err)
		}
		if cause := <-e.evicted; !errors.Is(cause, errTakenOver) {
			t.Errorf("the silent one gets %v", cause)
		}
		e.sink.Close(errTakenOver)
		second.play(t, 5*time.Second)
		if p.owner("b") != "b" || p.b.state("b") != "live" {
			t.Errorf("%q has it, which is %s", p.owner("b"), p.b.state("b"))
		}
		second.sink.Close(nil)
	})
}

func TestOwnership_PublisherIsRefusedWithTheReasonOfTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		e := p.a.mustPublish("b")
		e.play(t, 5*time.Second)
		p.claims.change(func() { p.claims.away = fmt.Errorf("%w: no route", registry.ErrAway) })
		if _, err := p.a.publish("other"); !errors.Is(err, ingest.ErrUnavailable) || !strings.Contains(err.Error(), "no route") {
			t.Errorf("a new publisher: %v", err)
		}
		e.sink.Close(errReset)
		synctest.Wait()
		if e, err := p.a.publish("b"); err != nil {
			t.Errorf("one that comes back: %v", err)
		} else {
			e.sink.Close(nil)
		}
	})
}

// While the registry was away both nodes took a publisher of one broadcast.
func TestOwnership_LaterOfTwoEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		first := p.a.mustPublish("b")
		first.play(t, 9*time.Second)
		p.claims.change(func() { p.claims.silent = true })
		second := p.b.mustPublish("b")
		second.play(t, 9*time.Second)
		index := p.a.object("live/b/source/index.m3u8")
		p.b.claimAgain("b")
		if cause := <-second.evicted; !errors.Is(cause, ingest.ErrTaken) || !strings.Contains(cause.Error(), "another node has it: a") {
			t.Errorf("the later one gets %v", cause)
		}
		second.sink.Close(errReset)
		synctest.Wait()
		if p.b.state("b") != "forgotten" || p.a.state("b") != "live" {
			t.Errorf("at a it is %s, at b %s", p.a.state("b"), p.b.state("b"))
		}
		if now := p.a.object("live/b/source/index.m3u8"); now != index {
			t.Errorf("the bucket's playlist was written by another than its owner:\n%s", now)
		}
		first.sink.Close(nil)
	})
}

// claimAgain settles a claim that the registry could not.
func (h *Hub) claimAgain(id string) {
	b, _ := h.Find(id)
	s := b.lease.(*share)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
}

func TestOwnership_PlaylistsWaitForTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.claims.change(func() { p.claims.silent = true })
		e := p.a.mustPublish("b")
		e.play(t, 21*time.Second)
		if segments, index := p.a.keys("live/b/source/"), p.a.object("live/b/source/index.m3u8"); len(segments) < 5 || index != "" {
			t.Errorf("before the claim is settled the bucket has %v and the playlist %q", segments, index)
		}
		p.a.claimAgain("b")
		e.play(t, 4*time.Second)
		if index := p.a.object("live/b/source/index.m3u8"); strings.Count(index, "#EXTINF") < 10 {
			t.Errorf("then:\n%s", index)
		}
		e.sink.Close(nil)
	})
}
