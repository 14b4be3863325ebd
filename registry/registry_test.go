package registry

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

var quiet = slog.New(slog.DiscardHandler)

// cluster is a NATS server that several nodes reach.
type cluster struct {
	*server.Server
	dir string
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir()}
	c.run(t, -1)
	t.Cleanup(func() { c.Shutdown(); c.WaitForShutdown() })
	return c
}

func (c *cluster) run(t *testing.T, port int) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: c.dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server is not ready")
	}
	c.Server = s
}

// join is a node of the cluster, or one alone when there is none.
func join(t *testing.T, c *cluster, dir, name string) *Registry {
	t.Helper()
	cfg := Config{}
	if c != nil {
		cfg.URL = c.ClientURL()
	}
	r, err := Open(t.Context(), cfg, dir, Node{Name: name, URL: "http://" + name}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// hold runs the lease until the test's end, or until let go.
func hold(t *testing.T, l *Lease) (letGo func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		return <-ended
	}
}

func eventually(t *testing.T, what string, limit time.Duration, is func() bool) {
	t.Helper()
	deadline, tick := time.After(limit), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

func TestLease_IsHeldByOneNode(t *testing.T) {
	c := startCluster(t)
	a, b := join(t, c, "", "a"), join(t, c, "", "b")
	if a.ID() != b.ID() || a.ID() == "" {
		t.Errorf("the nodes are in clusters %q and %q", a.ID(), b.ID())
	}
	first, err := a.Acquire(t.Context(), "broadcast/studio")
	if err != nil {
		t.Fatal(err)
	}
	letGo := hold(t, first)
	_, err = b.Acquire(t.Context(), "broadcast/studio")
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.Name != "a" || held.Holder.URL != "http://a" || !errors.Is(err, ErrHeld) {
		t.Fatalf("the second node got %v", err)
	}
	if err := letGo(); err != nil {
		t.Fatal(err)
	}
	if first.Valid() {
		t.Error("a released lease is valid")
	}
	second, err := b.Acquire(t.Context(), "broadcast/studio")
	if err != nil {
		t.Fatalf("the second node cannot have a released lease: %v", err)
	}
	if second.Epoch() <= first.Epoch() {
		t.Errorf("epoch %d follows %d", second.Epoch(), first.Epoch())
	}
}

func TestLease_OutlivesItsTTLWhileItIsRenewed(t *testing.T) {
	c := startCluster(t)
	a, b := join(t, c, "", "a"), join(t, c, "", "b")
	l, err := a.Acquire(t.Context(), "sweeper")
	if err != nil {
		t.Fatal(err)
	}
	hold(t, l)
	after := time.After(TTL + 2*time.Second)
	eventually(t, "time passes", 2*TTL, func() bool {
		select {
		case <-after:
			return true
		default:
			if !l.Valid() {
				t.Error("the lease is not valid")
			}
			return false
		}
	})
	if _, err := b.Acquire(t.Context(), "sweeper"); !errors.Is(err, ErrHeld) {
		t.Errorf("another node got %v", err)
	}
}

func TestLease_ExpiresWithItsOwner(t *testing.T) {
	c := startCluster(t)
	a, b := join(t, c, "", "a"), join(t, c, "", "b")
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- b.Run(ctx) }()
	l, err := a.Acquire(t.Context(), "broadcast/studio")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other node sees the owner", 2*time.Second, func() bool {
		h, ok := b.Holder("broadcast/studio")
		return ok && h.Name == "a" && h.Epoch == l.Epoch()
	})
	a.Close() // as a node that was killed: nothing is renewed or released
	eventually(t, "the other node has the lease", TTL+3*time.Second, func() bool {
		_, err := b.Acquire(t.Context(), "broadcast/studio")
		return err == nil
	})
	if l.Valid() {
		t.Error("the old owner may still rely on its lease")
	}
	eventually(t, "the watch sees the new owner", 2*time.Second, func() bool {
		h, _ := b.Holder("broadcast/studio")
		return h.Name == "b"
	})
	stop()
	if err := <-watched; err != nil {
		t.Error(err)
	}
}

func TestLease_IsTakenOverByTheNextRunOfItsNode(t *testing.T) {
	c := startCluster(t)
	a := join(t, c, "", "a")
	first, err := a.Acquire(t.Context(), "broadcast/studio")
	if err != nil {
		t.Fatal(err)
	}
	again := join(t, c, "", "a")
	second, err := again.Acquire(t.Context(), "broadcast/studio")
	if err != nil || second.Epoch() <= first.Epoch() {
		t.Fatalf("the next run got %v", err)
	}
	if err := first.renew(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("the first run's renewal: %v", err)
	}
}

func TestLease_GoesOnWhenTheRegistryWasAwayForAMoment(t *testing.T) {
	c := startCluster(t)
	a := join(t, c, "", "a")
	l, err := a.Acquire(t.Context(), "broadcast/studio")
	if err != nil {
		t.Fatal(err)
	}
	letGo := hold(t, l)
	port := c.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port()
	c.Shutdown()
	c.WaitForShutdown()
	eventually(t, "the node notices", 5*time.Second, func() bool { return !a.Connected() })
	if _, err := a.Acquire(t.Context(), "broadcast/other"); !errors.Is(err, ErrAway) {
		t.Errorf("acquiring while the registry is away: %v", err)
	}
	c.run(t, int(port))
	eventually(t, "the node is back", 10*time.Second, a.Connected)
	eventually(t, "the lease is renewed", 5*time.Second, l.Valid)
	if err := letGo(); err != nil {
		t.Error(err)
	}
}

func TestRegistry_EmbeddedKeepsItsIdentity(t *testing.T) {
	dir := t.TempDir()
	open := func() *Registry {
		r, err := Open(t.Context(), Config{}, dir, Node{Name: "a"}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := open()
	id := first.ID()
	first.Close()
	second := open()
	defer second.Close()
	if second.ID() != id {
		t.Errorf("the id was %s and is %s", id, second.ID())
	}
	if _, err := second.Acquire(t.Context(), "broadcast/a/b"); err != nil {
		t.Error(err)
	}
}

func TestOpen_NamesTheSettingWhenTheClusterIsAway(t *testing.T) {
	_, err := Open(t.Context(), Config{URL: "nats://127.0.0.1:1"}, "", Node{Name: "a"}, quiet)
	if !errors.Is(err, ErrAway) {
		t.Errorf("got %v", err)
	}
}
