package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The times in which golive must be ready, and gone.
const (
	startTime = 15 * time.Second
	stopTime  = 15 * time.Second
)

// Options say which golive to run, and how.
type Options struct {
	// Config is YAML. The ports and the data folder are the harness's.
	Config string
	// Program is the path of the golive; empty is the one that Main built.
	Program string
}

// Server is a golive with a data folder and ports of its own, which it keeps when
// it is started again.
type Server struct {
	// Dir is where it works; its configuration is golive.yaml there.
	Dir string
	// RTMP, HTTP and Admin are addresses, HOST:PORT.
	RTMP, HTTP, Admin string
	// Logs is what it wrote in all its lives.
	Logs *Log

	tb      testing.TB
	program string
	process *Process // nil when it is not running
}

// Start runs golive and waits until it is ready. The test's end stops it and checks
// that it stopped cleanly, if it runs then.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	program, err := filepath.Abs(cmp.Or(o.Program, os.Getenv(binaryVariable))) // it runs in another folder
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{
		Dir: tb.TempDir(), RTMP: FreeAddress(tb), HTTP: FreeAddress(tb), Admin: FreeAddress(tb), Logs: &Log{},
		tb: tb, program: program,
	}
	if err := os.WriteFile(s.configFile(), []byte(o.Config), 0o600); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if s.process != nil {
			s.Stop()
		}
		if tb.Failed() {
			tb.Logf("golive's log:\n%s", s.Logs)
		}
	})
	s.Run()
	return s
}

// Run runs golive, for the first time or again, and waits until it is ready.
func (s *Server) Run() {
	s.tb.Helper()
	cmd := exec.Command(s.program, "serve", "--config", s.configFile())
	cmd.Dir = s.Dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOLIVE_") }),
		"GOLIVE_DATA_DIR="+s.Data(), "GOLIVE_INGEST_RTMP_LISTEN="+s.RTMP, "GOLIVE_ORIGIN_LISTEN="+s.HTTP, "GOLIVE_ADMIN_LISTEN="+s.Admin)
	s.process = begin(s.tb, cmd, s.Logs)
	ctx, cancel := context.WithTimeout(s.tb.Context(), Patience(startTime))
	defer cancel()
	err := Eventually(ctx, 20*time.Millisecond, func() error {
		_, err := Get(ctx, "http://"+s.Admin+"/readyz")
		return err
	})
	if err != nil {
		s.tb.Fatalf("golive is not ready: %v", err)
	}
}

func (s *Server) configFile() string { return filepath.Join(s.Dir, "golive.yaml") }

// Data is golive's data folder.
func (s *Server) Data() string { return filepath.Join(s.Dir, "data") }

// PID is the number of the running process.
func (s *Server) PID() int { return s.process.PID() }

// Program is the path of the golive that it runs.
func (s *Server) Program() string { return s.program }

// Signal sends golive, which must be running, a signal.
func (s *Server) Signal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.process.cmd.Process.Signal(sig); err != nil {
		s.tb.Errorf("send golive %v: %v", sig, err)
	}
}

// Wait waits for golive's end: nil is exit code 0. When limit has passed it is
// killed.
func (s *Server) Wait(limit time.Duration) error {
	defer func() { s.process = nil }()
	return s.process.end(Patience(limit))
}

// Stop ends golive as an operator does, and checks that it ends cleanly.
func (s *Server) Stop() {
	s.tb.Helper()
	s.Signal(syscall.SIGTERM)
	if err := s.Wait(stopTime); err != nil {
		s.tb.Errorf("golive did not stop cleanly: %v", err)
	}
}

// Kill ends golive without a chance to say goodbye.
func (s *Server) Kill() {
	s.tb.Helper()
	s.Signal(syscall.SIGKILL)
	// A killed process has no clean end.
	_ = s.Wait(5 * time.Second)
}

// URL is the address of a page, a playlist or the API.
func (s *Server) URL(path string) string { return "http://" + s.HTTP + path }

// WatchURL is the page that plays the broadcast id.
func (s *Server) WatchURL(id string) string { return s.URL("/watch/" + id) }

// PlaylistURL is what a player of the broadcast id opens.
func (s *Server) PlaylistURL(id string) string { return s.URL("/live/" + id + "/index.m3u8") }

// MediaURL is the media playlist of the broadcast's source.
func (s *Server) MediaURL(id string) string { return s.URL("/live/" + id + "/source/index.m3u8") }

// PublishURL is where an encoder sends the broadcast id.
func (s *Server) PublishURL(id string) string { return publishURL(s.RTMP, id) }

func publishURL(address, id string) string { return "rtmp://" + address + "/live/" + id }

// Stored is the text of the broadcast's media playlist on disk.
func (s *Server) Stored(id string) string {
	s.tb.Helper()
	text, err := os.ReadFile(filepath.Join(s.Data(), "media", "live", id, "source", "index.m3u8"))
	if err != nil {
		s.tb.Error(err)
	}
	return string(text)
}

// Broadcast is what the API says of one.
type Broadcast struct {
	ID      string    `json:"id"`
	State   string    `json:"state"`
	Started time.Time `json:"started_at"`
	// Warnings are for the broadcaster.
	Warnings []struct {
		Code string `json:"code"`
	} `json:"warnings"`
}

// Broadcast asks the API.
func (s *Server) Broadcast(ctx context.Context, id string) (b Broadcast, err error) {
	body, err := Get(ctx, s.URL("/v1/broadcasts/"+id))
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(body, &b)
}

// WaitForState waits until the broadcast is in a state.
func (s *Server) WaitForState(id, state string, limit time.Duration) Broadcast {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), Patience(limit))
	defer cancel()
	var b Broadcast
	err := Eventually(ctx, 20*time.Millisecond, func() (err error) {
		if b, err = s.Broadcast(ctx, id); err == nil && b.State != state {
			err = fmt.Errorf("%s is %s, want %s", id, b.State, state)
		}
		return err
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return b
}
