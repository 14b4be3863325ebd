package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// testAPI is a server that answers in the shapes of the API, and what it was asked.
type testAPI struct {
	*httptest.Server
	asked   []string
	answers map[string][]string // of "METHOD PATH?QUERY", one after the other; the last one stays
	last    func()              // called before the last one; may be nil
}

func newTestAPI(t *testing.T, answers map[string][]string) *testAPI {
	t.Helper()
	a := &testAPI{answers: answers}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := r.Method + " " + r.URL.RequestURI()
		a.asked = append(a.asked, request+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Golive-User"))
		texts := a.answers[request]
		if len(texts) == 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"title":"Not Found","status":404,"detail":"there is no such broadcast"}`)
			return
		}
		if len(texts) > 1 {
			a.answers[request] = texts[1:]
		} else if a.last != nil {
			a.last()
		}
		if texts[0] == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		var problem struct{ Status int }
		if json.Unmarshal([]byte(texts[0]), &problem) == nil && problem.Status >= 400 {
			w.WriteHeader(problem.Status)
		}
		fmt.Fprint(w, texts[0])
	}))
	t.Cleanup(a.Close)
	return a
}

// golive runs a command, and returns what it prints.
func (a *testAPI) golive(ctx context.Context, args ...string) (stdout string, err error) {
	var out, problems bytes.Buffer
	args = append(args, "--url", a.URL+"/")
	err = run(ctx, args, []string{"GOLIVE_TOKEN=server-key"}, &out, &problems)
	return out.String(), err
}

const (
	studioJSON = `{"id":"studio","state":"live","started_at":"2026-01-02T03:04:05Z","ended_at":null,"playlist":"/live/studio/index.m3u8","playlist_ts":"/live/studio/ts.m3u8",` +
		`"replay":null,"poster":null,"storyboard":null,"encoder":"evil\u001b[2Jobs","viewers":3,"storage_error":null,"storage_lag":0,` +
		`"warnings":[{"code":"key_frames_far_apart","text":"8 s apart","since":"2026-01-02T03:04:05Z"}],` +
		`"renditions":[{"name":"source","codecs":"avc1.64001f","width":1280,"height":720,"frame_rate":29.97,"bandwidth":5000000,"average_bandwidth":4500000}],"transcoding":null,` +
		`"title":"A show","channel":"","visibility":"unlisted","test":false,"created_at":"2026-01-02T03:00:00Z","scheduled_start":null,"owner":"alice"}`
	createdJSON = `{"id":"later","state":"created","started_at":null,"ended_at":null,"playlist":"/live/later/index.m3u8","warnings":[],"renditions":[],"title":"","visibility":"public"}`
)

func TestBroadcastsList_ShowsAllPages(t *testing.T) {
	a := newTestAPI(t, map[string][]string{
		"GET /v1/broadcasts?owner=alice":                    {`{"broadcasts":[` + studioJSON + `],"next":"abc"}`},
		"GET /v1/broadcasts?cursor=abc&owner=alice":         {`{"broadcasts":[` + createdJSON + `]}`},
		"GET /v1/broadcasts?owner=alice&state=reconnecting": {`{"broadcasts":[]}`},
	})
	out, err := a.golive(t.Context(), "broadcasts", "list", "--owner", "alice")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	for i, want := range []string{"ID STATE VIEWERS FOR SOURCE OWNER TITLE", "studio live 3", "later created 0 - -"} {
		if got := strings.Join(strings.Fields(lines[i]), " "); !strings.HasPrefix(got, want) {
			t.Errorf("line %d is %q, want %q", i, got, want)
		}
	}
	if !strings.Contains(lines[1], "1280x720 29.97/s 4500 kbit/s") || !strings.HasSuffix(lines[1], "alice  A show") {
		t.Errorf("it shows %s", lines[1])
	}
	if want := "GET /v1/broadcasts?owner=alice Bearer server-key "; a.asked[0] != want {
		t.Errorf("it asked %q, want %q", a.asked[0], want)
	}
	out, err = a.golive(t.Context(), "broadcasts", "list", "--json", "--owner", "alice")
	var page struct{ Broadcasts []struct{ ID string } }
	if err != nil || json.Unmarshal([]byte(out), &page) != nil || len(page.Broadcasts) != 2 || page.Broadcasts[1].ID != "later" {
		t.Errorf("%v: %s", err, out)
	}
	if out, err = a.golive(t.Context(), "broadcasts", "list", "--owner", "alice", "--state", "reconnecting", "--json"); err != nil || !strings.Contains(out, `"broadcasts": []`) {
		t.Errorf("without one: %v: %s", err, out)
	}
}

func TestBroadcastsShow_PrintsNothingThatControlsATerminal(t *testing.T) {
	a := newTestAPI(t, map[string][]string{"GET /v1/broadcasts/studio": {studioJSON}})
	out, err := a.golive(t.Context(), "broadcasts", "show", "studio")
	if err != nil || strings.Contains(out, "\x1b") {
		t.Errorf("%v: %q", err, out)
	}
	for _, want := range []string{"state       live", "owner       alice", "visibility  unlisted", "encoder     evil?[2Jobs", "rendition   source  1280x720", "key_frames_far_apart: 8 s apart"} {
		if !strings.Contains(out, want) {
			t.Errorf("it lacks %q:\n%s", want, out)
		}
	}
	if out, err = a.golive(t.Context(), "broadcasts", "show", "--json", "studio"); err != nil || !strings.Contains(out, `  "id": "studio",`) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestClientCommands_ReportProblems(t *testing.T) {
	a := newTestAPI(t, map[string][]string{
		"POST /v1/broadcasts/studio/end": {`{"status":403,"detail":"this broadcast is somebody else's"}`},
		"POST /v1/broadcasts/studio/key": {`{"status":401,"title":"Unauthorized"}`},
		"GET /v1/golive":                 {`{"status":422,"detail":"validation failed","errors":[{"location":"header","message":"no user"}]}`},
		"GET /v1/broadcasts":             {`<html>`},
		"DELETE /v1/broadcasts/x/key":    {`{"status":502}`},
	})
	for want, args := range map[string][]string{
		"403 Forbidden: this broadcast is somebody else's":             {"broadcasts", "end", "studio"},
		"401 Unauthorized: Unauthorized (set --token or GOLIVE_TOKEN)": {"keys", "rotate", "studio"},
		"422 Unprocessable Entity: validation failed; header no user":  {"user", "may-go-live", "u"},
		"404 Not Found: there is no such broadcast":                    {"broadcasts", "show", "../../other"},
		"the server's answer cannot be read":                           {"broadcasts", "list"},
		"the server answers 502 Bad Gateway":                           {"keys", "revoke", "x"},
	} {
		if out, err := a.golive(t.Context(), args...); err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%v: %v %q, want %q", args, err, out, want)
		}
	}
	if !strings.Contains(strings.Join(a.asked, "\n"), "GET /v1/broadcasts/..%2F..%2Fother ") {
		t.Errorf("it asked %q", a.asked)
	}
	var out, problems bytes.Buffer
	for _, args := range [][]string{{"broadcasts"}, {"broadcasts", "dance"}, {"keys", "list"}, {"broadcasts", "show"}, {"user", "may-go-live"}, {"keys", "rotate", "a", "b"}} {
		if err := run(t.Context(), args, nil, &out, &problems); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"broadcasts", "list", "--url", "localhost:8080"}, nil, &out, &problems); err == nil || !strings.Contains(err.Error(), "is not an http or https URL") {
		t.Errorf("%v", err)
	}
}

func TestKeys_AreShownOnceAndRevoked(t *testing.T) {
	a := newTestAPI(t, map[string][]string{
		"POST /v1/broadcasts/studio/key":   {`{"stream_key":"gl_secret","ingest":{"rtmp":"rtmp://h:1935/live","rtmps":null,"websocket":null,"whip":null}}`},
		"DELETE /v1/broadcasts/studio/key": {""},

		"DELETE /v1/channels/news%2F..%2Fx/key": {""},
	})
	out, err := a.golive(t.Context(), "keys", "rotate", "studio")
	if err != nil || out != "stream key  gl_secret\nrtmp        rtmp://h:1935/live\n" {
		t.Errorf("%v: %q", err, out)
	}
	if out, err = a.golive(t.Context(), "keys", "revoke", "studio"); err != nil || !strings.Contains(out, "the stream key of studio is revoked") {
		t.Errorf("%v: %q", err, out)
	}
	if out, err = a.golive(t.Context(), "keys", "revoke", "@news/../x"); err != nil || !strings.Contains(out, "the stream key of @news/../x is revoked") {
		t.Errorf("of a channel: %v: %q", err, out)
	}
	if out, err = a.golive(t.Context(), "keys", "revoke", "studio", "--json"); err != nil || out != "{}\n" {
		t.Errorf("%v: %q", err, out)
	}
}

func TestMayGoLive_SaysWhy(t *testing.T) {
	a := newTestAPI(t, map[string][]string{
		"GET /v1/golive": {`{"allowed":false,"reason":"This user is not among the 5 % who may go live.","reason_code":"SPLIT","variant":"off","fallback_url":"https://example.com/live"}`},
	})
	out, err := a.golive(t.Context(), "user", "may-go-live", "alice", "--platform", "android")
	if err != nil || out != "may go live  no\nreason       This user is not among the 5 % who may go live.\ncode         SPLIT\nfallback     https://example.com/live\n" {
		t.Errorf("%v: %q", err, out)
	}
	if _, err := a.golive(t.Context(), "user", "may-go-live", "alice", "--token", "dev:admin"); err != nil {
		t.Error(err)
	}
	for i, want := range []string{"GET /v1/golive Bearer server-key alice", "GET /v1/golive Bearer dev:alice alice"} {
		if a.asked[i] != want {
			t.Errorf("it asked %q, want %q", a.asked[i], want)
		}
	}
}

func TestBroadcastsWatch_PrintsEachChangeUntilTheEnd(t *testing.T) {
	reconnecting := strings.Replace(studioJSON, `"live"`, `"reconnecting"`, 1)
	ended := strings.Replace(studioJSON, `"live"`, `"ended"`, 1)
	a := newTestAPI(t, map[string][]string{"GET /v1/broadcasts/studio": {studioJSON, studioJSON, reconnecting, `{"status":503}`, ended}})
	out, err := a.golive(t.Context(), "broadcasts", "watch", "studio", "--interval", "100ms")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); err != nil || len(lines) != 3 ||
		!strings.HasSuffix(lines[0], "studio  live  3 viewers  key_frames_far_apart") || !strings.Contains(lines[1], "reconnecting") || !strings.Contains(lines[2], "ended") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestBroadcastsWatch_FollowsWhatIsLive(t *testing.T) {
	a := newTestAPI(t, map[string][]string{"GET /v1/broadcasts": {
		`{"broadcasts":[` + studioJSON + `]}`, `{"broadcasts":[` + studioJSON + `,` + createdJSON + `]}`, `{"broadcasts":[` + createdJSON + `]}`, `{"broadcasts":[]}`,
	}})
	ctx, cancel := context.WithCancel(t.Context())
	a.last = cancel
	out, err := a.golive(ctx, "broadcasts", "watch", "--interval", "100ms", "--json")
	var states []string
	for line := range strings.Lines(out) {
		var b struct{ ID, State string }
		if err := json.Unmarshal([]byte(line), &b); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		states = append(states, b.ID+" "+b.State)
	}
	if got := strings.Join(states, ", "); err != nil || got != "studio live, later created, studio gone" {
		t.Errorf("%v: %s", err, got)
	}
}
