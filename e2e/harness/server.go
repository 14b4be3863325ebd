package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/internal/hlscheck"
)

// Time limits for the start and the stop of golive.
const (
	startTime = 15 * time.Second
	stopTime  = 15 * time.Second
)

// Options configures a Server.
type Options struct {
	// Config is YAML without the ports and the data folder, which the harness sets.
	Config string
	// Program is the path of the binary; empty means the one that Main built.
	Program string
	// Dir is the working directory, which has the data folder; empty means a new one.
	Dir string
}

// Server is a golive with its own data folder and ports, which it keeps over restarts.
type Server struct {
	// Dir is its working directory, with its configuration golive.yaml.
	Dir string
	// RTMP, HTTP and Admin are addresses, HOST:PORT.
	RTMP, HTTP, Admin string
	// Logs holds its output of all runs.
	Logs *Log

	tb      testing.TB
	program string
	process *Process // nil when it is not running
}

// Start starts golive and waits until it is ready. The end of the test stops it, if it is
// running, and checks that it stopped cleanly.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	program, err := filepath.Abs(cmp.Or(o.Program, os.Getenv(binaryVariable))) // it runs in another folder
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{
		Dir: cmp.Or(o.Dir, tb.TempDir()), RTMP: FreeAddress(tb), HTTP: FreeAddress(tb), Admin: FreeAddress(tb), Logs: &Log{},
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

// Run starts golive, for the first time or again, and waits until it is ready.
func (s *Server) Run() {
	s.tb.Helper()
	cmd := exec.Command(s.program, "serve", "--config", s.configFile())
	cmd.Dir = s.Dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOLIVE_") }),
		"GOLIVE_DATA_DIR="+s.Data(), "GOLIVE_INGEST_RTMP_LISTEN="+s.RTMP, "GOLIVE_ORIGIN_LISTEN="+s.HTTP, "GOLIVE_ADMIN_LISTEN="+s.Admin)
	s.process = begin(s.tb, cmd, s.Logs)
	ctx, cancel := context.WithTimeout(s.tb.Context(), Timeout(startTime))
	defer cancel()
	err := Eventually(ctx, 20*time.Millisecond, func() error {
		_, err := Get(ctx, "http://"+s.Admin+"/readyz")
		return err
	})
	if err != nil {
		s.tb.Fatalf("golive is not ready: %v", err)
	}
}

// WaitForIngest waits until golive accepts new publishers.
func (s *Server) WaitForIngest(limit time.Duration) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), Timeout(limit))
	defer cancel()
	err := Eventually(ctx, 50*time.Millisecond, func() error {
		_, err := Get(ctx, "http://"+s.Admin+"/readyz?for=ingest")
		return err
	})
	if err != nil {
		s.tb.Fatalf("golive accepts no publishers: %v", err)
	}
}

func (s *Server) configFile() string { return filepath.Join(s.Dir, "golive.yaml") }

// Data returns golive's data folder.
func (s *Server) Data() string { return filepath.Join(s.Dir, "data") }

// PID returns the id of the running process.
func (s *Server) PID() int { return s.process.PID() }

// Program returns the path of the binary.
func (s *Server) Program() string { return s.program }

// Signal sends golive, which must be running, a signal.
func (s *Server) Signal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.process.cmd.Process.Signal(sig); err != nil {
		s.tb.Errorf("send golive %v: %v", sig, err)
	}
}

// Wait waits until golive exits, and returns nil for exit code 0. It kills it after limit.
func (s *Server) Wait(limit time.Duration) error {
	defer func() { s.process = nil }()
	return s.process.end(Timeout(limit))
}

// Stop stops golive with SIGTERM, and checks that it exits cleanly.
func (s *Server) Stop() {
	s.tb.Helper()
	s.Signal(syscall.SIGTERM)
	if err := s.Wait(stopTime); err != nil {
		s.tb.Errorf("golive did not stop cleanly: %v", err)
	}
}

// Kill kills golive with SIGKILL.
func (s *Server) Kill() {
	s.tb.Helper()
	s.Signal(syscall.SIGKILL)
	// A killed process does not exit cleanly.
	_ = s.Wait(5 * time.Second)
}

// URL returns the URL of a path.
func (s *Server) URL(path string) string { return "http://" + s.HTTP + path }

// WatchURL returns the URL of the watch page of the broadcast id.
func (s *Server) WatchURL(id string) string { return s.URL("/watch/" + id) }

// PlaylistURL returns the URL of the multivariant playlist of the broadcast id.
func (s *Server) PlaylistURL(id string) string { return s.URL("/live/" + id + "/index.m3u8") }

// PlainURL returns the URL of the multivariant playlist in MPEG-TS, which has the segments
// that are archived.
func (s *Server) PlainURL(id string) string { return s.URL("/live/" + id + "/ts.m3u8") }

// MediaURL returns the URL of the media playlist of the source rendition.
func (s *Server) MediaURL(id string) string { return s.URL("/live/" + id + "/source/index.m3u8") }

// PublishURL returns the URL for publishing the broadcast id.
func (s *Server) PublishURL(id string) string { return publishURL(s.RTMP, id) }

func publishURL(address, id string) string { return "rtmp://" + address + "/live/" + id }

// StoredPlaylist returns the text of the broadcast's media playlist on disk.
func (s *Server) StoredPlaylist(id string) string {
	s.tb.Helper()
	text, err := os.ReadFile(filepath.Join(s.Data(), "media", "live", id, "source", "index.m3u8"))
	if err != nil {
		s.tb.Error(err)
	}
	return string(text)
}

// Broadcast is a broadcast in the API.
type Broadcast struct {
	ID      string    `json:"id"`
	State   string    `json:"state"`
	Started time.Time `json:"started_at"`
	// Warnings are for the broadcaster.
	Warnings []struct {
		Code string `json:"code"`
	} `json:"warnings"`
}

// Broadcast gets a broadcast from the API.
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
	ctx, cancel := context.WithTimeout(s.tb.Context(), Timeout(limit))
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

// WaitForPlaylist waits until the multivariant playlist of a broadcast contains text.
func (s *Server) WaitForPlaylist(id, text string, limit time.Duration) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), Timeout(limit))
	defer cancel()
	err := Eventually(ctx, 20*time.Millisecond, func() error {
		got, err := Get(ctx, s.PlaylistURL(id))
		if err == nil && !strings.Contains(string(got), text) {
			err = fmt.Errorf("no %q in\n%s", text, got)
		}
		return err
	})
	if err != nil {
		s.tb.Fatal(err)
	}
}

// Check follows all renditions of a broadcast for d, and fails the test if they break a rule other
// than the excused ones, except by being late.
func (s *Server) Check(id string, d time.Duration, excused ...int) *hlscheck.Report {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), d)
	defer cancel()
	report := hlscheck.Check(ctx, http.DefaultClient, s.PlaylistURL(id))
	if report.Error != "" {
		s.tb.Error(report.Error)
	}
	for _, v := range report.Violations {
		if !Late(v) && !slices.Contains(excused, v.Rule) {
			s.tb.Error(v)
		}
	}
	return report
}
