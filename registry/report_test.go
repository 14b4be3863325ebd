package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
)

func withEvents(cfg *Config) { cfg.Events = true }

// typesOf returns the types of a broadcast's events, separated by spaces. It checks their sequence.
func typesOf(t testing.TB, events []Event) string {
	t.Helper()
	var all []string
	for i, e := range events {
		if e.Sequence != uint64(i+1) || e.ID == "" || e.Broadcast.Events != e.Sequence {
			t.Errorf("event %d: sequence %d, id %q, %d in the record", i, e.Sequence, e.ID, e.Broadcast.Events)
		}
		all = append(all, strings.TrimPrefix(string(e.Type), "broadcast."))
	}
	return strings.Join(all, " ")
}

func TestEventsBetween_OneLiveAndOneEndedForEachRun(t *testing.T) {
	at := time.Unix(1e9, 0).UTC()
	for _, c := range []struct {
		name  string
		first Broadcast // created with
		steps []any     // State: a report; func(*Broadcast): a change by the API
		want  string
	}{
		{"a plain one", Broadcast{Owner: "u"}, []any{Starting, Live, Ended}, "created live ended"},
		{"a connection that drops repeatedly", Broadcast{Owner: "u"}, []any{Starting, Live, Reconnecting, Live, Reconnecting, Live, Live, Ended, Ended}, "created live reconnecting resumed reconnecting resumed ended"},
		{"one that is taken over", Broadcast{Owner: "u"}, []any{Starting, Live, Starting, Live, Reconnecting, Starting, Live, Ended}, "created live reconnecting resumed ended"},
		{"one that never begins", Broadcast{Owner: "u"}, []any{Starting, Reconnecting, Ended}, "created ended"},
		{"one that its owner ends", Broadcast{Owner: "u"}, []any{func(b *Broadcast) { b.State = Ended }, Starting, Live, Ended}, "created ended"},
		{"a preview", Broadcast{Owner: "u", Details: Details{Preview: true}}, []any{Starting, Live, Reconnecting, Live, func(b *Broadcast) { b.Preview = false }, Reconnecting, Live, Ended}, "created live reconnecting resumed ended"},
		{"a preview that is not published", Broadcast{Owner: "u", Details: Details{Preview: true}}, []any{Starting, Live, Ended}, "created ended"},
		{"one without an owner, again", Broadcast{}, []any{Starting, Live, Ended, Reconnecting, Starting, Live, Ended, Live, Ended}, "created live ended live ended live ended"},
	} {
		b := c.first
		b.ID = "b"
		b.State = Created
		b.record(nil, cause{at: at}, true)
		for _, step := range c.steps {
			before := b
			if state, ok := step.(State); ok {
				b.follow(Report{ID: "b", State: state, At: at})
			} else {
				step.(func(*Broadcast))(&b)
			}
			b.record(&before, cause{at: at}, true)
		}
		var events []Event
		for _, n := range b.notes {
			events = append(events, b.event(n))
		}
		if got := typesOf(t, events); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestReport_ChangesTheRecord(t *testing.T) {
	t.Parallel()
	onEmbeddedAndExternal(t, func(t *testing.T, r *Registry) {
		waitForRecords(t, r)
		if _, err := r.CreateBroadcast(t.Context(), Broadcast{ID: "studio", Owner: "u"}); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-time.Minute)
		for _, id := range []string{"studio", "without-api"} {
			for i, state := range []State{Starting, Live, Reconnecting, Live, Ended} {
				r.Report(Report{ID: id, State: state, At: at.Add(time.Duration(i) * time.Second)})
			}
			r.Report(Report{ID: id, Event: EventHealth})
			eventually(t, "it has ended", func() bool { b, _ := r.FindBroadcast(id); return b.State == Ended })
			b, _ := r.FindBroadcast(id)
			if !b.Started.Equal(at.Add(time.Second)) || !b.Ended.Equal(at.Add(4*time.Second)) || b.Events != 5 || len(b.notes) > 0 {
				t.Errorf("%+v", b)
			}
			// Another run.
			r.Report(Report{ID: id, State: Live})
			r.Report(Report{ID: "last", State: Starting})
			eventually(t, "all reports are applied", func() bool { _, ok := r.FindBroadcast("last"); return ok && r.reports.isEmpty() })
			again, _ := r.FindBroadcast(id)
			if began := again.State == Live && again.Ended.IsZero() && again.Events == 6; began != (id == "without-api") {
				t.Errorf("after another run: %+v", again)
			}
		}
		r.Report(Report{ID: "nothing", State: Ended})
		eventually(t, "it is applied", r.reports.isEmpty)
		if _, ok := r.FindBroadcast("nothing"); ok {
			t.Error("what ended before it was known has a record")
		}
	})
}

func (q *reports) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.queues) == 0
}

