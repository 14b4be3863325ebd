//go:build e2e

package product

import (
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

// The OpenAPI document is valid, and a client that is generated from it creates, changes, ends and
// deletes a broadcast; every response fits the document. See e2e/client.
func TestDocument_GeneratedClientWorks(t *testing.T) {
	s := start(t, openToUsers)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(60*time.Second))
	defer cancel()
	out, err := exec.CommandContext(ctx, "node", "../client/check.mjs", s.URL(""), t.TempDir()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	id := lines[len(lines)-1]
	harness.Until(t, "the log says that "+id+" was deleted", 5*time.Second, func() bool { return s.Logs.Count("broadcast deleted", "broadcast="+id) == 1 })
	user(t, s, "alice").do(http.MethodGet, "/v1/broadcasts/"+id, nil, http.StatusNotFound, nil)
}
