//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a server in a process of its own.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	http     string // its address
	rtmp     string
	admin    string
	log      io.Closer   // the reader's end of its log
	lines    chan string // of its log
	ended    chan struct{}
	endError error
}

// yaml returns a configuration on free ports.
func yaml(dataDir, more string) string {
	return fmt.Sprintf(`data_dir: %q
log: { format: json }
ingest: { rtmp: { listen: "127.0.0.1:0" } }
origin: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
%s
`, dataDir, more)
}

// serveCommand returns golive serve with a configuration.
func serveCommand(t *testing.T, config string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(t.TempDir(), "golive.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.Command("golive", "serve", "--config", file)
}

// startProcess starts a server whose log goes through a pipe, and waits until it serves.
func startProcess(t *testing.T, config string) *process {
	t.Helper()
	p := &process{t: t, cmd: serveCommand(t, config), lines: make(chan string, 1000), ended: make(chan struct{})}
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
		p.endError = p.cmd.Wait()
		close(p.ended)
	}()
	p.log = out
	var started struct{ HTTP, RTMP, Admin string }
	if err := json.Unmarshal([]byte(p.waitFor("golive started")), &started); err != nil {
		t.Fatal(err)
	}
	p.http, p.rtmp, p.admin = started.HTTP, started.RTMP, started.Admin
	return p
}

// waitFor returns the next line of the log that holds text.
func (p *process) waitFor(text string) string {
	p.t.Helper()
	var seen []string
	for timeout := time.After(patience); ; {
		select {
		case line, ok := <-p.lines:
			if seen = append(seen, line); strings.Contains(line, text) {
				return line
			}
			if !ok {
				p.t.Fatalf("the log ended without %q:\n%s", text, strings.Join(seen, "\n"))
			}
		case <-timeout:
			p.t.Fatalf("no %q in the log:\n%s", text, strings.Join(seen, "\n"))
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%s: %v", s, err)
	}
}

// exit waits for the end of the process and returns its exit code, -1 for a signal.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatal("the server did not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// get returns the body of an HTTP response.
func get(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(answer.Body)
	return string(text), errors.Join(err, answer.Body.Close())
}

func (p *process) metrics() string {
	p.t.Helper()
	text, err := get(p.t.Context(), "http://"+p.admin+"/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

func TestRow77_OtherSignalsDoNotEndTheServer(t *testing.T) {
	t.Parallel()
	p := startProcess(t, yaml(t.TempDir(), ""))
	p.signal(syscall.SIGHUP)
	p.waitFor("configuration is unchanged")
	for s, name := range map[syscall.Signal]string{syscall.SIGUSR1: "SIGUSR1", syscall.SIGUSR2: "SIGUSR2"} {
		p.signal(s)
		if line := p.waitFor("signal ignored"); !strings.Contains(line, name) || !strings.Contains(line, "copytruncate") {
			t.Errorf("at %s the log says %s", name, line)
		}
	}
	for _, s := range []syscall.Signal{syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGIO, syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGWINCH, syscall.SIGCHLD, syscall.SIGURG} {
		p.signal(s)
	}
	if _, err := get(t.Context(), "http://"+p.http+"/v1/broadcasts"); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGHUP) // nor while it ends
	p.waitFor("golive stopped")
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d: %v", code, p.endError)
	}
}

func TestServe_ReloadsWithoutDisconnectingAPublisher(t *testing.T) {
	t.Parallel()
	before := yaml(t.TempDir(), "")
	after := strings.NewReplacer(
		"format: json", "format: json, level: debug",
		"ingest: {", "ingest: { publish: { open: false, keys: [ { id: stage, key: hunter2hunter2 } ] },",
	).Replace(before)
	p := startProcess(t, before)
	publish := func(name string) {
		c := exec.Command("golive", "publish", "rtmp://"+p.rtmp+"/live/"+name)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	}
	publish("studio")
	p.waitFor("broadcast started")
	file := p.cmd.Args[len(p.cmd.Args)-1]
	if err := os.WriteFile(file, []byte(after), 0o600); err != nil {
		t.Fatal(err)
	}
	line := p.waitFor("configuration reloaded")
	if !strings.Contains(line, "log.level ingest.publish.open ingest.publish.keys") || strings.Contains(line, "hunter") {
		t.Errorf("the log says %s", line)
	}
	publish("refused")
	p.waitFor("connection refused")
	publish("hunter2hunter2")
	p.waitFor("publisher admitted") // which is logged at level debug
	if text, err := get(t.Context(), "http://"+p.http+"/v1/broadcasts"); err != nil || !strings.Contains(text, `"id":"studio","state":"live"`) {
		t.Errorf("the first broadcast is not live any more: %s, %v", text, err)
	}
}

// mayGoLiveWithin asks the API until it gives the answer.
func mayGoLiveWithin(p *process, allowed string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	for {
		var out strings.Builder
		err := run(ctx, []string{"user", "may-go-live", "alice", "--url", "http://" + p.http}, nil, &out, io.Discard)
		if err == nil && strings.HasPrefix(strings.TrimPrefix(out.String(), "may go live  "), allowed+"\n") {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%q, %w", out.String(), err)
		}
	}
}

func TestServe_TheKillSwitchOfTheFileRefusesEverybody(t *testing.T) {
	t.Parallel()
	before := yaml(t.TempDir(), "")
	p := startProcess(t, before)
	if err := mayGoLiveWithin(p, "yes", patience); err != nil {
		t.Fatal(err)
	}
	file := p.cmd.Args[len(p.cmd.Args)-1]
	for _, c := range []struct{ more, allowed string }{
		{"rollout: { enabled: false }\n", "no"},
		{"rollout: { percent: 0, allow: [alice] }\n", "yes"},
	} {
		if err := os.WriteFile(file, []byte(before+c.more), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := mayGoLiveWithin(p, c.allowed, patience); err != nil {
			t.Errorf("%s: %v", c.more, err)
		}
	}
}

func TestServe_SecondSignalEndsItAtOnce(t *testing.T) {
	t.Parallel()
	p := startProcess(t, yaml(t.TempDir(), ""))
	publish := exec.Command("golive", "publish", "rtmp://"+p.rtmp+"/live/studio")
	if err := publish.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publish.Process.Kill(); _ = publish.Wait() })
	p.waitFor("broadcast started")
	p.signal(syscall.SIGTERM) // the publisher, and then the players, are given seconds
	p.waitFor("golive stopping")
	for again := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case <-p.ended:
			if !p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
				t.Errorf("ended with %v, want by the signal", p.cmd.ProcessState)
			}
			return
		case <-again.C:
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
	}
}

