//go:build e2e && linux

package cost

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
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

// pace is how often each client creates a broadcast in the second part of BenchmarkCreate: 500 a second
// by all, ninety times what a day of 472 thousand broadcasts has.
const pace = 100 * time.Millisecond

// BenchmarkCreate reports how long the creation of a broadcast takes, durable, by 50 clients: without a
// pause, and how many a second that makes, and then at a pace.
func BenchmarkCreate(b *testing.B) {
	tool := filepath.Join(b.TempDir(), "golive")
	harness.Run(b, "go", "build", "-o", tool, "golive/cmd/golive")
	for name, registry := range map[string]func() string{
		"embedded": func() string { return "" },
		"external": func() string { return fmt.Sprintf("registry: { url: %q }\n", harness.StartNATS(b).URL) },
	} {
		b.Run(name, func(b *testing.B) {
			s := harness.Start(b, harness.Options{Program: tool, Config: registry()})
			harness.Until(b, "the registry is connected", 20*time.Second, func() bool { return s.Logs.Count("registry connected") > 0 })
			for range b.N {
				took, all := createAll(b, s, 0)
				paced, _ := createAll(b, s, pace)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(paced[len(paced)*99/100].Microseconds())/1000, "paced-p99-ms")
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(creators*createsEach)/all.Seconds(), "creates/s")
			}
		})
	}
}

// createAll returns how long each creation took, from the shortest, and all together. Each client creates
// one each time that every has passed, or one after the other.
func createAll(b *testing.B, s *harness.Server, every time.Duration) (took []time.Duration, all time.Duration) {
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
	began := time.Now()
	run(createsEach)
	all = time.Since(began)
	took = slices.Concat(each...)
	slices.Sort(took)
	return took, all
}

// creator is a client with one connection. Its requests are written as bytes: it shares the machine with
// the server, and must not take its time.
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
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // it was read
	if err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}
