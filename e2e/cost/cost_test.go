//go:build e2e && linux

package cost

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/storage/s3/s3test"
)

var (
	streams = flag.Int("streams", 20, "how many streams to publish at once")
	measure = flag.Duration("measure", time.Minute, "how long to measure")
	warmup  = flag.Duration("warmup", 15*time.Second, "how long to wait before; memory is full after window and grace")
	server  = flag.String("server", "", "golive binary to measure instead of this tree's: for comparing versions")
	window  = flag.Duration("window", 30*time.Second, "playlist.window")
)

// ticksPerSecond is the unit of CPU time in /proc, fixed for user space.
const ticksPerSecond = 100

// BenchmarkStreamMinute reports the server's CPU-seconds for one minute of one
// stream, and its memory in relation to the bytes that players may ask for.
// One iteration is one measurement: run it with -benchtime 1x.
func BenchmarkStreamMinute(b *testing.B) {
	dir := b.TempDir()
	tool, floor := filepath.Join(dir, "golive"), filepath.Join(dir, "floor")
	harness.Run(b, "go", "build", "-o", tool, "golive/cmd/golive")
	harness.Run(b, "go", "build", "-o", floor, "golive/e2e/cost/floor")
	clip := makeClip(b, dir)
	b.Run("floor", func(b *testing.B) {
		for range b.N {
			measureOnce(b, harness.Options{Program: floor}, tool, clip)
		}
	})
	for _, backend := range []string{"memory", "disk", "s3"} {
		b.Run(backend, func(b *testing.B) {
			storage := "backend: " + backend
			if backend == "s3" {
				store := s3test.Start(b)
				storage, _ = harness.S3Storage(b, store, store.Address)
			}
			config := fmt.Sprintf("storage: { %s }\nplaylist: { window: %v }\nlog: { level: warn }\n", storage, *window)
			for range b.N {
				s := measureOnce(b, harness.Options{Program: cmp.Or(*server, tool), Config: config}, tool, clip)
				b.ReportMetric(s.quantile("golive_playlist_publish_delay_seconds", 0.99)*1000, "ms-publish-p99")
			}
		})
	}
}

// measureOnce reports what streams cost the server, and returns its metrics of while
// they were still published.
func measureOnce(b *testing.B, o harness.Options, tool, clip string) metrics {
	golive := harness.Start(b, o)
	length := *warmup + *measure + 10*time.Second
	publisher := harness.Launch(b, nil, tool, "publish", "--streams", strconv.Itoa(*streams), "--duration", length.String(),
		"--file", clip, golive.PublishURL("load"))

	harness.Pause(b.Context(), *warmup)
	before, bytesBefore, began := cpuSeconds(b, golive.PID()), scrape(b, golive).received(), time.Now()
	harness.Pause(b.Context(), *measure)
	took := time.Since(began)
	used := cpuSeconds(b, golive.PID()) - before
	now := scrape(b, golive)
	got := now.received() - bytesBefore
	rss := residentBytes(b, golive.PID())
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

// makeClip makes 20 s of 720p at 4.5 Mbit/s with sound; noise keeps the encoder
// at its rate.
func makeClip(b *testing.B, dir string) string {
	b.Helper()
	clip := filepath.Join(dir, "load.flv")
	harness.Run(b, "ffmpeg", "-v", "error", "-y",
		"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=40:allf=t", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "20", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0",
		"-b:v", "4400k", "-minrate", "4400k", "-maxrate", "4400k", "-bufsize", "4400k", "-x264-params", "nal-hrd=cbr",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2", clip)
	return clip
}

// cpuSeconds is what the process used so far, in user and system mode
// (proc(5), fields 14 and 15 of stat).
func cpuSeconds(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		b.Fatalf("stat: %q", text)
	}
	return (user + system) / ticksPerSecond
}

func residentBytes(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize())
}

// metrics are a server's, by name and labels.
type metrics map[string]float64

func scrape(b *testing.B, s *harness.Server) metrics {
	b.Helper()
	text, err := harness.Get(b.Context(), "http://"+s.Admin+"/metrics")
	if err != nil {
		b.Fatal(err)
	}
	m := metrics{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil {
			m[name] = v
		}
	}
	return m
}

func (m metrics) received() (sum float64) {
	for name, v := range m {
		if strings.HasPrefix(name, "golive_ingest_received_bytes_total") {
			sum += v
		}
	}
	return sum
}

// quantile is the upper edge of the bucket that holds the quantile.
func (m metrics) quantile(histogram string, q float64) float64 {
	want, best := m[histogram+"_count"]*q, 0.0
	for name, v := range m {
		edge, ok := strings.CutPrefix(name, histogram+`_bucket{le="`)
		if !ok || v < want {
			continue
		}
		if le, err := strconv.ParseFloat(strings.TrimSuffix(edge, `"}`), 64); err == nil && (best == 0 || le < best) {
			best = le
		}
	}
	return best
}
