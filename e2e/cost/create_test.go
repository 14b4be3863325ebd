//go:build e2e && linux

package cost

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
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

// BenchmarkCreate reports how long the creation of a broadcast takes, durable, by 50 clients who wait
// for each answer, and how many a second that makes.
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
				took, all := createAll(b, s.URL("/v1/broadcasts"))
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(creators*createsEach)/all.Seconds(), "creates/s")
			}
		})
	}
}

// createAll returns how long each creation took, from the shortest, and all together.
func createAll(b *testing.B, url string) (took []time.Duration, all time.Duration) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: creators}}
	defer client.CloseIdleConnections()
	each := make([][]time.Duration, creators)
	create := func(ctx context.Context, user, n int) error {
		for range n {
			began := time.Now()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"title":"Benchmark"}`))
			if err != nil {
				return err
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", fmt.Sprintf("Bearer dev:user-%d", user))
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			text, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close() // it was read
			if err != nil {
				return err
			}
			if resp.StatusCode != http.StatusCreated {
				return fmt.Errorf("%s: %s", resp.Status, text)
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
