//go:build e2e && linux

package load

import (
	"strconv"
	"testing"
	"time"
)

// BenchmarkViewers reports what the viewers of one stream cost the server, and how
// long they wait. Run it, like all benchmarks here, with -benchtime 1x.
func BenchmarkViewers(b *testing.B) {
	audiences := []int{500, 2000, 5000}
	s := startWithStreams(b, 1, "", time.Duration(1+2*len(audiences))*(*measure+ramp+3*settle)+time.Minute)
	b.Run("none", func(b *testing.B) {
		for range b.N {
			r := s.measureServer(b)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(r.cpu/r.minutes, "cpu-s/min")
		}
	})
	for _, mode := range []string{"ll", "plain"} {
		for _, n := range audiences {
			b.Run(mode+"/"+strconv.Itoa(n), func(b *testing.B) {
				for range b.N {
					reportViewers(b, s.measureViewers(b, mode, n, s.MediaURL("load")), n)
				}
			})
		}
	}
}

func reportViewers(b *testing.B, r *measurement, n int) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(r.cpu/r.minutes/float64(n)*1000, "cpu-s/1000-viewer-min")
	b.ReportMetric(r.cpu/r.minutes/60, "cores")
	b.ReportMetric(r.Requests/r.Seconds, "req/s")
	b.ReportMetric(r.Bytes/r.Seconds*8/1e6, "Mbit/s")
	b.ReportMetric(r.Stalls, "stalls")
	b.ReportMetric(r.Media.P99, "ms-media-p99")
	if r.Late.P99 > 0 {
		b.ReportMetric(r.partDelay(), "ms-part-p99")
		b.ReportMetric(r.Late.P99, "ms-late-p99")
	} else {
		b.ReportMetric(r.Playlist.P99, "ms-playlist-p99")
	}
}

// BenchmarkPart reports how late a part is for viewers that wait for it, when each stream
// has one viewer: on the server, and at the viewer, where the encoder's pace and the
// network count too.
func BenchmarkPart(b *testing.B) {
	for _, streams := range []int{1, 100} {
		b.Run(strconv.Itoa(streams)+"-streams", func(b *testing.B) {
			s := startWithStreams(b, streams, "", *measure+ramp+3*settle+time.Minute)
			name := "load"
			if streams > 1 {
				name = "load-{n}"
			}
			for range b.N {
				r := s.measureViewers(b, "ll", streams, s.MediaURL(name))
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(r.partDelay(), "ms-part-p99")
				b.ReportMetric(r.Late.P99, "ms-late-p99")
			}
		})
	}
}
