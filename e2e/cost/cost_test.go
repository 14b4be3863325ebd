//go:build e2e && linux

package cost

import (
	"cmp"
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/storage/s3/s3test"
)

var (
	streams = flag.Int("streams", 20, "how many streams to publish at once")
	measure = flag.Duration("measure", time.Minute, "how long to measure")
	warmup  = flag.Duration("warmup", 70*time.Second, "how long to wait before measuring: until window and grace are full, memory is new, which costs more CPU time")
	server  = flag.String("server", "", "golive binary to measure instead of this tree's: for comparing versions")
	window  = flag.Duration("window", 30*time.Second, "playlist.window")
)

// BenchmarkStreamMinute reports the server's CPU-seconds for one minute of one
// stream, and its memory in relation to the bytes that players may request.
// One iteration is one measurement: run it with -benchtime 1x.
func BenchmarkStreamMinute(b *testing.B) {
	dir := b.TempDir()
	tool, bare := filepath.Join(dir, "golive"), filepath.Join(dir, "bare")
	harness.Run(b, "go", "build", "-o", tool, "golive/cmd/golive")
	harness.Run(b, "go", "build", "-o", bare, "golive/e2e/cost/bare")
	clip := harness.BusyClip(b, dir)
	b.Run("bare", func(b *testing.B) {
		for range b.N {
			measureOnce(b, harness.Options{Program: bare}, tool, clip)
		}
	})
	for _, c := range []struct{ name, backend, playlist string }{
		{"memory", "memory", ""},
		{"memory-plain", "memory", ", low_latency: false"},
		{"disk", "disk", ""},
		{"disk-plain", "disk", ", low_latency: false"},
		{"s3", "s3", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			storage := "backend: " + c.backend
			if c.backend == "s3" {
				store := s3test.Start(b)
				storage, _ = harness.S3Storage(b, store, store.Address)
			}
			config := fmt.Sprintf("storage: { %s }\nplaylist: { window: %v%s }\nlog: { level: warn }\n", storage, *window, c.playlist)
			for range b.N {
				s := measureOnce(b, harness.Options{Program: cmp.Or(*server, tool), Config: config}, tool, clip)
				b.ReportMetric(s.Quantile("golive_playlist_publish_delay_seconds", 0.99)*1000, "ms-publish-p99")
			}
		})
	}
}

const received = "golive_ingest_received_bytes_total"

// measureOnce reports the cost of streams for the server, and returns its metrics from the time
// of publishing.
func measureOnce(b *testing.B, o harness.Options, tool, clip string) harness.Metrics {
	golive := harness.Start(b, o)
	length := *warmup + *measure + 10*time.Second
	publisher := harness.Launch(b, nil, tool, "publish", "--streams", strconv.Itoa(*streams), "--duration", length.String(),
		"--file", clip, golive.PublishURL("load"))

	harness.Pause(b.Context(), *warmup)
	before, bytesBefore, began := harness.CPUSeconds(b, golive.PID()), harness.Metric(b, golive, received), time.Now()
	harness.Pause(b.Context(), *measure)
	took := time.Since(began)
	used := harness.CPUSeconds(b, golive.PID()) - before
	now := harness.Scrape(b, golive)
	got := now.Sum(received) - bytesBefore
	rss := harness.ResidentBytes(b, golive.PID())
	minutes := took.Minutes() * float64(*streams)
	perStream := got / took.Seconds() / float64(*streams) // bytes per second

	b.ReportMetric(0, "ns/op")
	b.ReportMetric(used/minutes, "cpu-s/stream-min")
	b.ReportMetric(perStream*8/1e6, "Mbit/s/stream")
	b.ReportMetric(rss/float64(*streams)/perStream, "s-of-media-in-memory/stream")
	b.ReportMetric(rss/float64(*streams)/1e6, "MB/stream")

	if n := int(now["golive_broadcast_broadcasts"]); n != *streams {
		b.Errorf("%d of %d streams are live", n, *streams)
	}
	publisher.Wait(length)
	golive.Stop()
	return now
}
