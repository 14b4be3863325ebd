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

// testRegistry is a registry in memory, whose nodes always know each other's claims.
type testRegistry struct {
	mu        sync.Mutex
	owners    map[string]*testLease
	away      error // Admit returns it, if it is not nil
	undecided bool  // nodes do not know each other's claims, and claims are not decided
}

func (c *testRegistry) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// registryView is a node's view of a testRegistry.
type registryView struct {
	*testRegistry
	name string
}

// testLease is a node's Lease in a testRegistry.
type testLease struct {
	registryView
	id    string
	open  bool
	from  *testLease
	err   error
	ready chan struct{}
	lost  chan struct{}
}

func (p registryView) Admit(id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.owners[id]; p.away == nil && !p.undecided && o != nil && o.name != p.name && !o.open {
		return &registry.HeldError{Node: registry.Node{Name: o.name}, Before: true}
	}
	return p.away
}

func (p registryView) Awaits(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.owners[id]
	return !p.undecided && o != nil && o.name != p.name
}

func (p registryView) MaySweep() bool { return true }

func (p registryView) Claim(id string, open bool) Lease {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &testLease{registryView: p, id: id, open: open, ready: make(chan struct{}), lost: make(chan struct{})}
	if !p.undecided {
		s.decide()
	}
	return s
}

// decide grants or refuses the claim. The caller holds mu.
func (s *testLease) decide() {
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

func (s *testLease) lose(to *testLease, before bool) {
	s.err = &registry.HeldError{Node: registry.Node{Name: to.name}, Before: before}
	close(s.lost)
}

func (s *testLease) Ready(ctx context.Context) error {
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

func (s *testLease) Lost() <-chan struct{} { return s.lost }

func (s *testLease) MayWrite() (may, sure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.owners[s.id] == s && s.from == nil
	return own, own
}

func (s *testLease) SetOpen(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = open
}

func (s *testLease) Release() {
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

// nodePair holds two nodes with one bucket and one registry.
type nodePair struct {
	claims *testRegistry
	bucket *outageBucket
	a, b   *testHub
}

func newNodePair(t *testing.T) *nodePair {
	t.Helper()
	p := &nodePair{claims: &testRegistry{owners: map[string]*testLease{}}, bucket: &outageBucket{Bucket: memory.New()}}
	p.a, p.b = p.startNode(t, newNode(t), "a"), p.startNode(t, newNode(t), "b")
	return p
}

func (p *nodePair) startNode(t *testing.T, n node, name string) *testHub {
	t.Helper()
	return n.startOn(t, p.bucket.Bucket, p.bucket, time.Hour, func(s *Settings) { s.Ownership = registryView{p.claims, name} })
}

// owner returns the name of the node that owns the broadcast.
func (p *nodePair) owner(id string) string {
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
		p := newNodePair(t)
		e := p.a.mustPublish("show")
		e.play(t, 21*time.Second)
		e.sink.Close(errReset)
		synctest.Wait()
		before := p.a.tsPlaylist("show")
		e = p.b.mustPublish("show")
		e.play(t, 5*time.Second)
		if p.owner("show") != "b" || p.a.state("show") != "forgotten" || p.b.state("show") != "live" {
			t.Errorf("owner %q, state at a %s, at b %s; want b, forgotten, live", p.owner("show"), p.a.state("show"), p.b.state("show"))
		}
		if left := p.a.localKeys(""); len(left) > 0 {
			t.Errorf("the old node's disk still has %v", left)
		}
		after := p.b.tsPlaylist("show")
		for _, name := range uriLine.FindAllString(before, -1) {
			if !strings.Contains(after, name) {
				t.Errorf("%s is not listed any more:\n%s", name, after)
			}
		}
		index := p.b.object("live/show/source/index.m3u8")
		if strings.Contains(index, "ENDLIST") || !strings.Contains(index, "#EXT-X-DISCONTINUITY\n") {
			t.Errorf("the bucket's live playlist:\n%s", index)
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
			t.Errorf("%d gaps, want %d at most:\n%s", n, unstored, text)
		}
		<-time.After(3 * time.Hour)
		if kept := p.b.keys(""); len(kept) > 0 {
			t.Errorf("after the retention the bucket has %v", kept)
		}
	})
}

// A broadcast that moves between nodes stays one broadcast.
func TestOwnership_BroadcastMovesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newNodePair(t)
		for i := range 4 {
			s := []*testHub{p.a, p.b}[i%2]
			e := s.mustPublish("b")
			e.play(t, 9*time.Second)
			e.sink.Close(errReset)
			synctest.Wait()
		}
		<-time.After(20 * time.Second)
		if length, _ := p.a.checkReplay(p.a.object("live/b/replay.m3u8"), 1, 4*unstored); length < 35*time.Second {
			t.Errorf("the replay has %v of 36 s", length)
		}
		if n := len(p.a.keys("live/b/replay-")); n != 1 {
			t.Errorf("there are %d replays, want 1", n)
		}
	})
}

