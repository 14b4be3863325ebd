package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
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
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"golive/internal/publicnet"
	"golive/internal/setting"
	"golive/registry"
)

// memoryQueue is a Queue of events that are known from the beginning. It repeats failed ones at once.
type memoryQueue []registry.Event

func (q memoryQueue) Consume(ctx context.Context, _ string, _ int, handle func(context.Context, registry.Event) error) error {
	of := map[string][]registry.Event{}
	for _, e := range q {
		of[e.Broadcast.ID] = append(of[e.Broadcast.ID], e)
	}
	var all sync.WaitGroup
	for _, events := range of {
		all.Go(func() {
			for len(events) > 0 && ctx.Err() == nil {
				if handle(ctx, events[0]) == nil {
					events = events[1:]
					continue
				}
				select {
				case <-time.After(time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	all.Wait()
	<-ctx.Done()
	return nil
}

// events returns n events of a broadcast.
func events(id string, n int) memoryQueue {
	var q memoryQueue
	for i := range n {
		t := []registry.EventType{registry.EventCreated, registry.EventLive, registry.EventReconnecting, registry.EventResumed, registry.EventEnded}[min(i, 4)]
		q = append(q, registry.Event{
			ID: fmt.Sprintf("evt_%s_%d", id, i+1), Type: t, Sequence: uint64(i + 1), At: time.Date(2026, 1, 2, 3, 4, 5, i, time.UTC),
			Broadcast: registry.Broadcast{
				ID: id, Owner: "user-1", State: registry.Live, Key: "hash-of-the-key", Generation: 77, End: true,
				Details: registry.Details{Title: "Früh <am> Morgen"}, Times: registry.Times{Created: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
			},
		})
	}
	return q
}

var testSecret = setting.NewSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte("twenty-four bytes or more")))

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// receiver is a server that verifies what it gets.
type receiver struct {
	*httptest.Server
	t      *testing.T
	answer func(w http.ResponseWriter, r *http.Request, m received) // nil accepts all

	mu  sync.Mutex
	got []received // what was answered with 200
	all []received
	new chan struct{} // gets a token for each request
}

type received struct {
	id   string
	text string
	Type string
	Data struct {
		ID        string
		Sequence  int
		Broadcast map[string]any
	}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, new: make(chan struct{}, 10_000)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the client has given up
	}
	verifier, err := standardwebhooks.NewWebhook(testSecret.Reveal())
	if err == nil {
		err = verifier.Verify(body, req.Header)
	}
	m := received{id: req.Header.Get("Webhook-Id"), text: string(body)}
	if err = errors.Join(err, json.Unmarshal(body, &m)); err != nil {
		r.t.Errorf("%v: %s", err, body)
	}
	status := &statusWriter{w, http.StatusOK}
	if r.answer != nil {
		r.answer(status, req, m)
	}
	r.mu.Lock()
	r.all = append(r.all, m)
	if status.status == http.StatusOK {
		r.got = append(r.got, m)
	}
	r.mu.Unlock()
	r.new <- struct{}{}
}

// wait waits until n messages were accepted, and returns all that were.
func (r *receiver) wait(n int) []received {
	r.t.Helper()
	for range r.new {
		r.mu.Lock()
		got := r.got
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
	}
	return nil
}

// deliver runs a Deliverer until the test ends.
func deliver(t *testing.T, q Queue, log *slog.Logger, all ...Config) *Metrics {
	t.Helper()
	m := NewMetrics(prometheus.NewRegistry())
	d, err := NewDeliverer(all, q, log, m)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	return m
}

func private(url string, events ...string) Config {
	return Config{URL: url, Secret: testSecret, AllowPrivate: true, Events: events}
}

func TestDeliverer_ReceiverThatWasDownGetsAllInOrder(t *testing.T) {
	r := newReceiver(t)
	var requests atomic.Int32
	r.answer = func(w http.ResponseWriter, _ *http.Request, m received) {
		if requests.Add(1) <= 30 || m.Data.Sequence%3 == 0 && requests.Load()%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	m := deliver(t, append(events("a", 20), events("b", 20)...), discard(), private(r.URL))
	next := map[string]int{}
	for _, m := range r.wait(40) {
		id, _ := m.Data.Broadcast["id"].(string)
		next[id]++
		if m.Data.Sequence != next[id] || m.id != fmt.Sprintf("evt_%s_%d", id, next[id]) || m.Data.ID != m.id {
			t.Errorf("%s: %+v, want sequence %d", id, m, next[id])
		}
	}
	texts := map[string]string{}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) <= 40 {
		t.Error("nothing was repeated")
	}
	for _, m := range r.all {
		if text, ok := texts[m.id]; ok && text != m.text {
			t.Errorf("%s was repeated with another body", m.id)
		}
		texts[m.id] = m.text
	}
	if len(texts) != 40 {
		t.Errorf("%d ids", len(texts))
	}
	if m.age(time.Now()) != 0 {
		t.Error("an event is still counted as undelivered")
	}
}

func TestDeliverer_SendsTheIssues(t *testing.T) {
	for want, issues := range map[string][]string{`,"issues":["slow_upload","open_gop"],`: {"slow_upload", "open_gop"}, `,"issues":[],`: {}} {
		r, q := newReceiver(t), events("a", 1)
		q[0].Type, q[0].Issues = registry.EventHealth, issues
		deliver(t, q, discard(), private(r.URL))
		if text := r.wait(1)[0].text; !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestDeliverer_SendsPublicFieldsOnly(t *testing.T) {
	r := newReceiver(t)
	deliver(t, events("a", 1), discard(), private(r.URL))
	want := `{"type":"broadcast.created","timestamp":"2026-01-02T03:04:05Z","data":{"id":"evt_a_1","sequence":1,"broadcast":` +
		`{"id":"a","owner":"user-1","title":"Früh \u003cam\u003e Morgen","state":"live","visibility":"public","preview":false,"test":false,"created_at":"2026-01-02T00:00:00Z"}}}`
	if diff := cmp.Diff(want, r.wait(1)[0].text); diff != "" {
		t.Error(diff)
	}
}

func TestDeliverer_FiltersEvents(t *testing.T) {
	r := newReceiver(t)
	deliver(t, events("a", 5), discard(), private(r.URL, "broadcast.live", "broadcast.ended"))
	got := r.wait(2)
	if got[0].Type != "broadcast.live" || got[1].Type != "broadcast.ended" {
		t.Errorf("%+v", got)
	}
}

func TestDeliverer_AddressThatHangsDelaysNoOther(t *testing.T) {
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(release) })
	refusing := httptest.NewServer(nil)
	refusing.Close()
	r := newReceiver(t)
	m := deliver(t, events("a", 20), discard(), private(hanging.URL), private(refusing.URL), private(r.URL))
	r.wait(20)
	host := strings.TrimPrefix(r.URL, "http://")
	for testutil.ToFloat64(m.delivered.WithLabelValues(host)) < 20 { // it is counted after the answer
		<-time.After(time.Millisecond)
	}
}

func TestDeliverer_RefusesAddressesThatAreNotPublic(t *testing.T) {
	for _, url := range []string{"https://localhost:", "https://127.0.0.1:"} { // the first is a name
		t.Run(url, func(t *testing.T) {
			hit := make(chan struct{}, 1)
			s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hit <- struct{}{} }))
			defer s.Close()
			c, err := newClient(endpoint{url: url + s.URL[strings.LastIndexByte(s.URL, ':')+1:], secret: testSecret})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.post(t.Context(), "1", nil); !errors.Is(err, publicnet.ErrNotPublic) || reasonOf(err) != "private_address" {
				t.Errorf("err = %v", err)
			}
			if len(hit) > 0 {
				t.Error("it was connected")
			}
		})
	}
}

func TestDeliverer_FollowsNoRedirect(t *testing.T) {
	var hits atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.RedirectHandler(target.URL, status))
		c, err := newClient(endpoint{url: s.URL, secret: testSecret, allowPrivate: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.post(t.Context(), "1", nil)
		if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != status || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("%d: err = %v", status, err)
		}
		s.Close()
	}
	if hits.Load() > 0 {
		t.Error("a redirect was followed")
	}
}

