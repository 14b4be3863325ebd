package harness

import (
	"strconv"
	"strings"
	"testing"
)

// Metrics holds the values of /metrics at one time, by name and labels.
type Metrics map[string]float64

// Scrape reads a server's metrics.
func Scrape(tb testing.TB, s *Server) Metrics {
	tb.Helper()
	text, err := Get(tb.Context(), "http://"+s.Admin+"/metrics")
	if err != nil {
		tb.Error(err)
		return nil
	}
	return parseMetrics(tb, string(text))
}

func parseMetrics(tb testing.TB, text string) Metrics {
	tb.Helper()
	m := Metrics{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSpace(line)
		space := strings.LastIndexByte(line, ' ') // a label's value may hold others
		v, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			tb.Errorf("%s: %v", line, err)
		}
		m[line[:max(space, 0)]] = v
	}
	return m
}

// Metric returns the sum of a metric's current values.
func Metric(tb testing.TB, s *Server, name string) float64 {
	tb.Helper()
	return Scrape(tb, s).Sum(name)
}

// Sum returns the sum of a metric's values; 0 if there is none with that name.
func (m Metrics) Sum(name string) (sum float64) {
	for series, v := range m {
		if bare, _, _ := strings.Cut(series, "{"); bare == name {
			sum += v
		}
	}
	return sum
}

// Since returns the differences from before.
func (m Metrics) Since(before Metrics) Metrics {
	counted := make(Metrics, len(m))
	for series, v := range m {
		counted[series] = v - before[series]
	}
	return counted
}

// Quantile returns the upper bound of the bucket with the quantile of a histogram without
// labels; +Inf if that is the last one, 0 if nothing was observed.
func (m Metrics) Quantile(histogram string, q float64) (best float64) {
	want := m[histogram+"_count"] * q
	if want == 0 {
		return 0
	}
	for series, v := range m {
		edge, ok := strings.CutPrefix(series, histogram+`_bucket{le="`)
		if !ok || v < want {
			continue
		}
		if le, err := strconv.ParseFloat(strings.TrimSuffix(edge, `"}`), 64); err == nil && (best == 0 || le < best) {
			best = le
		}
	}
	return best
}
