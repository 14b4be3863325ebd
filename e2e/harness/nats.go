package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// NATS is a NATS server with JetStream, in a separate process.
type NATS struct {
	// URL is the value of registry.url.
	URL string

	tb      testing.TB
	program string
	dir     string
	address string
	args    []string
	process *Process
}

// StartNATS builds the server that is also embedded in golive, and runs it.
func StartNATS(tb testing.TB) *NATS {
	tb.Helper()
	n := newNATS(tb, buildNATS(tb))
	n.Run()
	return n
}

// buildNATS returns the path of the server's program.
func buildNATS(tb testing.TB) string {
	tb.Helper()
	program := filepath.Join(os.TempDir(), fmt.Sprintf("golive-nats-%d", os.Getpid()))
	if out, err := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		tb.Fatalf("build the NATS server: %v\n%s", err, out)
	}
	tb.Cleanup(func() { _ = os.Remove(program) })
	return program
}

func newNATS(tb testing.TB, program string) *NATS {
	tb.Helper()
	address := FreeAddress(tb)
	return &NATS{URL: "nats://" + address, tb: tb, program: program, dir: tb.TempDir(), address: address}
}

// Run starts the server, for the first time or again, and waits until it listens.
func (n *NATS) Run() {
	n.tb.Helper()
	host, port, err := net.SplitHostPort(n.address)
	if err != nil {
		n.tb.Fatal(err)
	}
	n.process = Launch(n.tb, nil, append([]string{n.program, "-a", host, "-p", port, "-js", "-sd", n.dir}, n.args...)...)
	err = Eventually(n.tb.Context(), 20*time.Millisecond, func() error {
		conn, err := net.Dial("tcp", n.address)
		if err == nil {
			return conn.Close()
		}
		return err
	})
	if err != nil {
		n.tb.Fatalf("NATS is not ready: %v\n%s", err, n.process.Logs)
	}
}

// Kill kills the server.
func (n *NATS) Kill() { n.process.Kill() }

// Pause stops the server's process: its connections stay open, without any responses.
func (n *NATS) Pause() { n.process.Signal(syscall.SIGSTOP) }

// Resume continues a paused server.
func (n *NATS) Resume() { n.process.Signal(syscall.SIGCONT) }