// The bucket is unavailable while the broadcast moves: the first node uploads its segments later,
// as a separate broadcast.
func TestOwnership_MoveDuringAnOutageLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newNodePair(t)
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
			length, _ := p.b.checkReplay(p.b.object(key), p.b.firstReplayMSN(p.b.object(key)), 2*unstored)
			total += length
		}
		if total < 69*time.Second {
			t.Errorf("the replays have %v of 71 s: %v", total, p.b.keys("live/b/replay"))
		}
		if left := p.a.localKeys(""); len(left) > 0 {
			t.Errorf("the old node's disk still has %v", left)
		}
	})
}

func TestOwnership_SecondPublisherIsRefusedOnEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newNodePair(t)
		e := p.a.mustPublish("b")
		e.play(t, 5*time.Second)
		if _, err := p.b.publish("b"); !errors.Is(err, ingest.ErrTaken) || !strings.Contains(err.Error(), "a") {
			t.Errorf("while the first one sends: error %v, want ErrTaken with the node's name", err)
		}
		// When the first one is silent, another one may take over, on any node.
		<-time.After(2 * time.Second)
		e.sink.(ingest.Ticker).Tick(time.Now())
		second, err := p.b.publish("b")
		if err != nil {
			t.Fatalf("while the first one is silent: %v", err)
		}
		if cause := <-e.evicted; !errors.Is(cause, errTakenOver) {
			t.Errorf("the silent one was evicted because %v, want %v", cause, errTakenOver)
		}
		e.sink.Close(errTakenOver)
		second.play(t, 5*time.Second)
		if p.owner("b") != "b" || p.b.state("b") != "live" {
			t.Errorf("owner %q, state %s; want b, live", p.owner("b"), p.b.state("b"))
		}
		second.sink.Close(nil)
	})
}

func TestOwnership_PublisherIsRefusedWithTheReasonOfTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newNodePair(t)
		e := p.a.mustPublish("b")
		e.play(t, 5*time.Second)
		p.claims.change(func() { p.claims.away = fmt.Errorf("%w: no route", registry.ErrAway) })
		if _, err := p.a.publish("other"); !errors.Is(err, ingest.ErrUnavailable) || !strings.Contains(err.Error(), "no route") {
			t.Errorf("a new publisher: error %v, want ErrUnavailable with the registry's reason", err)
		}
		e.sink.Close(errReset)
		synctest.Wait()
		if e, err := p.a.publish("b"); err != nil {
			t.Errorf("a publisher that reconnects: %v", err)
		} else {
			e.sink.Close(nil)
		}
	})
}

// While the registry was unavailable, both nodes accepted a publisher of the same broadcast.
func TestOwnership_LaterOfTwoClaimsEndsItsBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newNodePair(t)
		first := p.a.mustPublish("b")
		first.play(t, 9*time.Second)
		p.claims.change(func() { p.claims.undecided = true })
		second := p.b.mustPublish("b")
		second.play(t, 9*time.Second)
		index := p.a.object("live/b/source/index.m3u8")
		p.b.decideClaim("b")
		if cause := <-second.evicted; !errors.Is(cause, ingest.ErrTaken) || !strings.Contains(cause.Error(), "another node has it: a") {
			t.Errorf("the later one was evicted because %v", cause)
		}
		second.sink.Close(errReset)
		synctest.Wait()
		if p.b.state("b") != "forgotten" || p.a.state("b") != "live" {
			t.Errorf("state at a %s, at b %s; want live, forgotten", p.a.state("b"), p.b.state("b"))
		}
		if now := p.a.object("live/b/source/index.m3u8"); now != index {
			t.Errorf("a node that does not own the broadcast wrote its playlist:\n%s", now)
		}
		first.sink.Close(nil)
	})
}

// decideClaim decides a claim that was made while the registry was undecided.
func (h *Hub) decideClaim(id string) {
	b, _ := h.Find(id)
	s := b.lease.(*testLease)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decide()
}

func TestOwnership_PlaylistsWaitForTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newNodePair(t)
		p.claims.change(func() { p.claims.undecided = true })
		e := p.a.mustPublish("b")
		e.play(t, 21*time.Second)
		if segments, index := p.a.keys("live/b/source/"), p.a.object("live/b/source/index.m3u8"); len(segments) < 5 || index != "" {
			t.Errorf("before the claim is settled the bucket has %v and the playlist %q", segments, index)
		}
		p.a.decideClaim("b")
		e.play(t, 4*time.Second)
		if index := p.a.object("live/b/source/index.m3u8"); strings.Count(index, "#EXTINF") < 10 {
			t.Errorf("after the claim is settled the bucket's playlist is\n%s", index)
		}
		e.sink.Close(nil)
	})
}
