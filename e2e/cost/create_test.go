//go:build e2e && linux

package cost

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"golive/e2e/harness"
)

const (
	creators     = 50
	createsEach  = 100
	createsFirst = 5 // of each, which are not measured: connections are opened
)

// pace is how often each client creates a broadcast in the second part of BenchmarkCreate: all together
// create 500 a second, ninety times the mean of a day with 472 thousand broadcasts.
const pace = 100 * time.Millisecond

// BenchmarkCreate reports how long the creation of a broadcast takes, durable, by 50 clients: without a
// pause, how many a second that makes, and the CPU time of each in golive and in the clients; and then
// how long it takes at a pace.
func BenchmarkCreate(b *testing.B) {
	tool := filepath.Join(b.TempDir(), "golive")
	harness.Run(b, "go", "build", "-o", tool, "golive/cmd/golive")
	for name, registry := range map[string]func() string{
		"embedded": func() string { return "" },
		"external": func() string { return fmt.Sprintf("registry: { url: %q }\n", harness.StartNATS(b).URL) },
	} {
		b.Run(name, func(b *testing.B) {
			s := harness.Start(b, harness.Options{Program: tool, Config: registry()})
			harness.Until(b, "the records are loaded", 20*time.Second, func() bool { return s.Logs.Count("records loaded") > 0 })
			for range b.N {
				took, all, server, client := createAll(b, s, 0)
				paced, _, _, _ := createAll(b, s, pace)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(paced[len(paced)*99/100].Microseconds())/1000, "paced-p99-ms")
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(len(took))/all.Seconds(), "creates/s")
				b.ReportMetric(server*1e6/float64(len(took)), "server-cpu-µs")
				b.ReportMetric(client*1e6/float64(len(took)), "client-cpu-µs")
			}
		})
	}
}

// createAll returns how long each creation took, the shortest first, how long all took together, and the
// seconds of CPU time of golive and of the clients. Each client creates one broadcast in each
// time of the length every, or, if that is 0, one right after the other.
func createAll(b *testing.B, s *harness.Server, every time.Duration) (took []time.Duration, all time.Duration, server, client float64) {
	clients := make([]*creator, creators)
	for user := range clients {
		clients[user] = dialCreator(b, s, user)
	}
	each := make([][]time.Duration, creators)
	create := func(ctx context.Context, user, n int) error {
		first := time.Now().Add(every * time.Duration(user) / creators)
		for i := range n {
			if every > 0 {
				harness.Pause(ctx, time.Until(first.Add(time.Duration(i)*every)))
			}
			began := time.Now()
			if err := clients[user].create(); err != nil {
				return err
			}
			each[user] = append(each[user], time.Since(began))
		}
		return nil
	}
	run := func(n int) {
		g, ctx := errgroup.WithContext(b.Context())
		for user := range creators {
			g.Go(func() error { return create(ctx, user, n) })
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	run(createsFirst)
	clear(each)
	server, client = -harness.CPUSeconds(b, s.PID()), -harness.CPUSecondsWithChildren(b, os.Getpid())
	began := time.Now()
	run(createsEach)
	all = time.Since(began)
	server, client = server+harness.CPUSeconds(b, s.PID()), client+harness.CPUSecondsWithChildren(b, os.Getpid())
	took = slices.Concat(each...)
	slices.Sort(took)
	return took, all, server, client
}

// creator is a client with one connection. Its requests are written as bytes, and responses are read only
// as far as they must be: it shares the machine with the server, and must not take its time.
type creator struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

func dialCreator(b *testing.B, s *harness.Server, user int) *creator {
	b.Helper()
	conn, err := net.Dial("tcp", s.HTTP)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	const body = `{"title":"Benchmark"}`
	request := fmt.Appendf(nil, "POST /v1/broadcasts HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Authorization: Bearer dev:user-%d\r\nContent-Length: %d\r\n\r\n%s", s.HTTP, user, len(body), body)
	return &creator{conn: conn, in: bufio.NewReader(conn), request: request}
}

// create creates a broadcast.
func (c *creator) create() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	status, length := "", 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		name, value, isField := strings.Cut(strings.TrimSpace(string(line)), ":")
		switch {
		case status == "":
			status = name
		case isField && strings.EqualFold(name, "Content-Length"):
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		case name == "":
			if !strings.HasPrefix(status, "HTTP/1.1 201 ") {
				text, _ := c.in.Peek(length) // as much as there is
				return fmt.Errorf("%s: %s", status, text)
			}
			_, err := c.in.Discard(length)
			return err
		}
	}
}
