package registry

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// update sets the value that a key has from a revision on.
func (t *recordTable) update(key string, value []byte, revision uint64, gone bool) error {
	w, err := decode(key, value, revision, gone)
	if err == nil {
		t.set(w)
	}
	return err
}

// tableOf returns a table with the records of ids, made one second after the other.
func tableOf(all ...Broadcast) *recordTable {
	t := newRecordTable()
	for i, b := range all {
		if b.Created.IsZero() {
			b.Created = time.Unix(int64(1e9+i), 0).UTC()
		}
		if err := t.update(keyOf(broadcastKeys, b.ID), encode(b), uint64(i+1), false); err != nil {
			panic(err)
		}
	}
	return &t
}

func idsOf(page []Broadcast) string {
	var ids []string
	for _, b := range page {
		ids = append(ids, b.ID)
	}
	return strings.Join(ids, " ")
}

func TestList_SelectsAndOrders(t *testing.T) {
	table := tableOf(
		Broadcast{ID: "a", Owner: "u1", State: Ended},
		Broadcast{ID: "b", Owner: "u1", Channel: "c", State: Live},
		Broadcast{ID: "c", Owner: "u2", Channel: "c", State: Created, Details: Details{Visibility: Public}},
		Broadcast{ID: "d", Owner: "u2", State: Live, Details: Details{Visibility: Private}},
		Broadcast{ID: "e", State: Live, Details: Details{Preview: true}},
		Broadcast{ID: "f", State: Live, Details: Details{Test: true}},
		Broadcast{ID: "g", State: Reconnecting, Details: Details{Visibility: Unlisted}},
	)
	for _, c := range []struct {
		filter Filter
		want   string
	}{
		{Filter{}, "g f e d c b a"},
		{Filter{Active: true}, "g f e d c b"},
		{Filter{State: Live}, "f e d b"},
		{Filter{State: Ended}, "a"},
		{Filter{Owner: "u1"}, "b a"},
		{Filter{Owner: "u1", Active: true}, "b"},
		{Filter{Owner: "nobody"}, ""},
		{Filter{Channel: "c"}, "c b"},
		{Filter{Channel: "c", Owner: "u2"}, "c"},
		{Filter{Visibility: Public}, "f e c b a"},
		{Filter{Visibility: Private}, "d"},
		{Filter{Listed: true}, "c b a"},
		{Filter{Limit: 2}, "g f"},
		{Filter{After: "nonsense"}, ""},
	} {
		page, _ := table.list(c.filter)
		if got := idsOf(page); got != c.want {
			t.Errorf("%+v: %q, want %q", c.filter, got, c.want)
		}
	}
}