// The logs of this test cannot be written, so the server listens at addresses that need not be
// read from them.
func TestRow78_ServerContinuesWithoutTheReaderOfItsLog(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs addresses of its own on the loopback network")
	}
	for i, test := range []struct {
		name  string
		spoil func(t *testing.T, cmd *exec.Cmd)
	}{
		{"reader has gone", func(t *testing.T, cmd *exec.Cmd) {
			r, w := pipe(t)
			_ = r.Close()
			cmd.Stdout, cmd.Stderr = w, w
		}},
		{"reader has stopped", func(t *testing.T, cmd *exec.Cmd) {
			_, w := pipe(t)
			_ = w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			for {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					break // it is full
				}
			}
			cmd.Stdout, cmd.Stderr = w, w
		}},
		{"disk is full", func(t *testing.T, cmd *exec.Cmd) {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() { _ = full.Close() })
			cmd.Stdout, cmd.Stderr = full, full
		}},
		{"closed", func(_ *testing.T, cmd *exec.Cmd) {
			cmd.Args = append([]string{"sh", "-c", `exec "$0" "$@" <&- >&- 2>&-`}, cmd.Args...)
			cmd.Path = "/bin/sh"
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			host := fmt.Sprintf("127.%d.%d.%d", os.Getpid()>>8&0xff, os.Getpid()&0xff, 2+i)
			cmd := serveCommand(t, strings.ReplaceAll(yaml(t.TempDir(), ""), `origin: { listen: "127.0.0.1:0" }`, `origin: { listen: "`+host+`:20780" }`))
			test.spoil(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			for deadline := time.After(patience); ; {
				_, err := get(t.Context(), "http://"+host+":20780/v1/broadcasts")
				if err == nil {
					break
				}
				select {
				case err := <-ended:
					t.Fatalf("the server ended: %v", err)
				case <-deadline:
					t.Fatal(err)
				case <-time.After(20 * time.Millisecond):
				}
			}
			_ = cmd.Process.Signal(syscall.SIGTERM)
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the server ended with %v", err)
				}
			case <-time.After(patience):
				t.Error("the server did not end")
			}
		})
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	return r, w
}

