package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/registry"
	"golive/rollout"
)

func tomorrow() string { return time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339) }

func ids(a answer) []string {
	all := []string{}
	list, _ := a.body["broadcasts"].([]any)
	for _, one := range list {
		all = append(all, fmt.Sprint(one.(map[string]any)["id"]))
	}
	return all
}

// mixed has a broadcast of each kind.
func mixed(t *testing.T, c Config) *testAPI {
	t.Helper()
	b := newTestAPI(t, c, rollout.DefaultConfig(), catalogue{studio()}) // which has no record
	for _, r := range []registry.Broadcast{
		{ID: "ended", Owner: "ann", State: registry.Ended},
		{ID: "created", Owner: "ann", State: registry.Created},
		{ID: "private", Owner: "ann", State: registry.Live, Details: registry.Details{Visibility: registry.Private}},
		{ID: "unlisted", Owner: "ann", State: registry.Live, Details: registry.Details{Visibility: registry.Unlisted}},
		{ID: "preview", Owner: "ann", State: registry.Live, Details: registry.Details{Preview: true}},
		{ID: "trial", Owner: "ann", State: registry.Live, Details: registry.Details{Test: true}},
		{ID: "live", Owner: "ann", State: registry.Live, Channel: "news"},
		{ID: "back", Owner: "bob", State: registry.Reconnecting},
	} {
		b.records.put(r)
	}
	return b
}

func TestAPI_ListsWhatTheCallerMaySee(t *testing.T) {
	b := mixed(t, withKeys())
	for _, c := range []struct {
		who, user, query string
		want             string
	}{
		{"", "", "", "back live studio"},
		{"", "", "?state=live", "live studio"},
		{"", "", "?state=created", "created"},
		{"", "", "?state=ended", "ended"},
		{"", "", "?state=preview", ""},
		{"", "", "?channel=news", "live"},
		{serverKey, "bob", "", "back live studio"},
		{serverKey, "ann", "?owner=me", "live trial preview unlisted private created ended"},
		{serverKey, "ann", "?owner=ann&state=preview", "preview"},
		{serverKey, "bob", "?owner=me", "back"},
		{serverKey, "", "", "back live trial preview unlisted private created studio"},
		{serverKey, "", "?owner=bob", "back"},
	} {
		var header []string
		if c.user != "" {
			header = []string{"Golive-User", c.user}
		}
		got := b.want(200, c.who, "GET", broadcasts+c.query, "", header...)
		if diff := cmp.Diff(c.want, strings.Join(ids(got), " ")); diff != "" {
			t.Errorf("%q as %q for %q: %s", c.query, c.who, c.user, diff)
		}
	}
	b.want(401, "", "GET", broadcasts+"?owner=ann", "")
	b.want(403, serverKey, "GET", broadcasts+"?owner=ann", "", "Golive-User", "bob")
	b.want(422, "", "GET", broadcasts+"?state=gone", "")
	b.want(422, "", "GET", broadcasts+"?limit=0", "")
	b.want(422, "", "GET", broadcasts+"?limit=x", "")
}

func TestAPI_PagesThroughTheList(t *testing.T) {
	b := newTestAPI(t, DefaultConfig(), rollout.DefaultConfig(), catalogue{})
	for i := range 25 {
		state := registry.Live
		if i%2 == 0 {
			state = registry.Created // which the list leaves out
		}
		b.records.put(registry.Broadcast{ID: fmt.Sprint("b", i), State: state})
	}
	var all []string
	cursor := ""
	for range 20 {
		got := b.want(200, "", "GET", broadcasts+"?limit=5"+cursor, "")
		if n := len(ids(got)); n > 5 {
			t.Fatalf("a page of %d", n)
		}
		all = append(all, ids(got)...)
		if got.str("next") == "" {
			break
		}
		cursor = "&cursor=" + got.str("next")
	}
	if len(all) != 12 || all[0] != "b23" || all[11] != "b1" {
		t.Errorf("%q", all)
	}
}

func TestAPI_ShowsTheLiveStateWithTheRecord(t *testing.T) {
	b := newTestAPI(t, DefaultConfig(), rollout.DefaultConfig(), catalogue{studio()})
	b.records.put(registry.Broadcast{ID: "studio", Owner: "ann", State: registry.Starting, Details: registry.Details{Title: "Tea"}})
	got := b.want(200, "", "GET", broadcasts+"/studio", "")
	if got.str("title") != "Tea" || got.str("state") != "live" || got.body["viewers"] != 3.0 || got.body["owner"] != nil {
		t.Error(got.text)
	}
}
