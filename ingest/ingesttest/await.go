package ingesttest

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/internal/logtest"
)

// Timeout is how long tests wait for something that must happen. Only failing tests reach it.
const Timeout = 30 * time.Second

// Await returns the next value of ch, or fails the test after Timeout.
func Await[T any](t testing.TB, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(Timeout):
		t.Fatalf("%s did not come within %s", what, Timeout)
	}
	return v
}

// AwaitLine waits until the log has a line with all words.
func AwaitLine(t testing.TB, log *logtest.Log, words ...string) {
	t.Helper()
	for end := time.Now().Add(Timeout); time.Now().Before(end); <-time.After(time.Millisecond) {
	lines:
		for line := range strings.Lines(log.String()) {
			for _, word := range words {
				if !strings.Contains(line, word) {
					continue lines
				}
			}
			return
		}
	}
	t.Fatalf("no line with %q in the log:\n%s", words, log)
}

// Metric returns the value of a counter or gauge with these first label values.
func Metric(t testing.TB, registry prometheus.Gatherer, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.Metric {
			for i, l := range labels {
				if i >= len(m.Label) || m.Label[i].GetValue() != l {
					continue metrics
				}
			}
			found = true
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	if !found {
		t.Fatalf("there is no metric %s%q", name, labels)
	}
	return sum
}
