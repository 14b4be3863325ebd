//go:build e2e || interop

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

// server is a golive with a data folder and ports of its own, which it keeps when
// it is started again.
type server struct {
	t      *testing.T
	dir    string
	logs   *logBuffer
	cmd    *exec.Cmd
	exited chan error // holds the result of Wait once
	// rtmp, http and admin are addresses, HOST:PORT.
	rtmp, http, admin string
}

// startServer runs golive with the given YAML, on ports and in a folder of its own,
// and waits until it is ready. The test's end stops it and checks that it
// stopped cleanly, if it runs then.
func startServer(t *testing.T, yaml string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), logs: &logBuffer{}, rtmp: freeAddress(t), http: freeAddress(t), admin: freeAddress(t)}
	if err := os.WriteFile(filepath.Join(s.dir, "golive.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(func() {
		if s.cmd != nil {
			s.signal(syscall.SIGTERM)
			if err := s.wait(15 * time.Second); err != nil {
				t.Errorf("golive did not stop cleanly: %v", err)
			}
		}
		if t.Failed() {
			t.Logf("golive's log:\n%s", s.logs)
		}
	})
	return s
}

// start runs golive, for the first time or again.
func (s *server) start() {
	s.t.Helper()
	// Not CommandContext with the test's context: that one is cancelled before
	// Cleanup, and would kill what should stop by itself.
	s.cmd = exec.Command(os.Getenv(binaryVariable), "serve", "--config", filepath.Join(s.dir, "golive.yaml"))
	s.cmd.Dir = s.dir
	s.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOLIVE_") }),
		"GOLIVE_DATA_DIR="+s.data(), "GOLIVE_INGEST_RTMP_LISTEN="+s.rtmp, "GOLIVE_ORIGIN_LISTEN="+s.http, "GOLIVE_ADMIN_LISTEN="+s.admin)
	s.cmd.Stdout, s.cmd.Stderr = s.logs, s.logs
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan error, 1)
	go func() { s.exited <- s.cmd.Wait() }()
	ctx, cancel := context.WithTimeout(s.t.Context(), 15*time.Second)
	defer cancel()
	err := eventually(ctx, 20*time.Millisecond, func() error {
		_, err := get(ctx, "http://"+s.admin+"/readyz")
		return err
	})
	if err != nil {
		s.t.Fatalf("golive is not ready: %v\n%s", err, s.logs)
	}
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Errorf("send golive %v: %v", sig, err)
	}
}

// wait waits for golive's end: nil is exit code 0. When limit has passed it is
// killed.
func (s *server) wait(limit time.Duration) error {
	s.t.Helper()
	defer func() { s.cmd = nil }()
	killer := time.AfterFunc(limit, func() { _ = s.cmd.Process.Kill() })
	err := <-s.exited
	if !killer.Stop() {
		return fmt.Errorf("killed after %v: %w", limit, err)
	}
	return err
}

// kill ends golive without a chance to say goodbye.
func (s *server) kill() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	// A killed process has no clean end.
	_ = s.wait(5 * time.Second)
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// stored is the text of the broadcast's media playlist on disk.
func (s *server) stored(id string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data(), "media", "live", id, "source", "index.m3u8"))
	if err != nil {
		s.t.Error(err)
	}
	return string(text)
}

func (s *server) watchURL(id string) string { return "http://" + s.http + "/watch/" + id }

func (s *server) playlistURL(id string) string {
	return "http://" + s.http + "/live/" + id + "/index.m3u8"
}

// publishURL is where an encoder sends the broadcast id.
func (s *server) publishURL(id string) string { return "rtmp://" + s.rtmp + "/live/" + id }

// broadcast is what the API says of one.
type broadcast struct {
	ID      string    `json:"id"`
	State   string    `json:"state"`
	Started time.Time `json:"started_at"`
}

func (s *server) broadcast(ctx context.Context, id string) (b broadcast, err error) {
	body, err := get(ctx, "http://"+s.http+"/v1/broadcasts/"+id)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(body, &b)
}

// waitForState waits until the broadcast is in a state.
func (s *server) waitForState(id, state string, limit time.Duration) broadcast {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	var b broadcast
	err := eventually(ctx, 20*time.Millisecond, func() (err error) {
		if b, err = s.broadcast(ctx, id); err == nil && b.State != state {
			err = fmt.Errorf("%s is %s, want %s", id, b.State, state)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// get fetches url; any answer but 200 is an error.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return body, err
}

// logBuffer collects a process's output.
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

// count is how many lines hold all the words.
func (l *logBuffer) count(words ...string) (n int) {
	for line := range strings.Lines(l.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
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
