package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Purpose is what a node may be ready for.
type Purpose string

// The purposes, as the query of /readyz has them.
const (
	// ForIngest means accepting new publishers.
	ForIngest Purpose = "ingest"
	// ForViewers means serving viewers.
	ForViewers Purpose = "viewers"
)

// Check is a condition of being ready.
type Check struct {
	// Name is what is checked: "storage".
	Name string
	// For is the purpose for which the node is not ready when the check fails; empty means all.
	For Purpose
	// Advisory means that a failure is shown but leaves the node ready.
	Advisory bool
	// Probe returns an error if the check fails.
	Probe func(ctx context.Context) error
}

// probeTimeout bounds all checks of one request.
const probeTimeout = 3 * time.Second

// serveReady answers /readyz?for=PURPOSE. The default is ForViewers.
func serveReady(checks []Check) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		purpose := ForViewers
		if v := r.URL.Query()["for"]; len(v) > 0 {
			purpose = Purpose(v[0])
		}
		if purpose != ForIngest && purpose != ForViewers {
			reply(w, http.StatusBadRequest, "for must be ingest or viewers\n")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		status, text := ready(ctx, purpose, checks)
		reply(w, status, text)
	}
}

// ready runs the checks for the purpose and returns a line for each.
func ready(ctx context.Context, purpose Purpose, checks []Check) (status int, text string) {
	var b strings.Builder
	status = http.StatusOK
	for _, c := range checks {
		if c.For != "" && c.For != purpose {
			continue
		}
		if err := c.Probe(ctx); err != nil {
			if !c.Advisory {
				status = http.StatusServiceUnavailable
			}
			fmt.Fprintf(&b, "%s: %v\n", c.Name, err)
			continue
		}
		fmt.Fprintf(&b, "%s: ok\n", c.Name)
	}
	return status, b.String()
}