func TestReport_WaitsForTheRegistry(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a := startNode(t, c, "a", withEvents)
	waitForRecords(t, a.Registry)
	c.stop()
	eventually(t, "the registry is away", func() bool { return a.Connected(t.Context()) != nil })
	a.Report(Report{ID: "studio", State: Starting})
	a.Report(Report{ID: "studio", State: Live})
	for range 10 * maxReportsOfBroadcast {
		a.Report(Report{ID: "studio", State: Reconnecting})
		a.Report(Report{ID: "studio", State: Live})
		a.Report(Report{ID: "studio", Event: EventHealth})
	}
	a.Report(Report{ID: "studio", State: Ended, Reason: "stopped"})
	if n := len(a.reports.queues["studio"]); n > maxReportsOfBroadcast {
		t.Errorf("%d reports wait", n)
	}
	c.start(t)
	eventually(t, "it has ended", func() bool { b, _ := a.FindBroadcast("studio"); return b.State == Ended })
	b, _ := a.FindBroadcast("studio")
	var live, ended int
	for _, e := range storedEvents(t, a.Registry, b.Events) {
		switch e.Type {
		case EventLive:
			live++
		case EventEnded:
			ended++
			if e.Reason != "stopped" {
				t.Errorf("it ended for %q", e.Reason)
			}
		default:
		}
	}
	if live != 1 || ended != 1 {
		t.Errorf("%d live, %d ended", live, ended)
	}
}

