package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golive/api/auth"
	"golive/internal/setting"
	"golive/rollout"
)

// decider is a Rollout with a fixed policy.
type decider struct{ policy *rollout.Policy }

func (d decider) Decide(_ context.Context, u rollout.User, wasIn bool) rollout.Decision {
	return d.policy.Decide(u, wasIn, time.Now())
}

// deletions is a Media that notes what is deleted.
type deletions struct {
	ids []string
	err error
}

func (d *deletions) Delete(_ context.Context, id string) error {
	if d.err == nil {
		d.ids = append(d.ids, id)
	}
	return d.err
}

type plainSigner struct{}

func (plainSigner) Sign(id string, _ int, _ time.Time) string { return "~" + id }

// testAPI is an API with records in memory.
type testAPI struct {
	http.Handler

	t         *testing.T
	api       *API
	records   *records
	deletions *deletions
}

const (
	serverKey = "a-server-key-of-more-than-32-characters"
	readerKey = "a-reader-key-of-more-than-32-characters"
)

// withKeys returns a configuration with API keys.
func withKeys() Config {
	c := DefaultConfig()
	c.Open = false
	c.Keys = []auth.KeyConfig{
		{ID: "backend", Key: setting.NewSecret(serverKey), Scopes: []string{"broadcasts:read", "broadcasts:write", "golive:read"}},
		{ID: "reader", Key: setting.NewSecret(readerKey), Scopes: []string{"broadcasts:read"}},
	}
	return c
}

func newTestAPI(t *testing.T, c Config, policy rollout.Config, d Directory) *testAPI {
	t.Helper()
	b := &testAPI{t: t, records: newRecords(), deletions: &deletions{}}
	mux := http.NewServeMux()
	a, err := Register(mux, c, Parts{
		Server:    Server{Version: "test", Ingest: Ingest{RTMP: 1935, WebSocket: true}},
		Directory: d, Records: b.records, Rollout: decider{rollout.New(policy)}, Media: b.deletions, Signer: plainSigner{},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Handler, b.api = mux, a
	return b
}

// openTestAPI returns an API in open mode, in which everybody may go live.
func openTestAPI(t *testing.T) *testAPI {
	t.Helper()
	return newTestAPI(t, DefaultConfig(), rollout.DefaultConfig(), catalogue{})
}

// as sends a request with credentials, which may be empty, and further headers.
func (b *testAPI) as(who, method, path, body string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// want sends a request and checks the status, and that a refusal is a problem.
func (b *testAPI) want(status int, who, method, path, body string, header ...string) answer {
	b.t.Helper()
	w := b.as(who, method, path, body, header...)
	if w.Code != status {
		b.t.Fatalf("%s %s as %q: %d %s, want %d", method, path, who, w.Code, w.Body, status)
	}
	if kind := w.Header().Get("Content-Type"); status >= 400 && kind != "application/problem+json" {
		b.t.Errorf("%s %s: a refusal of type %q", method, path, kind)
	}
	got := answer{header: w.Header(), text: w.Body.String()}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &got.body); err != nil {
			b.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
	return got
}

type answer struct {
	header http.Header
	body   map[string]any
	text   string
}

func (a answer) str(key string) string {
	s, _ := a.body[key].(string)
	return s
}
