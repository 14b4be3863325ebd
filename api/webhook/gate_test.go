package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/ingest"
	"golive/internal/publicnet"
	"golive/media"
	"golive/registry"
)

type records map[string]registry.Broadcast

func (r records) FindBroadcast(id string) (registry.Broadcast, bool) {
	b, ok := r[id]
	return b, ok
}

// hub is a PublishHandler that returns itself.
type hub struct{ ids []string }

func (h *hub) Publish(_ context.Context, id string, _ ingest.Publisher) (ingest.Sink, error) {
	h.ids = append(h.ids, id)
	return h, nil
}
func (h *hub) WriteUnit(media.AccessUnit) error { return nil }
func (h *hub) Close(error)                      {}

func admissionOf(url string, timeout time.Duration, policy OnFailure) AdmissionConfig {
	return AdmissionConfig{URL: url, Secret: testSecret, Timeout: timeout, OnFailure: policy, AllowPrivate: true}
}

func newGate(t *testing.T, cfg AdmissionConfig, next ingest.PublishHandler) *Gate {
	t.Helper()
	all := records{"show": {ID: "show", Owner: "user-1", Channel: "news", Key: "hash-of-the-key"}}
	g, err := NewGate(cfg, all, next, discard(), NewMetrics(prometheus.NewRegistry()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.client.http.CloseIdleConnections)
	return g
}

func publisher() ingest.Publisher {
	return ingest.Publisher{Request: ingest.Request{Protocol: "rtmp", Remote: "192.0.2.1:5", Name: "show", Encoder: "obs"}}
}

// longTimeout is not reached unless a test fails.
const longTimeout = time.Minute

func TestGate_AnswersDecide(t *testing.T) {
	long := strings.Repeat("ä", 500)
	for _, test := range []struct {
		status  int
		answer  string
		allow   error // the error when the policy is to allow, and
		deny    error // to deny
		reason  string
		outcome string
	}{
		{200, `{"allowed": true}`, nil, nil, "", admissionAllowed},
		{201, `{"allowed": true, "more": [1]}`, nil, nil, "", admissionAllowed},
		{200, `{"allowed": false}`, ingest.ErrRefused, ingest.ErrRefused, "publishing was refused", admissionRefused},
		{200, `{"allowed": false, "reason": "You are \u001b[31mnot\n on\u202e the list."}`, ingest.ErrRefused, ingest.ErrRefused, "publishing was refused: You are [31mnot on the list.", admissionRefused},
		{200, `{"allowed": false, "reason": "` + long + `"}`, ingest.ErrRefused, ingest.ErrRefused, "publishing was refused: " + long[:maxReason], admissionRefused},
		{200, `{}`, nil, ingest.ErrUnavailable, "", admissionFailed},
		{200, `{"allowed": "true"}`, nil, ingest.ErrUnavailable, "", admissionFailed},
		{200, `yes`, nil, ingest.ErrUnavailable, "", admissionFailed},
		{204, ``, nil, ingest.ErrUnavailable, "", admissionFailed},
		{200, `{"allowed": true, "reason": "` + strings.Repeat("x", 1<<20) + `"}`, nil, ingest.ErrUnavailable, "", admissionFailed},
		{302, `{"allowed": true}`, nil, ingest.ErrUnavailable, "", admissionFailed},
		{403, `{"allowed": true}`, nil, ingest.ErrUnavailable, "", admissionFailed},
		{500, `{"allowed": false}`, nil, ingest.ErrUnavailable, "", admissionFailed},
	} {
		for policy, want := range map[OnFailure]error{Allow: test.allow, Deny: test.deny} {
			r := newReceiver(t)
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ received) {
				w.Header().Set("Location", "http://192.0.2.1/")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.answer))
			}
			next := &hub{}
			g := newGate(t, admissionOf(r.URL, longTimeout, policy), next)
			sink, err := g.Publish(t.Context(), "show", publisher())
			if !errors.Is(err, want) || (err == nil) != (sink == next) || (err == nil) != (len(next.ids) == 1) {
				t.Errorf("%d %.80s, %s: err = %v", test.status, test.answer, policy, err)
			}
			if test.reason != "" && ingest.Describe(&ingest.CutError{Err: err}) != test.reason {
				t.Errorf("%.80s: the encoder is told %q", test.answer, ingest.Describe(&ingest.CutError{Err: err}))
			}
			if testutil.ToFloat64(g.metrics.admissions.WithLabelValues(test.outcome)) != 1 {
				t.Errorf("%d %.80s is not counted as %s", test.status, test.answer, test.outcome)
			}
		}
	}
}

