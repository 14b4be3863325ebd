//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a running golive with a data folder and ports of its own.
type server struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	logs *logBuffer
	// rtmp, http and admin are addresses, HOST:PORT.
	rtmp, http, admin string
}

// startServer runs golive with the given YAML after the part that sets ports and
// folder, and waits until it is ready. The test's end stops it and checks that
// it stopped cleanly.
func startServer(t *testing.T, yaml string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), logs: &logBuffer{}, rtmp: freeAddress(t), http: freeAddress(t), admin: freeAddress(t)}
	config := filepath.Join(s.dir, "golive.yaml")
	text := fmt.Sprintf("data_dir: %q\ningest: { rtmp: { listen: %q } }\norigin: { listen: %q }\nadmin: { listen: %q }\n%s",
		filepath.Join(s.dir, "data"), s.rtmp, s.http, s.admin, yaml)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Not CommandContext with the test's context: that one is cancelled before
	// Cleanup, and would kill what should stop by itself.
	s.cmd = exec.Command(os.Getenv(binaryVariable), "serve", "--config", config)
	s.cmd.Dir = s.dir
	s.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOLIVE_") })
	s.cmd.Stdout, s.cmd.Stderr = s.logs, s.logs
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := eventually(ctx, 50*time.Millisecond, func() error { return s.ready(ctx) }); err != nil {
		t.Fatalf("golive is not ready: %v\n%s", err, s.logs)
	}
	return s
}

func (s *server) ready(ctx context.Context) error {
	return status(ctx, "http://"+s.admin+"/readyz")
}

// url is the address of a page, a playlist or the API.
func (s *server) url(path string) string { return "http://" + s.http + path }

// publishURL is where an encoder sends the broadcast id.
func (s *server) publishURL(id string) string { return "rtmp://" + s.rtmp + "/live/" + id }

// stopTime is how long golive may take to stop.
const stopTime = 15 * time.Second

func (s *server) stop() {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("stop golive: %v\n%s", err, s.logs)
	}
	killer := time.AfterFunc(stopTime, func() { _ = s.cmd.Process.Kill() })
	err := s.cmd.Wait()
	if !killer.Stop() || err != nil {
		s.t.Errorf("golive did not stop cleanly within %v: %v", stopTime, err)
	}
	if s.t.Failed() {
		s.t.Logf("golive's log:\n%s", s.logs)
	}
}

// logBuffer collects a process's output for the failure message.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}

// status is nil when url answers 200.
func status(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// eventually calls try until it gives nil, and gives its last error when ctx ends
// first.
func eventually(ctx context.Context, every time.Duration, try func() error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
