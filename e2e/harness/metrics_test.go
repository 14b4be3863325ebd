package harness

import (
	"math"
	"os"
	"testing"
	"time"
)

func TestMetrics_SumAndQuantile(t *testing.T) {
	before := parseMetrics(t, `# HELP h x
h_bucket{le="0.001"} 1
h_bucket{le="0.01"} 1
h_bucket{le="+Inf"} 1
h_count 1
n{a="x"} 2
n{a="y z"} 3
n_other 7
`)
	m := parseMetrics(t, `h_bucket{le="0.001"} 91
h_bucket{le="0.01"} 100
h_bucket{le="+Inf"} 101
h_count 101
`)
	if sum := before.Sum("n"); sum != 5 {
		t.Errorf("the sum is %v, want 5", sum)
	}
	since := m.Since(before)
	for q, want := range map[float64]float64{0.5: 0.001, 0.9: 0.001, 0.91: 0.01, 0.99: 0.01, 1: math.Inf(1)} {
		if got := since.Quantile("h", q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := before.Since(before).Quantile("h", 0.5); got != 0 {
		t.Errorf("a quantile of nothing is %v", got)
	}
}

func TestCPUSeconds_CountsTheWholeGroup(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	p := Launch(t, nil, "sh", "-c", "while :; do :; done & wait")
	for begin := time.Now(); CPUSeconds(t, p.PID()) < 0.05; {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("a busy child has used no time")
		}
		Pause(t.Context(), 10*time.Millisecond)
	}
	if ResidentBytes(t, p.PID()) == 0 {
		t.Error("a process has no memory")
	}
}
