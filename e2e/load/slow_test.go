//go:build e2e && linux

package load

import (
	"strconv"
	"testing"
	"time"

	"golive/e2e/harness"
)

// BenchmarkSlow reports how long viewers wait while 10,000 others request a segment of 1 MB and
// read one byte of it per second, and before those connect.
func BenchmarkSlow(b *testing.B) {
	const viewers, slow, addresses = 200, 10_000, 20
	s := startWithStreams(b, 1, harness.BusyClip(b, b.TempDir()), 3*(*measure+ramp+4*settle)+time.Minute)
	for range b.N {
		alone := s.measureViewers(b, "ll", viewers, s.MediaURL("load"))
		p := harness.Launch(b, nil, s.viewers, "-mode", "slow", "-viewers", strconv.Itoa(slow), "-addresses", strconv.Itoa(addresses),
			"-ramp", ramp.String(), "-watch", (*measure + ramp + 3*settle).String(), s.newest(b))
		harness.Pause(b.Context(), ramp)
		beside := s.measureViewers(b, "ll", viewers, s.MediaURL("load"))
		p.Wait(*measure)
		var r measurement
		r.read(b, p)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(alone.partDelay(), "ms-part-p99-alone")
		b.ReportMetric(beside.partDelay(), "ms-part-p99-beside")
		b.ReportMetric(alone.Media.P99, "ms-media-p99-alone")
		b.ReportMetric(beside.Media.P99, "ms-media-p99-beside")
		b.ReportMetric(beside.Stalls, "stalls-beside")
		b.ReportMetric(r.Cut, "cut-off")
	}
}
