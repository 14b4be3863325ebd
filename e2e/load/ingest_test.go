//go:build e2e && linux

package load

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

// sessionFunc is the function that a publisher's goroutine is in from its first byte to
// its last.
const sessionFunc = "golive/ingest/rtmp.(*session).run"

// BenchmarkIngest reports what publishing costs while viewers wait for the next
// part of one of the streams, repeatedly, and without viewers. Publishers
// and viewers share a process, so the server's own profile tells them apart: what
// counts is all CPU time on the goroutines of the publishers, system calls included.
func BenchmarkIngest(b *testing.B) {
	const streams, viewers, rounds = 100, 5000, 2
	s := startWithStreams(b, streams, "", 2*rounds*(*measure+ramp+4*settle+5*time.Second)+time.Minute)
	for range b.N {
		var alone, beside, samples float64
		for range rounds {
			alone += s.profilePublishers(b)
			p := harness.Launch(b, nil, s.viewers, "-browser", "-mode", "wait", "-viewers", strconv.Itoa(viewers),
				"-ramp", ramp.String(), "-watch", (*measure + 2*settle).String(), s.MediaURL("load-1"))
			harness.Pause(b.Context(), ramp+settle)
			beside += s.profilePublishers(b)
			p.Wait(*measure)
			var r measurement
			r.read(b, p)
		}
		minutes := rounds * measure.Minutes() * streams
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(alone/minutes, "cpu-s/stream-min-alone")
		b.ReportMetric(beside/minutes, "cpu-s/stream-min-beside")
		b.ReportMetric(beside/alone, "x-alone")
		// The profile takes a hundred samples a second.
		samples = 100 * min(alone, beside)
		b.ReportMetric(math.Sqrt(2/samples), "x-alone-sigma")
	}
}

// profilePublishers returns the CPU time of the publishers' goroutines while it measures, in
// seconds.
func (s *server) profilePublishers(b *testing.B) float64 {
	b.Helper()
	url := "http://" + s.Admin + "/debug/pprof/profile?seconds=" + strconv.Itoa(int(measure.Seconds()))
	body, err := harness.Get(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "profile")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(harness.Run(b, "go", "tool", "pprof", "-top", "-cum", "-unit", "ms", "-nodefraction=0", "-nodecount=100000", file))) {
		// flat flat% sum% cum cum% function
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[5] != sessionFunc {
			continue
		}
		ms, err := strconv.ParseFloat(strings.TrimSuffix(fields[3], "ms"), 64)
		if err != nil {
			b.Fatal(err)
		}
		return ms / 1000
	}
	b.Fatalf("the profile does not have %s", sessionFunc)
	return 0
}
