package registry

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

func TestClaim_IsHeldByOneNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a"), startNode(t, c, "b.example.com")
	if a.ID() != b.ID() || a.ID() == "" {
		t.Errorf("the nodes are in clusters %q and %q", a.ID(), b.ID())
	}
	first := a.Claim("studio.1", false)
	if err := ready(t, first); err != nil || !mayWrite(first) {
		t.Fatalf("the first claim: %v, may write: %t", err, mayWrite(first))
	}
	eventually(t, "the other node knows", func() bool { return b.Awaits("studio.1") })
	var held *HeldError
	if err := b.Admit("studio.1"); !errors.As(err, &held) || held.Node != (Node{"a", "http://a"}) {
		t.Errorf("the other node admits a publisher: %v", err)
	}
	if err := a.Admit("studio.1"); err != nil {
		t.Errorf("the owner: %v", err)
	}
	second := b.Claim("studio.1", false)
	if err := ready(t, second); !errors.As(err, &held) || !held.Before || mayWrite(second) {
		t.Errorf("the second claim: %v, may write: %t", err, mayWrite(second))
	}
	second.Release()
	first.Release()
	eventually(t, "the released lease can be had", func() bool { return b.Admit("studio.1") == nil && !b.Awaits("studio.1") })
	third := b.Claim("studio.1", false)
	if err := ready(t, third); err != nil || !mayWrite(third) {
		t.Errorf("the claim of a released lease: %v", err)
	}
}

func TestClaim_IsHandedOverWhenThePublisherHasGone(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a"), startNode(t, c, "b")
	old := a.Claim("studio", false)
	if err := ready(t, old); err != nil {
		t.Fatal(err)
	}
	before := old.epochNow()
	old.SetOpen(true)
	eventually(t, "the other node may take it", func() bool { return b.Awaits("studio") && b.Admit("studio") == nil })
	if idle := b.Claim("studio", true); !errors.Is(ready(t, idle), ErrHeld) {
		t.Error("a node without a publisher takes it from one that lives")
	}
	taken := b.Claim("studio", false)
	eventually(t, "the old owner knows", func() bool { return isLost(old) })
	if mayWrite(old) || mayWrite(taken) {
		t.Errorf("before the old owner has stored its part: it may write: %t, the new one: %t", mayWrite(old), mayWrite(taken))
	}
	if isClosed(taken.o.ready) {
		t.Error("the claim is settled before the old owner has stored its part")
	}
	old.Release()
	if err := ready(t, taken); err != nil || !mayWrite(taken) || taken.epochNow() <= before {
		t.Errorf("%v, may write: %t, epoch %d after %d", err, mayWrite(taken), taken.epochNow(), before)
	}
}

// A node that is cut off and one that takes its broadcast over never both write, though
// neither can ask the other.
func TestClaim_OfANodeThatIsCutOffIsTakenOver(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	required := func(cfg *Config) { cfg.Required = true }
	a, b := startNode(t, c, "a", required), startNode(t, c, "b")
	old := a.Claim("studio", false)
	if err := ready(t, old); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other node knows", func() bool { return b.Admit("studio") != nil })
	a.proxy.setCut(true)
	eventually(t, "the other node admits the publisher", func() bool { return b.Admit("studio") == nil })
	taken := b.Claim("studio", false)
	if err := ready(t, taken); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new owner may write", func() bool {
		one, other := mayWrite(taken), mayWrite(old)
		if one && other {
			t.Fatal("both may write")
		}
		return one
	})
	if mayWrite(old) || !errors.Is(a.Admit("new"), ErrAway) {
		t.Errorf("the node that is cut off may write: %t, admits: %v", mayWrite(old), a.Admit("new"))
	}
	a.proxy.setCut(false)
	eventually(t, "the old owner knows", func() bool { return isLost(old) })
	var held *HeldError
	if err := ready(t, old); !errors.As(err, &held) || held.Node.Name != "b" || held.Before {
		t.Errorf("the old claim ends with %v", err)
	}
}

func TestClaim_OfAnEarlierRunIsTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	killed := startNode(t, c, "a", func(cfg *Config) { cfg.Required = true })
	old := killed.Claim("studio", false)
	if err := ready(t, old); err != nil {
		t.Fatal(err)
	}
	killed.proxy.setCut(true)
	again := startNode(t, c, "a")
	began := again.now()
	lease := again.Claim("studio", true)
	if err := ready(t, lease); err != nil {
		t.Errorf("the next run: %v", err)
	}
	if waited := again.now() - began; waited >= TTL {
		t.Errorf("it took %v, as if the earlier run could still be alive", waited)
	}
	eventually(t, "the next run may write", func() bool {
		one, other := mayWrite(lease), mayWrite(old)
		if one && other {
			t.Fatal("both may write")
		}
		return one
	})
	// The first run is not dead after all: it has lost its name, and takes nothing back.
	killed.proxy.setCut(false)
	eventually(t, "the first run is told", func() bool { return errors.Is(killed.Connected(t.Context()), errNameTaken) })
	if killed.sessionValid() || mayWrite(old) || !mayWrite(lease) {
		t.Errorf("session valid: %t, may write: %t and %t", killed.sessionValid(), mayWrite(old), mayWrite(lease))
	}
}

// The servers of the registry are restarted, and have forgotten all leases.
func TestRegistry_LeasesSurviveItsServers(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a"), startNode(t, c, "b", func(cfg *Config) { cfg.Required = true })
	lease, other := a.Claim("studio", false), b.Claim("show", false)
	if err := errors.Join(ready(t, lease), ready(t, other)); err != nil {
		t.Fatal(err)
	}
	epoch := lease.epochNow()
	c.stop()
	eventually(t, "both nodes notice", func() bool { return a.Connected(t.Context()) != nil && b.Connected(t.Context()) != nil })
	eventually(t, "the leases run out", func() bool { return !a.sessionValid() && !b.sessionValid() })
	if err := a.Admit("new"); err != nil {
		t.Errorf("the registry is not required: %v", err)
	}
	if err := b.Admit("new"); !errors.Is(err, ErrAway) {
		t.Errorf("the registry is required: %v", err)
	}
	eventually(t, "a node that does not require the registry goes on writing", func() bool { return mayWrite(lease) })
	if mayWrite(other) {
		t.Error("a node that requires the registry goes on writing")
	}
	meanwhile := a.Claim("new", false)
	c.start(t)
	if err := ready(t, meanwhile); err != nil {
		t.Errorf("a claim that was made meanwhile: %v", err)
	}
	a.waitUntilConnected(t)
	b.waitUntilConnected(t)
	eventually(t, "all leases are there again", func() bool { return lease.Held() && other.Held() && meanwhile.Held() })
	if isLost(lease) || isLost(other) || lease.epochNow() != epoch {
		t.Errorf("lost: %t, %t; epoch %d was %d", isLost(lease), isLost(other), lease.epochNow(), epoch)
	}
	eventually(t, "the other node knows", func() bool { return errors.Is(b.Admit("studio"), ErrHeld) })
}

func TestClaim_OlderOfTwoThatWereMadeWhileTheRegistryWasAwayIsKept(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a"), startNode(t, c, "b")
	a.proxy.setCut(true)
	b.proxy.setCut(true)
	eventually(t, "both are away", func() bool { return !a.sessionValid() && !b.sessionValid() })
	first, second := a.Claim("studio", false), b.Claim("studio", false)
	a.proxy.setCut(false)
	if err := ready(t, first); err != nil {
		t.Fatal(err)
	}
	b.proxy.setCut(false)
	var held *HeldError
	if err := ready(t, second); !errors.As(err, &held) || !held.Before || held.Node.Name != "a" {
		t.Errorf("the second gets %v", err)
	}
	if isLost(first) {
		t.Error("the first lost it")
	}
}

func TestTask_IsHeldByOneNodeAtATime(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a"), startNode(t, c, "b")
	first := a.Task("sweeper")
	eventually(t, "the first node has it", first.Held)
	second := b.Task("sweeper")
	eventually(t, "the second node asks", func() bool { return b.Connected(t.Context()) == nil && b.settled() })
	if second.Held() || isLost(second) {
		t.Errorf("the second node has it: %t; it gave up: %t", second.Held(), isLost(second))
	}
	a.proxy.setCut(true)
	eventually(t, "the second node takes it over", func() bool {
		if first.Held() && second.Held() {
			t.Fatal("both have it")
		}
		return second.Held()
	})
	b.proxy.setCut(true)
	eventually(t, "nobody has it without a registry", func() bool { return !second.Held() })
}

// settled reports whether every key has been reconciled.
func (r *Registry) settled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.state.marked) == 0
}

// entry is an update of a watch, created at a time of the server's clock.
type entry struct {
	jetstream.KeyValueEntry
	key      string
	value    []byte
	revision uint64
	created  time.Time
}

func (e entry) Key() string                     { return e.key }
func (e entry) Value() []byte                   { return e.value }
func (e entry) Revision() uint64                { return e.revision }
func (e entry) Created() time.Time              { return e.created }
func (e entry) Operation() jetstream.KeyValueOp { return jetstream.KeyValuePut }

