package flags

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/internal/setting"
	"golive/rollout"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// provider is a flag service.
type provider struct {
	asked  atomic.Int32
	answer func(w http.ResponseWriter, body string)
	last   atomic.Value
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	body, _ := io.ReadAll(r.Body)
	p.last.Store(fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, r.Header.Get("Authorization")))
	p.answer(w, string(body))
}

func configured(t *testing.T, p *provider) rollout.Config {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	c := rollout.DefaultConfig()
	c.OFREPURL, c.OFREPToken, c.FallbackURL = server.URL, setting.NewSecret("secret"), "https://example.com/"
	return c
}

func value(text string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) { fmt.Fprint(w, text) }
}

func TestFlags_AskTheServiceOnce(t *testing.T) {
	p := &provider{}
	var body string
	p.answer = func(w http.ResponseWriter, b string) {
		body = b
		fmt.Fprint(w, `{"key":"golive","value":true,"reason":"SPLIT","variant":"on"}`)
	}
	f := New(configured(t, p), discard())
	u := rollout.User{ID: "ann", Platform: "ios", Created: time.Unix(0, 0), Followers: 3}
	want := rollout.Decision{Allowed: true, Reason: "SPLIT", Message: "The flag service lets this user go live."}
	for range 3 {
		if diff := cmp.Diff(want, f.Decide(t.Context(), u, false)); diff != "" {
			t.Fatal(diff)
		}
	}
	if p.asked.Load() != 1 || p.last.Load() != "POST /ofrep/v1/evaluate/flags/golive Bearer secret" {
		t.Errorf("asked %d times: %v", p.asked.Load(), p.last.Load())
	}
	var sent map[string]map[string]any
	if err := json.Unmarshal([]byte(body), &sent); err != nil {
		t.Fatal(err)
	}
	expected := map[string]any{"targetingKey": "ann", "platform": "ios", "account_created": "1970-01-01T00:00:00Z", "followers": 3.0}
	if diff := cmp.Diff(expected, sent["context"]); diff != "" {
		t.Error(diff)
	}
}

func TestFlags_TheServiceRefuses(t *testing.T) {
	f := New(configured(t, &provider{answer: value(`{"value":false,"reason":"TARGETING_MATCH"}`)}), discard())
	d := f.Decide(t.Context(), rollout.User{ID: "ann"}, false)
	if d.Allowed || d.FallbackURL != "https://example.com/" || d.Reason != "TARGETING_MATCH" {
		t.Errorf("%+v", d)
	}
}

func TestFlags_GiveTheConfiguredAnswerWhenTheServiceDoesNot(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, string){
		"an error":     func(w http.ResponseWriter, _ string) { w.WriteHeader(500) },
		"no such flag": func(w http.ResponseWriter, _ string) { w.WriteHeader(404) },
		"a redirect": func(w http.ResponseWriter, _ string) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(307)
		},
		"no JSON":       value("yes"),
		"another type":  value(`{"value":"true"}`),
		"no value":      value(`{"reason":"DEFAULT"}`),
		"null":          value(`{"value":null}`),
		"a long answer": value(`{"x":"` + strings.Repeat("x", maxResponse) + `","value":true}`),
		"a cut response": func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"value"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &provider{answer: answer}
			c := configured(t, p)
			for _, allowed := range []bool{false, true} {
				if c.OFREPDefault = rollout.DefaultDeny; allowed {
					c.OFREPDefault = rollout.DefaultAllow
				}
				f := New(c, discard())
				before := p.asked.Load()
				for range 2 {
					if d := f.Decide(t.Context(), rollout.User{ID: "ann"}, false); d.Allowed != allowed || d.Reason != failed {
						t.Errorf("%+v", d)
					}
				}
				if n := p.asked.Load() - before; n != 1 {
					t.Errorf("asked %d times though it does not answer", n)
				}
			}
		})
	}
}

func TestFlags_AHangingServiceDelaysNobodyForLong(t *testing.T) {
	release := make(chan struct{})
	p := &provider{answer: func(http.ResponseWriter, string) { <-release }}
	c := configured(t, p)
	t.Cleanup(func() { close(release) }) // before the service is closed
	f := New(c, discard())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if d := f.Decide(t.Context(), rollout.User{ID: "ann"}, false); d.Allowed {
				t.Errorf("%+v", d)
			}
		})
	}
	all.Wait()
	if n := p.asked.Load(); n > 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestFlags_KillSwitchAndListsOverrideTheService(t *testing.T) {
	p := &provider{answer: value(`{"value":true}`)}
	c := configured(t, p)
	c.Deny, c.Allow = []string{"bob"}, []string{"ann"}
	f := New(c, discard())
	if !f.Decide(t.Context(), rollout.User{ID: "ann"}, false).Allowed || f.Decide(t.Context(), rollout.User{ID: "bob"}, false).Allowed {
		t.Error("the lists are not applied")
	}
	c.Enabled = false
	f.Reload(c)
	if d := f.Decide(t.Context(), rollout.User{ID: "ann"}, true); d.Allowed || d.Reason != rollout.Disabled {
		t.Errorf("%+v", d)
	}
	if p.asked.Load() != 0 {
		t.Error("the service was asked")
	}
}

func TestFlags_WithoutAServiceThePolicyDecides(t *testing.T) {
	c := rollout.DefaultConfig()
	c.Percent = 0
	f := New(c, discard())
	if f.Decide(t.Context(), rollout.User{ID: "ann"}, false).Allowed {
		t.Error("let in at 0 %")
	}
	c.Percent = 100
	f.Reload(c)
	if !f.Decide(t.Context(), rollout.User{ID: "ann"}, false).Allowed {
		t.Error("refused at 100 %")
	}
}
