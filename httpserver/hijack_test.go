package httpserver

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestServer_LeavesHijackedConnectionsAlone upgrades a connection, which is then silent
// for hours, reads more slowly, and sends more than the limits of the server allow.
func TestServer_LeavesHijackedConnectionsAlone(t *testing.T) {
	overBoth(t, func(t *testing.T, open starter) {
		const flood = 4 * inputBurst
		ended := make(chan struct{})
		f := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			defer close(ended)
			w.WriteHeader(http.StatusSwitchingProtocols)
			c, both, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			if line, err := both.ReadString('\n'); err != nil || line != "hello\n" {
				t.Errorf("read %q, want hello: %v", line, err)
			}
			if _, err := io.CopyN(io.Discard, both, flood); err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(c, strings.Repeat("x", 1<<10)); err != nil {
				t.Error(err)
			}
			_ = c.SetReadDeadline(time.Now().Add(time.Minute)) // the handler's own
			if _, err := both.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
		}))
		client := f.dial(t)
		if _, err := io.WriteString(client, "GET /v1/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(client)
		if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("response %v, want 101: %v", r, err)
		}
		<-time.After(12 * time.Hour) // fake time
		if _, err := io.WriteString(client, "hello\n"+strings.Repeat("x", flood)); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if n := testutil.ToFloat64(f.metrics.connections); n != 1 {
			t.Errorf("%v connections are counted, want 1", n)
		}
		if _, err := io.ReadFull(in, make([]byte, 1<<10)); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(io.Discard, in)
		<-ended
		if n := testutil.ToFloat64(f.metrics.slow); n != 0 {
			t.Errorf("%v slow viewers are counted, want 0", n)
		}
		f.close(t)
	})
}