func TestRow78_ServerCountsLostLinesWhenTheReaderOfItsLogGoesAway(t *testing.T) {
	t.Parallel()
	p := startProcess(t, yaml(t.TempDir(), ""))
	_ = p.log.Close()
	p.signal(syscall.SIGHUP) // it has something to log
	for deadline := time.After(patience); strings.Contains(p.metrics(), "\ngolive_log_lost_lines_total 0\n"); {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("no lost line is counted")
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d: %v", code, p.endError)
	}
}

// Other commands end when their output is not read any more, as filters do.
func TestRow78_OtherCommandsEndWithTheirReader(t *testing.T) {
	t.Parallel()
	r, w := pipe(t)
	_ = r.Close()
	cmd := exec.Command("golive", "help")
	cmd.Stdout = w
	var ended *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE {
		t.Errorf("it ended with %v, want SIGPIPE", err)
	}
}

func TestRow79_SecondProcessOnAFolderIsRefusedAndTheFirstNamed(t *testing.T) {
	for name, test := range map[string]struct{ first, second func(folder string) string }{
		"disk": {func(f string) string { return yaml(f, "") }, func(f string) string { return yaml(f, "") }},
		"disk, by another path": {
			func(f string) string { return yaml(f, "") },
			func(f string) string {
				link := f + "-link"
				if err := os.Symlink(f, link); err != nil {
					t.Fatal(err)
				}
				return yaml(link, "")
			},
		},
		"s3": {
			func(f string) string { return yaml(f, unreachableBucket) },
			func(f string) string { return yaml(f, unreachableBucket) },
		},
		"spool": {
			func(f string) string {
				return yaml(f+"-a", strings.ReplaceAll(unreachableBucket, "spool: {}", "spool: { path: "+f+" }"))
			},
			func(f string) string {
				return yaml(f+"-b", strings.ReplaceAll(unreachableBucket, "spool: {}", "spool: { path: "+f+" }"))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "data")
			first := startProcess(t, test.first(folder))
			config := test.second(folder)
			out, err := serveCommand(t, config).CombinedOutput()
			if want := fmt.Sprintf("process %d on", first.cmd.Process.Pid); err == nil || !strings.Contains(string(out), want) {
				t.Errorf("the second: %v; %s\nwant it refused, with %q", err, out, want)
			}
			// A command that only reads the configuration is not refused.
			second := serveCommand(t, config)
			if out, err := exec.Command("golive", "check-config", second.Args[len(second.Args)-1]).CombinedOutput(); err != nil {
				t.Errorf("check-config: %v: %s", err, out)
			}
			// A lock does not outlive its process.
			_ = first.cmd.Process.Kill()
			<-first.ended
			startProcess(t, config)
		})
	}
}

// While a required bucket is unavailable, a broadcast that waits to be continued can be
// published.
func TestServe_StartsWithoutARequiredBucketWhereThereIsABroadcastToRecover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	required := yaml(dir, strings.ReplaceAll(unreachableBucket, "secret_key: b", "secret_key: b, required: true"))
	if out, err := serveCommand(t, required).CombinedOutput(); err == nil || !strings.Contains(string(out), "storage.s3.required: false starts without it") {
		t.Fatalf("with nothing to recover: %v; %s", err, out)
	}
	first := startProcess(t, yaml(dir, unreachableBucket))
	publish := exec.Command("golive", "publish", "rtmp://"+first.rtmp+"/live/studio")
	if err := publish.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publish.Process.Kill(); _ = publish.Wait() })
	for deadline := time.After(patience); !recorded(t, dir); {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("no segment is recorded")
		}
	}
	_ = first.cmd.Process.Kill()
	<-first.ended
	startProcess(t, required)
}

// recorded reports whether a log in the spool has a segment.
func recorded(t *testing.T, dir string) bool {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(dir, "spool/live/studio/log-*/*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if text, err := os.ReadFile(page); err == nil && strings.Contains(string(text), `"kind":"segment"`) {
			return true
		}
	}
	return false
}

// unreachableBucket is a bucket at a port without a listener; golive starts
// without it.
const unreachableBucket = `storage:
  backend: s3
  spool: {}
  s3: { provider: minio, endpoint: "http://127.0.0.1:1", bucket: clips, access_key: a, secret_key: b }
`
