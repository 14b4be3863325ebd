package registry

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// sameRecord compares records without their revisions.
func sameRecord() cmp.Options {
	return cmp.Options{cmpopts.IgnoreUnexported(Broadcast{}, Channel{})}
}

// onEmbeddedAndExternal runs a test with the embedded registry, and with a server outside of the process.
func onEmbeddedAndExternal(t *testing.T, test func(t *testing.T, r *Registry)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, startEmbedded(t))
	})
	t.Run("external", func(t *testing.T) {
		t.Parallel()
		test(t, startNode(t, startCluster(t), "a").Registry)
	})
}

// waitForRecords waits until records can be written.
func waitForRecords(t testing.TB, r *Registry) {
	t.Helper()
	eventually(t, "the records can be written", func() bool { _, err := r.connected(); return err == nil })
}

func TestCreateBroadcast_IsFoundAtOnceAndCannotBeRepeated(t *testing.T) {
	t.Parallel()
	onEmbeddedAndExternal(t, func(t *testing.T, r *Registry) {
		waitForRecords(t, r)
		want := Broadcast{
			ID: "studio.1", Channel: "anna", Owner: "u1", Key: HashKey("gl_secret"),
			Details: Details{Title: "Ä \x00 title", Visibility: Unlisted, Preview: true, ScheduledStart: time.Now().Add(time.Hour)},
		}
		made, err := r.CreateBroadcast(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		found, ok := r.FindBroadcast("studio.1")
		if diff := cmp.Diff(made, found, sameRecord()); !ok || diff != "" {
			t.Errorf("found: %t, -made +found:\n%s", ok, diff)
		}
		want.State, want.Events, want.Created, want.ScheduledStart = Created, 1, made.Created, want.ScheduledStart.Round(0).UTC()
		if diff := cmp.Diff(want, made, sameRecord()); diff != "" {
			t.Errorf("-want +made:\n%s", diff)
		}
		if made.Created.IsZero() || found.revision == 0 {
			t.Errorf("made at %v, revision %d", made.Created, found.revision)
		}
		if _, err := r.CreateBroadcast(t.Context(), want); !errors.Is(err, ErrExists) {
			t.Errorf("made again: %v", err)
		}
		for _, id := range []string{"", ".a", "a b", "a=b", "ä", "a>", strings.Repeat("a", 200)} {
			if _, err := r.CreateBroadcast(t.Context(), Broadcast{ID: id}); !errors.Is(err, errBadName) {
				t.Errorf("id %q: %v", id, err)
			}
		}
	})
}

func TestUpdateBroadcast_LosesNoConcurrentChange(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	nodes := []*node{startNode(t, c, "a"), startNode(t, c, "b"), startNode(t, c, "c")}
	for _, n := range nodes {
		waitForRecords(t, n.Registry)
	}
	if _, err := nodes[0].CreateBroadcast(t.Context(), Broadcast{ID: "studio"}); err != nil {
		t.Fatal(err)
	}
	const each = 20
	var running sync.WaitGroup
	for _, n := range nodes {
		running.Go(func() {
			for range each {
				got, err := n.UpdateBroadcast(t.Context(), "studio", func(b *Broadcast) error { b.Generation++; return nil })
				if err != nil {
					t.Error(err)
				}
				if found, _ := n.FindBroadcast("studio"); found.Generation < got.Generation {
					t.Errorf("the writer finds %d after it wrote %d", found.Generation, got.Generation)
				}
			}
		})
	}
	running.Wait()
	for _, n := range nodes {
		eventually(t, "every node has all changes", func() bool {
			b, _ := n.FindBroadcast("studio")
			return b.Generation == each*len(nodes)
		})
	}
}

func TestUpdateBroadcast_ReportsWhatItCannotDo(t *testing.T) {
	t.Parallel()
	onEmbeddedAndExternal(t, func(t *testing.T, r *Registry) {
		waitForRecords(t, r)
		if _, err := r.UpdateBroadcast(t.Context(), "none", func(*Broadcast) error { return nil }); !errors.Is(err, ErrNoRecord) {
			t.Errorf("no record: %v", err)
		}
		if err := r.RemoveBroadcast(t.Context(), "none"); !errors.Is(err, ErrNoRecord) {
			t.Errorf("remove no record: %v", err)
		}
		if _, err := r.CreateBroadcast(t.Context(), Broadcast{ID: "studio"}); err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		if _, err := r.UpdateBroadcast(t.Context(), "studio", func(*Broadcast) error { return refused }); !errors.Is(err, refused) {
			t.Errorf("the change refuses: %v", err)
		}
		before, _ := r.FindBroadcast("studio")
		if _, err := r.UpdateBroadcast(t.Context(), "studio", func(b *Broadcast) error { b.ID = "other"; return nil }); err != nil {
			t.Error(err)
		}
		if after, _ := r.FindBroadcast("studio"); after.revision != before.revision {
			t.Error("an update that changes nothing was written")
		}
	})
}

func TestRemoveBroadcast_LeavesNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a"), startNode(t, c, "b")
	waitForRecords(t, a.Registry)
	waitForRecords(t, b.Registry)
	for range 3 { // the id can be used again at once
		made, err := a.CreateBroadcast(t.Context(), Broadcast{ID: "studio", Owner: "u", Channel: "c", Key: HashKey("k")})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the other node knows", func() bool {
			found, _ := b.FindBroadcast("studio")
			return found.Created.Equal(made.Created)
		})
		if err := b.RemoveBroadcast(t.Context(), "studio"); err != nil {
			t.Fatal(err)
		}
		if _, ok := b.FindBroadcast("studio"); ok {
			t.Error("the node that removed it still has it")
		}
		eventually(t, "it is gone everywhere", func() bool {
			_, found := a.FindBroadcast("studio")
			_, _, key := a.FindKey("k")
			return !found && !key
		})
	}
	for _, n := range []*node{a, b} {
		eventually(t, "nothing of it is in memory", func() bool {
			n.catalog.mu.RLock()
			defer n.catalog.mu.RUnlock()
			table := &n.catalog.table
			return len(table.broadcasts)+len(table.keys)+len(table.all.list)+len(table.active.list)+len(table.owners)+len(table.byChannel)+len(table.removed) == 0
		})
	}
}

