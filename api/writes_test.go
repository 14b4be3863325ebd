package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"golive/registry"
	"golive/rollout"
)

const broadcasts = "/v1/broadcasts"

func TestAPI_CreatesABroadcastWithAllThatAnEncoderNeeds(t *testing.T) {
	b := openTestAPI(t)
	got := b.want(http.StatusCreated, "dev:ann", http.MethodPost, broadcasts, `{"title":"Tea","visibility":"unlisted","scheduled_start":null}`)
	id, key := got.str("id"), got.str("stream_key")
	if got.str("state") != "created" || !registry.IsStreamKey(key) || got.header.Get("Location") != broadcasts+"/"+id || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %v", got.text, got.header)
	}
	want := map[string]any{"rtmp": "rtmp://example.com:1935/live", "rtmps": nil, "websocket": "ws://example.com/v1/broadcasts/" + id + "/publish", "whip": nil}
	if diff := cmp.Diff(want, got.body["ingest"]); diff != "" {
		t.Error(diff)
	}
	want = map[string]any{
		"hls": "http://example.com/live/" + id + "/index.m3u8", "ts": "http://example.com/live/" + id + "/ts.m3u8",
		"watch": "http://example.com/watch/" + id, "embed": "http://example.com/embed/" + id,
	}
	if diff := cmp.Diff(want, got.body["playback"]); diff != "" {
		t.Error(diff)
	}
	r, ok := b.records.FindBroadcast(id)
	if !ok || r.Owner != "ann" || r.Title != "Tea" || r.Visibility != registry.Unlisted || r.Key != registry.HashKey(key) {
		t.Errorf("%+v", r)
	}
}