// Nodes and servers whose clocks are hours apart agree: nothing that they exchange has a
// time in it, and no node reads the time at which the server stored it.
func TestTable_DoesNotDependOnOtherClocks(t *testing.T) {
	for want, v := range map[string]any{
		`{"session":"s","url":"u"}`: session{ID: "s", URL: "u", updated: time.Now()},
		`{"node":"a","session":"s","epoch":1,"open":true,"from":{"node":"b","session":"t"}}`: record{identity: identity{"a", "s"}, Epoch: 1, Open: true, From: &identity{"b", "t"}},
	} {
		if got := string(encode(v)); got != want {
			t.Errorf("nodes exchange %s, want %s", got, want)
		}
	}
	for _, off := range []time.Duration{-5 * time.Hour, 0, 5 * time.Minute} {
		table := newTable()
		now := time.Now()
		for i, name := range []string{"self", "other"} {
			table.updateEntry(entry{key: nodeKeys + name, value: encode(session{ID: name}), revision: uint64(i + 1), created: now.Add(off)}, now)
		}
		if !table.alive(identity{"other", "other"}) || table.silent("other", "self") {
			t.Errorf("a clock that is %v off ends a session", off)
		}
		table.updateEntry(entry{key: nodeKeys + "self", value: encode(session{ID: "self"}), revision: 3, created: now}, now.Add(silentAfter+time.Second))
		if !table.silent("other", "self") {
			t.Error("a node that misses its renewals is not silent")
		}
	}
}

func TestTable_IgnoresOlderRevisions(t *testing.T) {
	table := newTable()
	now := time.Now()
	table.update("broadcast.b", encode(record{Epoch: 2}), 9, false, now)
	if table.update("broadcast.b", encode(record{Epoch: 1}), 8, false, now) || table.update("broadcast.b", nil, 8, true, now) {
		t.Error("an older revision is reported as a change")
	}
	if got := table.records["broadcast.b"].Epoch; got != 2 {
		t.Errorf("epoch %d", got)
	}
	if !table.update("broadcast.b", nil, 10, true, now) || len(table.records) > 0 {
		t.Error("a deletion is not reported as a change, or not applied")
	}
}

func embedded(t testing.TB, dir string) *Registry {
	t.Helper()
	return New(Config{}, Node{Name: "a"}, dir, slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
}

func TestRegistry_EmbeddedKeepsItsIdentity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := embedded(t, dir)
	stop := run(t, first)
	if err := ready(t, first.Claim("studio", false)); err != nil {
		t.Fatal(err)
	}
	stop()
	second := embedded(t, dir)
	run(t, second)
	if err := ready(t, second.Claim("studio", false)); err != nil {
		t.Fatal(err)
	}
	if first.ID() == "" || second.ID() != first.ID() {
		t.Errorf("the id was %s and is %s", first.ID(), second.ID())
	}
}

// The directory cannot be written, as on a full or a read-only disk.
func TestRegistry_WithoutADiskIsAwayUntilThereIsOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "registry")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := embedded(t, dir)
	run(t, r)
	eventually(t, "it is told why", func() bool {
		err := r.Connected(t.Context())
		return errors.Is(err, ErrAway) && strings.Contains(err.Error(), dir)
	})
	lease := r.Claim("studio", false)
	if err := r.Admit("studio"); err != nil {
		t.Errorf("a publisher is refused: %v", err)
	}
	eventually(t, "the playlists are written", func() bool { return mayWrite(lease) })
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := ready(t, lease); err != nil {
		t.Error(err)
	}
}

func TestConfig_SaysWhatIsWrong(t *testing.T) {
	for problem, c := range map[string]Config{
		"":                                  {URL: "nats://nats-1:4222,tls://[::1]:4222"},
		"must be the addresses":             {URL: "http://nats"},
		"must not contain a password":       {URL: "nats://a:b@nats"},
		"cannot be used together with user": {URL: "nats://nats", User: "a", CredentialsFile: "b"},
		"1s is out of range":                {KeepEnded: time.Second},
		"87601h0m0s is out of range":        {KeepEnded: 87601 * time.Hour},
	} {
		if err := c.Validate(); (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for node, valid := range map[string]bool{"": true, "a.b-c_1": true, "a..b": false, ".a": false, "a b": false, "ä": false} {
		if err := (ClusterConfig{Node: node}).Validate(); (err == nil) != valid {
			t.Errorf("node %q: %v", node, err)
		}
	}
	if err := (ClusterConfig{Advertise: "golive-1:8080"}).Validate(); err == nil {
		t.Error("an address without a scheme can be advertised")
	}
}