func TestDeliverer_NeitherURLNorSecretIsLogged(t *testing.T) {
	var out strings.Builder
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	refusing := httptest.NewServer(nil)
	refusing.Close()
	r := newReceiver(t)
	var requests atomic.Int32
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ received) {
		if requests.Add(1) < 20 {
			w.WriteHeader(500)
		}
	}
	deliver(t, events("a", 5), log, private(refusing.URL+"/path-token?query-token"), private(r.URL+"/path-token"))
	r.wait(5)
	mu.Lock()
	defer mu.Unlock()
	for _, secret := range []string{"-token", testSecret.Reveal(), "hash-of-the-key"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s was logged:\n%s", secret, &out)
		}
	}
	if !strings.Contains(out.String(), "event was not delivered") {
		t.Errorf("no warning:\n%s", &out)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestMetrics_AgeIsThatOfTheOldestUndeliveredEvent(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry())
	now := time.Now()
	m.note(undelivered{"a", "1"}, now.Add(-time.Minute), true)
	m.note(undelivered{"b", "1"}, now.Add(-time.Hour), true)
	if age := m.age(now); age != time.Hour {
		t.Errorf("age %v", age)
	}
	m.note(undelivered{"b", "1"}, now.Add(-time.Hour), false)
	if age := m.age(now); age != time.Minute {
		t.Errorf("age %v after the older one was delivered", age)
	}
	if age := m.age(now.Add(time.Hour)); age != 0 {
		t.Errorf("age %v of what is not tried any more", age)
	}
	m.note(undelivered{"a", "1"}, now, true)
	if m.forget("a"); m.age(now.Add(time.Second)) != 0 {
		t.Error("what a stopped consumer waits for is counted")
	}
}