func TestAPI_CreateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		who, body string
		status    int
	}{
		"nobody":              {"", `{}`, 401},
		"not a dev token":     {"x", `{}`, 401},
		"an empty user":       {"dev:", `{}`, 401},
		"a long user":         {"dev:" + strings.Repeat("u", 257), `{}`, 401},
		"a control character": {"dev:ann", `{"title":"a\u0007b"}`, 422},
		"a line break":        {"dev:ann", `{"title":"a\nb"}`, 422},
		"a long title":        {"dev:ann", `{"title":"` + strings.Repeat("x", 201) + `"}`, 422},
		"a title of 1 MB":     {"dev:ann", `{"title":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		"a number as title":   {"dev:ann", `{"title":5}`, 422},
		"another visibility":  {"dev:ann", `{"visibility":"secret"}`, 422},
		"an unknown field":    {"dev:ann", `{"titel":"x"}`, 422},
		"a path as channel":   {"dev:ann", `{"channel":"../x"}`, 422},
		"a start in the past": {"dev:ann", `{"scheduled_start":"2001-01-01T00:00:00Z"}`, 422},
		"a start in 9999":     {"dev:ann", `{"scheduled_start":"9999-12-31T00:00:00Z"}`, 422},
		"no JSON":             {"dev:ann", `{`, 400},
		"no body":             {"dev:ann", ``, 400},
		"a list":              {"dev:ann", `[]`, 422},
	} {
		t.Run(name, func(t *testing.T) {
			b := openTestAPI(t)
			b.want(c.status, c.who, http.MethodPost, broadcasts, c.body)
			if len(b.records.all) > 0 {
				t.Error("a broadcast was made")
			}
		})
	}
}

func TestAPI_CreateAsksTheRollout(t *testing.T) {
	policy := rollout.Config{Enabled: true, Allow: []string{"ann"}, FallbackURL: "https://example.com/live"}
	b := newTestAPI(t, DefaultConfig(), policy, catalogue{})
	b.want(http.StatusCreated, "dev:ann", http.MethodPost, broadcasts, `{}`)
	if got := b.want(http.StatusForbidden, "dev:bob", http.MethodPost, broadcasts, `{}`); !strings.Contains(got.str("detail"), "may not go live") {
		t.Error(got.text)
	}
	got := b.want(http.StatusOK, "dev:bob", http.MethodGet, "/v1/golive", "")
	want := map[string]any{
		"allowed": false, "reason": "This user is not among the 0 % who may go live.", "reason_code": "SPLIT",
		"variant": "off", "fallback_url": "https://example.com/live",
	}
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Error(diff)
	}
	got = b.want(http.StatusOK, "dev:ann", http.MethodGet, "/v1/golive", "")
	if got.body["allowed"] != true || got.body["fallback_url"] != nil || got.str("variant") != "on" {
		t.Error(got.text)
	}
	b.want(http.StatusUnauthorized, "", http.MethodGet, "/v1/golive", "")
	got = b.want(http.StatusForbidden, "dev:ann", http.MethodGet, "/v1/golive", "", "Golive-User", "bob")
	if want := "only an API key can act for another user with Golive-User"; got.str("detail") != want {
		t.Errorf("for somebody else: %q, want %q", got.str("detail"), want)
	}
}

func TestAPI_ARepeatedRequestMakesNothingTwice(t *testing.T) {
	b := openTestAPI(t)
	create := func(who, body string, status int) answer {
		return b.want(status, who, http.MethodPost, broadcasts, body, "Idempotency-Key", "7d0c")
	}
	first, second := create("dev:ann", `{"title":"a"}`, 201), create("dev:ann", `{"title":"a"}`, 201)
	if first.text != second.text {
		t.Errorf("%s, then %s", first.text, second.text)
	}
	if other := create("dev:bob", `{"title":"a"}`, 201); other.str("id") == first.str("id") || other.str("stream_key") == first.str("stream_key") {
		t.Error("another user got the same broadcast")
	}
	if got := create("dev:ann", `{"title":"b"}`, 409); strings.Contains(got.text, first.str("stream_key")) {
		t.Error("another request was told the key")
	}
	path := broadcasts + "/" + first.str("id") + "/key"
	b.want(200, "dev:ann", http.MethodPost, path, "")
	create("dev:ann", `{"title":"a"}`, 409)
	one, two := b.want(200, "dev:ann", http.MethodPost, path, "", "Idempotency-Key", "x"), b.want(200, "dev:ann", http.MethodPost, path, "", "Idempotency-Key", "x")
	if one.str("stream_key") != two.str("stream_key") {
		t.Error("a repeated rotation made another key")
	}
	if len(b.records.all) != 2 {
		t.Errorf("%d broadcasts", len(b.records.all))
	}
}

func TestAPI_OnlyTheOwnerChangesABroadcast(t *testing.T) {
	type request struct{ method, path, body string }
	requests := []request{
		{"PATCH", "", `{"title":"mine"}`},
		{"POST", "/publish", ""},
		{"POST", "/end", ""},
		{"POST", "/key", ""},
		{"DELETE", "/key", ""},
		{"DELETE", "", ""},
	}
	for _, details := range []registry.Details{{}, {Visibility: registry.Unlisted}, {Visibility: registry.Private}, {Preview: true}} {
		b := newTestAPI(t, withKeys(), rollout.DefaultConfig(), catalogue{})
		record := registry.Broadcast{ID: "b", Owner: "ann", State: registry.Created, Key: "hash", Details: details}
		b.records.put(record)
		status := 403
		if details.Preview || details.Visibility == registry.Private {
			status = 404
			b.want(404, "", "GET", broadcasts+"/b", "")
			b.want(404, serverKey, "GET", broadcasts+"/b", "", "Golive-User", "bob")
			b.want(200, serverKey, "GET", broadcasts+"/b", "")
		}
		for _, r := range requests {
			b.want(401, "", r.method, broadcasts+"/b"+r.path, r.body)
			b.want(status, serverKey, r.method, broadcasts+"/b"+r.path, r.body, "Golive-User", "bob")
			b.want(403, readerKey, r.method, broadcasts+"/b"+r.path, r.body)
			b.want(404, serverKey, r.method, broadcasts+"/other"+r.path, r.body)
		}
		got, _ := b.records.FindBroadcast("b")
		if diff := cmp.Diff(record, got, cmpopts.IgnoreUnexported(registry.Broadcast{})); diff != "" {
			t.Error(diff)
		}
		for _, r := range requests {
			w := b.as(serverKey, r.method, broadcasts+"/b"+r.path, r.body, "Golive-User", "ann")
			if w.Code >= 300 && !(r.path == "/key" && r.method == "POST" && w.Code == 409) {
				t.Errorf("%s %s as the owner: %d %s", r.method, r.path, w.Code, w.Body)
			}
		}
	}
}

func TestAPI_BroadcastFromPreviewToDeletion(t *testing.T) {
	b := openTestAPI(t)
	made := b.want(201, "dev:ann", "POST", broadcasts, `{"preview":true,"title":"a"}`)
	path := broadcasts + "/" + made.str("id")
	if hls := made.body["playback"].(map[string]any)["hls"]; hls != "http://example.com/live/~"+made.str("id")+"/index.m3u8" && !strings.Contains(hls.(string), "/~") {
		t.Errorf("the owner's address has no token: %v", hls)
	}
	b.want(404, "dev:bob", "GET", path, "")
	record, _ := b.records.FindBroadcast(made.str("id"))
	record.State = registry.Live
	b.records.put(record)
	if got := b.want(200, "dev:ann", "GET", path, ""); got.str("state") != "preview" || got.str("owner") != "ann" || strings.Contains(got.text, record.Key) {
		t.Error(got.text)
	}
	if got := b.want(200, "", "GET", broadcasts, ""); strings.Contains(got.text, made.str("id")) {
		t.Error("a preview is listed")
	}
	if got := b.want(200, "dev:ann", "POST", path+"/publish", ""); got.str("state") != "live" {
		t.Error(got.text)
	}
	b.want(200, "dev:ann", "POST", path+"/publish", "")
	got := b.want(200, "dev:bob", "GET", path, "")
	if got.str("state") != "live" || got.body["owner"] != nil || strings.Contains(got.text, "~") {
		t.Error(got.text)
	}
	if got := b.want(200, "", "GET", broadcasts, ""); !strings.Contains(got.text, made.str("id")) || strings.Contains(got.text, "owner") {
		t.Error(got.text)
	}
	if got := b.want(200, "dev:ann", "PATCH", path, `{"title":"b"}`); got.str("title") != "b" || got.str("visibility") != "public" {
		t.Error(got.text)
	}
	b.want(409, "dev:ann", "PATCH", path, `{"scheduled_start":"`+tomorrow()+`"}`)
	b.want(409, "dev:ann", "DELETE", path, "")
	b.want(200, "dev:ann", "POST", path+"/end", "")
	if record, _ = b.records.FindBroadcast(made.str("id")); !record.End || record.State != registry.Live {
		t.Errorf("%+v", record)
	}
	b.want(409, "dev:ann", "POST", path+"/key", "")
	record.State = registry.Ended
	b.records.put(record)
	b.want(200, "dev:ann", "POST", path+"/end", "")
	b.want(204, "dev:ann", "DELETE", path, "")
	if diff := cmp.Diff([]string{made.str("id")}, b.deletions.ids); diff != "" {
		t.Error(diff)
	}
	b.want(404, "dev:ann", "GET", path, "")
}

func TestAPI_EndsAtOnceWhatHasNotBegun(t *testing.T) {
	b := openTestAPI(t)
	made := b.want(201, "dev:ann", "POST", broadcasts, `{}`)
	if got := b.want(200, "dev:ann", "POST", broadcasts+"/"+made.str("id")+"/end", ""); got.str("state") != "ended" || got.body["ended_at"] == nil {
		t.Error(got.text)
	}
	if r, _ := b.records.FindBroadcast(made.str("id")); r.Key != "" {
		t.Error("the stream key is still there")
	}
}

func TestAPI_ChannelsBelongToTheirFirstUser(t *testing.T) {
	b := openTestAPI(t)
	b.want(201, "dev:ann", "POST", broadcasts, `{"channel":"news"}`)
	b.want(201, "dev:ann", "POST", broadcasts, `{"channel":"news"}`)
	b.want(403, "dev:bob", "POST", broadcasts, `{"channel":"news"}`)
}

func TestAPI_RefusesWritesWhileTheRegistryIsAway(t *testing.T) {
	b := openTestAPI(t)
	made := b.want(201, "dev:ann", "POST", broadcasts, `{}`)
	b.records.away = true
	path := broadcasts + "/" + made.str("id")
	for _, r := range [][3]string{{"POST", broadcasts, `{}`}, {"POST", broadcasts, `{"channel":"c"}`}, {"PATCH", path, `{"title":"x"}`}, {"POST", path + "/end", ""}, {"POST", path + "/key", ""}, {"DELETE", path, ""}} {
		if got := b.want(503, "dev:ann", r[0], r[1], r[2]); got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", r[0], r[1])
		}
	}
	b.want(200, "dev:ann", "GET", path, "")
	b.want(200, "dev:ann", "GET", broadcasts, "")
}