// storedEvents waits until the stream has at least want events, and returns all, in order.
func storedEvents(t testing.TB, r *Registry, want uint64) (all []Event) {
	t.Helper()
	var stream jetstream.Stream
	eventually(t, fmt.Sprintf("%d events are stored", want), func() bool {
		records, err := r.connected()
		if err != nil {
			return false
		}
		if stream, err = records.js.Stream(t.Context(), eventStream); err != nil {
			return false
		}
		return stream.CachedInfo().State.Msgs >= want
	})
	for i := stream.CachedInfo().State.FirstSeq; i <= stream.CachedInfo().State.LastSeq; i++ {
		msg, err := stream.GetMsg(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		var e Event
		if err := json.Unmarshal(msg.Data, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// If two nodes report on a broadcast, only the reports of the node that owns it are applied.
func TestReport_OfANodeWithoutTheBroadcastIsIgnored(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a"), startNode(t, c, "b")
	waitForRecords(t, a.Registry)
	waitForRecords(t, b.Registry)
	old := a.Claim("studio", false)
	if err := ready(t, old); err != nil {
		t.Fatal(err)
	}
	a.Report(Report{ID: "studio", State: Live})
	old.SetOpen(true)
	eventually(t, "the other node may take it", func() bool { return b.Awaits("studio") && b.Admit("studio") == nil })
	taken := b.Claim("studio", false)
	eventually(t, "the old owner knows", func() bool { return isLost(old) })
	old.Release()
	if err := ready(t, taken); err != nil {
		t.Fatal(err)
	}
	a.Report(Report{ID: "studio", State: Ended, Reason: "another node has it"})
	eventually(t, "the report is processed", a.reports.isEmpty)
	b.Report(Report{ID: "studio", State: Reconnecting}) // which does not bring back what has ended
	eventually(t, "the broadcast is reconnecting", func() bool {
		found, _ := b.FindBroadcast("studio")
		return found.State == Reconnecting
	})
}

func TestEvents_AreStoredOnceAndInOrder(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a", withEvents), startNode(t, c, "b", withEvents)
	waitForRecords(t, a.Registry)
	waitForRecords(t, b.Registry)
	made, err := a.CreateBroadcast(t.Context(), Broadcast{ID: "studio.1", Owner: "u", Key: HashKey("gl_x"), Details: Details{Title: "t"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, report := range []Report{{State: Starting}, {State: Live}, {Event: EventKeyUsed}, {State: Reconnecting}, {State: Live}, {Event: EventHealth, Issues: "slow_upload open_gop"}, {Event: EventHealth}, {Event: EventReplayReady}, {State: Ended, Reason: "stopped"}} {
		report.ID = "studio.1"
		a.Report(report)
	}
	events := storedEvents(t, b.Registry, 9)
	want := "created live stream_key.used reconnecting resumed health health replay_ready ended"
	if got := typesOf(t, events); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	eventually(t, "the records have no more to publish", func() bool { return len(a.catalog.noted())+len(b.catalog.noted()) == 0 })
	for _, e := range events {
		if e.Broadcast.Key != "" || e.Broadcast.Title != "t" || !e.Broadcast.Created.Equal(made.Created) || e.At.IsZero() {
			t.Errorf("%+v", e)
		}
	}
	if last := events[len(events)-1]; last.Reason != "stopped" || last.Broadcast.State != Ended || last.Broadcast.Ended.IsZero() {
		t.Errorf("%+v", last)
	}
	for i, want := range map[int][]string{4: nil, 5: {"slow_upload", "open_gop"}, 6: {}, 7: nil} {
		if diff := cmp.Diff(want, events[i].Issues); diff != "" {
			t.Errorf("event %d: %s", i, diff)
		}
	}
	// A record that is removed at once loses no event.
	if _, err := b.CreateBroadcast(t.Context(), Broadcast{ID: "short"}); err != nil {
		t.Fatal(err)
	}
	if err := b.RemoveBroadcast(t.Context(), "short"); err != nil {
		t.Fatal(err)
	}
	if got := len(storedEvents(t, b.Registry, 10)); got != 10 {
		t.Errorf("%d events", got)
	}
}

// A node is killed after it has written a record, and before it has published the event.
func TestEvents_OfAKilledNodeArePublishedByAnother(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a", withEvents), startNode(t, c, "b", withEvents)
	waitForRecords(t, a.Registry)
	records, err := a.connected()
	if err != nil {
		t.Fatal(err)
	}
	killed := Broadcast{ID: "studio", State: Created, Times: Times{Created: time.Now().UTC()}}
	killed.record(nil, cause{at: time.Now()}, true)
	if err := a.create(t.Context(), records, broadcastKeys, "studio", write{value: encodeBroadcast(killed)}); err != nil {
		t.Fatal(err)
	}
	events := storedEvents(t, b.Registry, 1)
	eventually(t, "the record has no more to publish", func() bool { return len(b.catalog.noted()) == 0 })
	if events[0].Type != EventCreated || events[0].ID != eventID(&killed, 1) {
		t.Errorf("%+v", events[0])
	}
	// The killed node published the event, and did not record that: it is stored once all the same.
	if _, err := b.UpdateBroadcast(t.Context(), "studio", func(b *Broadcast) error { b.notes = killed.notes; b.Title = "t"; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := records.publishNotes(t.Context(), killed); err != nil {
		t.Fatal(err)
	}
	if got := len(storedEvents(t, b.Registry, 1)); got != 1 {
		t.Errorf("%d events are stored", got)
	}
}

// receiver takes events, or refuses them.
type receiver struct {
	mu     sync.Mutex
	refuse func(Event) bool
	got    map[string][]Event // by broadcast
	busy   map[string]bool
	wrong  []string
}

func newReceiver() *receiver { return &receiver{got: map[string][]Event{}, busy: map[string]bool{}} }

func (r *receiver) handle(_ context.Context, e Event) error {
	id := e.Broadcast.ID
	r.mu.Lock()
	if r.busy[id] {
		r.wrong = append(r.wrong, "two events of "+id+" at once")
	}
	r.busy[id] = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.busy[id] = false
		r.mu.Unlock()
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil && r.refuse(e) {
		return errors.New("refused")
	}
	for _, before := range r.got[id] {
		if before.ID == e.ID {
			return nil
		}
	}
	r.got[id] = append(r.got[id], e)
	return nil
}

func (r *receiver) count() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, events := range r.got {
		n += len(events)
	}
	return n
}

// consume runs Consume until stop.
func consume(t testing.TB, r *Registry, name string, handle func(context.Context, Event) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Consume(ctx, name, 8, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func TestConsume_HandlesEventsInOrderOnAnyNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a, b := startNode(t, c, "a", withEvents), startNode(t, c, "b", withEvents)
	got := newReceiver()
	stop := consume(t, a.Registry, "hook", got.handle)
	consume(t, b.Registry, "hook", got.handle)
	waitForRecords(t, a.Registry)
	const broadcasts = 20
	publish := func(states ...State) {
		for i := range broadcasts {
			for _, s := range states {
				a.Report(Report{ID: fmt.Sprintf("b%d", i), State: s})
			}
		}
	}
	publish(Starting, Live, Reconnecting)
	eventually(t, "all are handled", func() bool { return got.count() == 3*broadcasts })
	stop() // the other node goes on
	publish(Live, Ended)
	eventually(t, "all are handled", func() bool { return got.count() == 5*broadcasts })
	for id, events := range got.got {
		if types := typesOf(t, events); types != "created live reconnecting resumed ended" {
			t.Errorf("%s: %s", id, types)
		}
	}
	if len(got.wrong) > 0 {
		t.Error(got.wrong)
	}
}

// An event that is refused delays only those of its broadcast, and is delivered to another consumer later.
func TestConsume_KeepsWhatIsRefused(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	a := startNode(t, c, "a", withEvents)
	got := newReceiver()
	got.refuse = func(e Event) bool { return e.Broadcast.ID == "bad" && e.Type == EventLive }
	stop := consume(t, a.Registry, "hook", got.handle)
	waitForRecords(t, a.Registry)
	for _, id := range []string{"bad", "good"} {
		for _, s := range []State{Starting, Live, Ended} {
			a.Report(Report{ID: id, State: s})
		}
	}
	eventually(t, "the others are handled", func() bool { return got.count() == 4 })
	stop()
	if len(got.got["bad"]) != 1 || len(got.got["good"]) != 3 {
		t.Errorf("handled: %v", got.got)
	}
	later := newReceiver()
	consume(t, a.Registry, "hook", later.handle)
	eventually(t, "the others are handled", func() bool { return later.count() == 2 })
	want := []EventType{EventLive, EventEnded}
	var types []EventType
	for _, e := range later.got["bad"] {
		types = append(types, e.Type)
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
