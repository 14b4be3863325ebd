package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that must be well for the server to be ready.
type Check struct {
	// Name says what is checked: "storage".
	Name string
	// Probe returns what is wrong; nil when all is well.
	Probe func(ctx context.Context) error
}

// probeTimeout bounds all checks of one request.
const probeTimeout = 3 * time.Second

// NewHandler serves /healthz, /readyz, /metrics and /debug/pprof/.
func NewHandler(metrics prometheus.Gatherer, checks ...Check) http.Handler {
	mux := http.NewServeMux()
	// Alive is whoever answers.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		status, text := ready(ctx, checks)
		reply(w, status, text)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ready runs the checks and says what each found, a line each.
func ready(ctx context.Context, checks []Check) (status int, text string) {
	var b strings.Builder
	status = http.StatusOK
	for _, c := range checks {
		if err := c.Probe(ctx); err != nil {
			status = http.StatusServiceUnavailable
			fmt.Fprintf(&b, "%s: %v\n", c.Name, err)
			continue
		}
		fmt.Fprintf(&b, "%s: ok\n", c.Name)
	}
	return status, b.String()
}

func reply(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client may have left; there is nothing to do about it.
	_, _ = w.Write([]byte(text))
}