// A list that is read page by page has each record once that existed all the time, whatever is made
// and removed meanwhile, even if several records have the same creation time.
func TestList_CursorIsStable(t *testing.T) {
	var all []Broadcast
	for i := range 50 {
		all = append(all, Broadcast{ID: fmt.Sprintf("b%02d", i), State: Live, Times: Times{Created: time.Unix(int64(i/5), 7).UTC()}})
	}
	table := tableOf(all...)
	revision := uint64(1000)
	var seen []Broadcast
	f := Filter{Active: true, Limit: 7}
	for n := 0; ; n++ {
		page, next := table.list(f)
		seen = append(seen, page...)
		if next == "" {
			break
		}
		if !ValidCursor(next) {
			t.Errorf("%q is no cursor", next)
		}
		f.After = next
		revision += 2
		made := Broadcast{ID: fmt.Sprintf("new%d", n), State: Live, Times: Times{Created: time.Unix(1000, 0)}}
		if err := table.update(keyOf(broadcastKeys, made.ID), encode(made), revision, false); err != nil {
			t.Fatal(err)
		}
		// What the cursor names is removed.
		last := page[len(page)-1].ID
		if err := table.update(keyOf(broadcastKeys, last), nil, revision+1, true); err != nil {
			t.Fatal(err)
		}
	}
	slices.Reverse(all)
	if diff := cmp.Diff(idsOf(all), idsOf(seen)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if ValidCursor("") || ValidCursor("a") || ValidCursor("1.2.") || ValidCursor("~.2.b") {
		t.Error("nonsense is a cursor")
	}
}

// After any changes the indexes equal those of a table that gets only the final records.
func TestRecordTable_IndexesFollowEveryChange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	table := newRecordTable()
	newest := map[string]Broadcast{}
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for revision := uint64(1); revision < 3000; revision++ {
		id := fmt.Sprintf("b%d", random.IntN(40))
		b := Broadcast{
			ID: id, Owner: pick("", "u1", "u2"), Channel: pick("", "c1", "c2"), Key: pick("", "first key of "+id, "second key of "+id),
			State: State(pick("created", "live", "ended")), Times: Times{Created: time.Unix(int64(random.IntN(3)), 0).UTC()},
		}
		gone := random.IntN(4) == 0
		if err := table.update(keyOf(broadcastKeys, b.ID), encode(b), revision, gone); err != nil {
			t.Fatal(err)
		}
		if gone {
			delete(newest, b.ID)
		} else {
			newest[b.ID] = b
		}
	}
	var all []Broadcast
	for _, b := range newest {
		all = append(all, b)
	}
	fresh := tableOf(all...)
	for _, f := range []Filter{{}, {Active: true}, {Owner: "u1"}, {Owner: "u2"}, {Channel: "c1"}, {Channel: "c2"}, {State: Live}} {
		got, _ := table.list(f)
		want, _ := fresh.list(f)
		if diff := cmp.Diff(idsOf(want), idsOf(got)); diff != "" {
			t.Errorf("%+v: -want +got:\n%s", f, diff)
		}
	}
	keys := map[string]string{}
	for key, of := range table.keys {
		if b, ok := of.(*Broadcast); ok && table.broadcasts[b.ID] == b {
			keys[key] = b.ID
		}
	}
	want := map[string]string{}
	for _, b := range newest {
		if b.Key != "" {
			want[b.Key] = b.ID
		}
	}
	if diff := cmp.Diff(want, keys); diff != "" || len(table.keys) != len(want) {
		t.Errorf("%d keys; -want +got:\n%s", len(table.keys), diff)
	}
}

func TestRecordTable_IgnoresOlderRevisions(t *testing.T) {
	table := newRecordTable()
	key := keyOf(broadcastKeys, "b.1")
	set := func(title string, revision uint64, gone bool) {
		t.Helper()
		if err := table.update(key, encode(Broadcast{ID: "b.1", Details: Details{Title: title}}), revision, gone); err != nil {
			t.Fatal(err)
		}
	}
	set("new", 5, false)
	set("old", 4, false)
	set("", 3, true)
	if b := table.broadcasts["b.1"]; b == nil || b.Title != "new" {
		t.Fatalf("the record is %v", b)
	}
	table.remove(key, 4)
	if table.broadcasts["b.1"] == nil {
		t.Error("another revision is removed")
	}
	table.remove(key, 5)
	set("new", 5, false) // the watch is late
	if table.broadcasts["b.1"] != nil {
		t.Error("what was removed is there again")
	}
	set("", 6, true)
	if len(table.removed) > 0 {
		t.Error("the removal is not forgotten")
	}
	set("again", 7, false)
	if table.broadcasts["b.1"] == nil {
		t.Error("the id cannot be used again")
	}
}

func FuzzDecodeBroadcast(f *testing.F) {
	f.Add(string(encode(Broadcast{ID: "studio", State: Live, Details: Details{Title: "t"}, Times: Times{Created: time.Unix(1, 2)}})))
	f.Add(`{"id":"studio","later":[1],"created":"0001-01-01T00:00:00Z"}`)
	f.Add(`{"id":"studio","created":"9999-12-31T23:59:59.999999999+23:59"}`)
	f.Add(`{"id":"stu`)
	f.Fuzz(func(t *testing.T, value string) {
		table := newRecordTable()
		err := table.update("broadcast.studio", []byte(value), 1, false)
		b := table.broadcasts["studio"]
		if (err == nil) != (b != nil) {
			t.Fatalf("err %v, record %v", err, b)
		}
		if b == nil {
			return
		}
		again, err := decodeBroadcast("broadcast.studio", encode(b), 1)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(*b, *again, sameRecord()); diff != "" {
			t.Errorf("-read +read again:\n%s", diff)
		}
		if err := table.update("broadcast.studio", nil, 2, true); err != nil || len(table.all.list)+len(table.active.list)+len(table.keys)+len(table.owners) > 0 {
			t.Errorf("err %v, left: %+v", err, table)
		}
	})
}