func TestGate_SendsTheRecordAndThePublisher(t *testing.T) {
	r := newReceiver(t)
	g := newGate(t, admissionOf(r.URL, longTimeout, Allow), &hub{})
	for _, id := range []string{"show", "unknown"} {
		if _, err := g.Publish(t.Context(), id, publisher()); err != nil {
			t.Error(err)
		}
	}
	for i, want := range []string{
		`"broadcast_id":"show","channel":"news","owner":"user-1","protocol":"rtmp","remote_address":"192.0.2.1:5","encoder":"obs"}}`,
		`"broadcast_id":"unknown","protocol":"rtmp","remote_address":"192.0.2.1:5","encoder":"obs"}}`,
	} {
		m := r.got[i]
		_, data, _ := strings.Cut(m.text, fmt.Sprintf(`"data":{"id":"%s",`, m.id))
		if diff := cmp.Diff(want, data); diff != "" || m.Type != "broadcast.admission" {
			t.Errorf("%s: %s", m.text, diff)
		}
	}
	if r.got[0].id == r.got[1].id {
		t.Error("two requests have one id")
	}
}

func TestGate_EndpointThatHangsDelaysOnlyItsPublisher(t *testing.T) {
	r := newReceiver(t)
	asked, release := make(chan struct{}), make(chan struct{})
	r.answer = func(w http.ResponseWriter, _ *http.Request, m received) {
		if strings.Contains(m.text, `"slow"`) {
			close(asked)
			<-release
		}
		_, _ = w.Write([]byte(`{"allowed": true}`))
	}
	g := newGate(t, admissionOf(r.URL, longTimeout, Deny), &hub{})
	slow := make(chan error)
	go func() {
		_, err := g.Publish(t.Context(), "slow", publisher())
		slow <- err
	}()
	<-asked
	for range 20 {
		if _, err := g.Publish(t.Context(), "show", publisher()); err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-slow:
		t.Errorf("the slow one did not wait: %v", err)
	default:
	}
	close(release)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

func TestGate_PolicyDecidesAfterATimeout(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	for policy, want := range map[OnFailure]error{Allow: nil, Deny: ingest.ErrUnavailable} {
		_, err := newGate(t, admissionOf(s.URL, 50*time.Millisecond, policy), &hub{}).Publish(t.Context(), "show", publisher())
		if !errors.Is(err, want) {
			t.Errorf("%s: err = %v", policy, err)
		}
	}
	gone, leave := context.WithCancelCause(t.Context())
	leave(ingest.ErrClosing)
	if _, err := newGate(t, admissionOf(s.URL, longTimeout, Allow), &hub{}).Publish(gone, "show", publisher()); !errors.Is(err, ingest.ErrClosing) {
		t.Errorf("a publisher that is evicted: err = %v", err)
	}
}

func TestGate_RefusesAddressesThatAreNotPublic(t *testing.T) {
	cfg := admissionOf("https://localhost:1", longTimeout, Deny)
	cfg.AllowPrivate = false
	g := newGate(t, cfg, &hub{})
	if _, err := g.client.post(t.Context(), "adm_1", nil); !errors.Is(err, publicnet.ErrNotPublic) {
		t.Errorf("the request: err = %v", err)
	}
	if _, err := g.Publish(t.Context(), "show", publisher()); !errors.Is(err, ingest.ErrUnavailable) {
		t.Errorf("err = %v", err)
	}
}
