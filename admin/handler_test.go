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

func TestHandler_ReadyOnlyWhenEveryCheckPasses(t *testing.T) {
	fault := error(nil)
	h := NewHandler(prometheus.NewRegistry(),
		Check{Name: "storage", Probe: func(context.Context) error { return fault }},
		Check{Name: "ingest", Probe: func(context.Context) error { return nil }})
	if w := get(h, "/readyz"); w.Code != 200 || w.Body.String() != "storage: ok\ningest: ok\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	fault = errors.New("disk is full")
	if w := get(h, "/readyz"); w.Code != 503 || w.Body.String() != "storage: disk is full\ningest: ok\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w := get(h, "/healthz"); w.Code != 200 {
		t.Errorf("not alive: %d", w.Code)
	}
}

func TestHandler_ServesMetricsAndProfiles(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "golive_test_things_total", Help: "Things."})
	reg.MustRegister(c)
	c.Inc()
	h := NewHandler(reg)
	if w := get(h, "/metrics"); !strings.Contains(w.Body.String(), "golive_test_things_total 1") {
		t.Errorf("%s", w.Body)
	}
	if w := get(h, "/debug/pprof/"); w.Code != 200 || !strings.Contains(w.Body.String(), "goroutine") {
		t.Errorf("%d", w.Code)
	}
	if w := get(h, "/"); w.Code != 404 {
		t.Errorf("/: %d", w.Code)
	}
}