func TestFindKey_DistinguishesKeysOfBroadcastsAndChannels(t *testing.T) {
	t.Parallel()
	onEmbeddedAndExternal(t, func(t *testing.T, r *Registry) {
		waitForRecords(t, r)
		broadcastKey, channelKey, rotated := NewStreamKey(), NewStreamKey(), NewStreamKey()
		if _, err := r.CreateBroadcast(t.Context(), Broadcast{ID: "studio", Key: HashKey(broadcastKey)}); err != nil {
			t.Fatal(err)
		}
		made, err := r.PutChannel(t.Context(), Channel{Name: "anna", Owner: "u1", Key: HashKey(channelKey)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.PutChannel(t.Context(), Channel{Name: "anna", Owner: "u2"}); !errors.Is(err, ErrExists) {
			t.Errorf("a channel of another owner: %v", err)
		}
		if b, c, ok := r.FindKey(broadcastKey); !ok || b.ID != "studio" || c.Name != "" {
			t.Errorf("key of the broadcast: %v, %v, %t", b, c, ok)
		}
		b, c, ok := r.FindKey(channelKey)
		if diff := cmp.Diff(made, c, sameRecord()); !ok || b.ID != "" || diff != "" {
			t.Errorf("key of the channel: %v, %t\n%s", b, ok, diff)
		}
		if _, err := r.UpdateChannel(t.Context(), "anna", func(c *Channel) error { c.Key = HashKey(rotated); return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := r.UpdateBroadcast(t.Context(), "studio", func(b *Broadcast) error { b.Key = ""; return nil }); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{broadcastKey, channelKey, "", "studio"} {
			if _, _, ok := r.FindKey(key); ok {
				t.Errorf("key %q is valid", key)
			}
		}
		if _, c, ok := r.FindKey(rotated); !ok || c.Name != "anna" {
			t.Errorf("rotated key: %v, %t", c, ok)
		}
		if c, ok := r.FindChannel("anna"); !ok || c.Owner != "u1" {
			t.Errorf("channel: %v, %t", c, ok)
		}
		if _, err := r.UpdateChannel(t.Context(), "none", func(*Channel) error { return nil }); !errors.Is(err, ErrNoRecord) {
			t.Errorf("no channel: %v", err)
		}
	})
}

// Three nodes on one server learn of each other's records; the test logs how soon.
func TestRecords_ArriveAtEveryNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	nodes := []*node{startNode(t, c, "a"), startNode(t, c, "b"), startNode(t, c, "c")}
	var slowest time.Duration
	for i, n := range nodes {
		waitForRecords(t, n.Registry)
		id := fmt.Sprintf("of-%d", i)
		changed := map[int]<-chan struct{}{}
		for j, other := range nodes {
			signal, stop := other.WatchBroadcast(id)
			defer stop()
			changed[j] = signal
		}
		began := time.Now()
		if _, err := n.CreateBroadcast(t.Context(), Broadcast{ID: id}); err != nil {
			t.Fatal(err)
		}
		for j, other := range nodes {
			select {
			case <-changed[j]:
			case <-time.After(patience):
				t.Fatalf("node %d does not learn of %s", j, id)
			}
			if _, ok := other.FindBroadcast(id); !ok {
				t.Errorf("node %d is told of %s, but does not find it", j, id)
			}
		}
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("at the latest %v after the write began", slowest)
}

func TestRecords_SurviveARestartOfTheServerAndAreReadOnlyMeanwhile(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a := startNode(t, c, "a")
	waitForRecords(t, a.Registry)
	if _, err := a.CreateBroadcast(t.Context(), Broadcast{ID: "studio"}); err != nil {
		t.Fatal(err)
	}
	changed, stop := a.WatchBroadcast("studio")
	defer stop()
	c.stop()
	eventually(t, "the registry is away", func() bool { return a.Connected(t.Context()) != nil })
	if _, err := a.CreateBroadcast(t.Context(), Broadcast{ID: "other"}); !errors.Is(err, ErrAway) {
		t.Errorf("create: %v", err)
	}
	if _, err := a.UpdateBroadcast(t.Context(), "studio", func(b *Broadcast) error { b.End = true; return nil }); !errors.Is(err, ErrAway) {
		t.Errorf("update: %v", err)
	}
	if err := a.RemoveBroadcast(t.Context(), "studio"); !errors.Is(err, ErrAway) {
		t.Errorf("remove: %v", err)
	}
	if b, ok := a.FindBroadcast("studio"); !ok || b.End {
		t.Errorf("found: %v, %t", b, ok)
	}
	c.start(t)
	waitForRecords(t, a.Registry)
	if _, ok := a.FindBroadcast("studio"); !ok {
		t.Error("the record is lost")
	}
	if isSignalled(changed) {
		t.Error("connecting again was reported as a change")
	}
	b := startNode(t, c, "b")
	waitForRecords(t, b.Registry)
	if _, err := b.UpdateBroadcast(t.Context(), "studio", func(b *Broadcast) error { b.End = true; return nil }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first node is told", func() bool { return isSignalled(changed) })
}

func isSignalled(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestOnChange_ReportsWhatChangedWhileTheNodeWasAway(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	b := startNode(t, c, "b")
	waitForRecords(t, b.Registry)
	if _, err := b.CreateBroadcast(t.Context(), Broadcast{ID: "before"}); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, c.server.Addr().String())
	a := newRegistry(Config{URL: "nats://" + p.address()}, "a")
	changes := make(chan Broadcast, 16)
	a.OnChange(func(b Broadcast) { changes <- b })
	run(t, a)
	next := func(want string) {
		t.Helper()
		select {
		case got := <-changes:
			if got.ID+got.Title != want {
				t.Errorf("told of %s%s, want %s", got.ID, got.Title, want)
			}
		case <-time.After(patience):
			t.Fatalf("not told of %s", want)
		}
	}
	next("before")
	waitForRecords(t, a)
	if _, err := a.CreateBroadcast(t.Context(), Broadcast{ID: "own"}); err != nil {
		t.Fatal(err)
	}
	next("own")
	p.setCut(true)
	eventually(t, "the node is away", func() bool { return a.Connected(t.Context()) != nil })
	if _, err := b.UpdateBroadcast(t.Context(), "before", func(b *Broadcast) error { b.Title = " changed"; return nil }); err != nil {
		t.Fatal(err)
	}
	p.setCut(false)
	next("before changed")
	waitForRecords(t, a)
	if len(changes) > 0 {
		t.Errorf("told of %s, which has not changed", (<-changes).ID)
	}
}

func TestRecords_OfEndedAndUnusedBroadcastsExpire(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	short := func(cfg *Config) { cfg.KeepEnded = time.Second }
	a := startNode(t, c, "a", short)
	waitForRecords(t, a.Registry)
	for _, b := range []Broadcast{
		{ID: "never-begins"},
		{ID: "scheduled", Details: Details{ScheduledStart: time.Now().Add(time.Hour)}},
		{ID: "live", State: Live},
		{ID: "ended", State: Ended, Key: HashKey("k"), Times: Times{Created: time.Now().Add(-time.Hour), Ended: time.Now()}},
		{ID: "ends", State: Live},
	} {
		if _, err := a.CreateBroadcast(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.UpdateBroadcast(t.Context(), "ends", func(b *Broadcast) error { b.State, b.Ended = Ended, time.Now(); return nil }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what ended is gone, and what never began", func() bool {
		all, _ := a.ListBroadcasts(Filter{})
		return len(all) == 2
	})
	for _, id := range []string{"scheduled", "live"} {
		if _, ok := a.FindBroadcast(id); !ok {
			t.Errorf("%s is gone", id)
		}
	}
	if _, _, ok := a.FindKey("k"); ok {
		t.Error("a removed key is known")
	}
	if _, err := a.UpdateBroadcast(t.Context(), "live", func(b *Broadcast) error { b.Title = "on"; return nil }); err != nil {
		t.Error(err)
	}
	if _, err := a.CreateBroadcast(t.Context(), Broadcast{ID: "ended", State: Live}); err != nil {
		t.Errorf("its id cannot be used again: %v", err)
	}
}

func TestRecords_DamagedOnesAreSkippedAndCounted(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a := startNode(t, c, "a")
	waitForRecords(t, a.Registry)
	records, err := a.connected()
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"broadcast.cut":     `{"id":"cut","st`,
		"broadcast.other":   `{"id":"someone"}`,
		"broadcast.typed":   `{"id":"typed","events":-1}`,
		"channel.none":      `{}`,
		"later.kind":        `{"id":"kind"}`,
		"broadcast.unknown": `{"id":"unknown","later":{"a":1},"state":"paused"}`,
	} {
		if _, err := records.put(t.Context(), key, []byte(value), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	// The keys are written in any order: the valid one may be the last to be read.
	eventually(t, "the damaged ones are counted and the valid one is known", func() bool {
		_, known := a.FindBroadcast("unknown")
		return known && testutil.ToFloat64(a.metrics.damaged) == 4
	})
	if b, ok := a.FindBroadcast("unknown"); !ok || b.State != "paused" {
		t.Errorf("unknown fields: %v, %t", b, ok)
	}
	all, _ := a.ListBroadcasts(Filter{})
	if len(all) != 1 {
		t.Errorf("%d records, want 1", len(all))
	}
	if _, err := a.UpdateBroadcast(t.Context(), "cut", func(*Broadcast) error { return nil }); !errors.Is(err, errDamaged) {
		t.Errorf("change of a damaged one: %v", err)
	}
	b := startNode(t, c, "b") // it reads them at once
	waitForRecords(t, b.Registry)
	if got := testutil.ToFloat64(b.metrics.damaged); got != 4 {
		t.Errorf("%v damaged records are counted, want 4", got)
	}
}
