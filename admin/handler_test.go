package admin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestHandler_IsReadyWhenAllChecksOfThePurposePass(t *testing.T) {
	var full, stopping error
	h := NewHandler(prometheus.NewRegistry(),
		Check{Name: "server", Probe: func(context.Context) error { return stopping }},
		Check{Name: "storage", For: ForIngest, Probe: func(context.Context) error { return full }})
	check := func(path string, status int, text string) {
		t.Helper()
		if w := get(h, path); w.Code != status || w.Body.String() != text {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Body, status, text)
		}
	}
	check("/readyz", 200, "server: ok\n")
	check("/readyz?for=viewers", 200, "server: ok\n")
	check("/readyz?for=ingest", 200, "server: ok\nstorage: ok\n")
	full = errors.New("disk is full")
	check("/readyz", 200, "server: ok\n")
	check("/readyz?for=viewers", 200, "server: ok\n")
	check("/readyz?for=ingest", 503, "server: ok\nstorage: disk is full\n")
	stopping = errors.New("stopping")
	check("/readyz", 503, "server: stopping\n")
	check("/readyz?for=ingest", 503, "server: stopping\nstorage: disk is full\n")
	check("/readyz?for=everything", 400, "for must be ingest or viewers\n")
	check("/readyz?for=", 400, "for must be ingest or viewers\n")
	check("/healthz", 200, "ok\n")
}

func TestHandler_StaysReadyWhenAnAdvisoryCheckFails(t *testing.T) {
	h := NewHandler(prometheus.NewRegistry(),
		Check{Name: "bucket", Advisory: true, Probe: func(context.Context) error { return errors.New("no answer") }})
	for _, path := range []string{"/readyz", "/readyz?for=ingest"} {
		if w := get(h, path); w.Code != 200 || w.Body.String() != "bucket: no answer\n" {
			t.Errorf("%s: %d %q, want 200 with the error", path, w.Code, w.Body)
		}
	}
}

func TestHandler_ServesMetricsAndProfiles(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "golive_test_things_total", Help: "Things."})
	reg.MustRegister(c)
	c.Inc()
	h := NewHandler(reg)
	if w := get(h, "/metrics"); !strings.Contains(w.Body.String(), "golive_test_things_total 1") {
		t.Errorf("/metrics has no golive_test_things_total:\n%s", w.Body)
	}
	if w := get(h, "/debug/pprof/"); w.Code != 200 || !strings.Contains(w.Body.String(), "goroutine") {
		t.Errorf("/debug/pprof/: %d, want 200 and a list of profiles", w.Code)
	}
	if w := get(h, "/"); w.Code != 404 {
		t.Errorf("/: %d, want 404", w.Code)
	}
}
