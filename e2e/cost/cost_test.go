//go:build e2e && linux

package cost

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
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
	tool := filepath.Join(dir, "golive")
	run(b, "go", "build", "-o", tool, "golive/cmd/golive")
	binary := *server
	if binary == "" {
		binary = tool
	}
	floor := filepath.Join(dir, "floor")
	run(b, "go", "build", "-o", floor, "golive/e2e/cost/floor")
	clip := makeClip(b, dir)
	b.Run("floor", func(b *testing.B) {
		for range b.N {
			measureOnce(b, []string{floor}, tool, clip, "")
		}
	})
	for _, backend := range []string{"memory", "disk"} {
		b.Run(backend, func(b *testing.B) {
			for range b.N {
				measureOnce(b, []string{binary, "serve"}, tool, clip, backend)
			}
		})
	}
}

func measureOnce(b *testing.B, serve []string, tool, clip, backend string) {
	rtmp, httpAddr, admin := freeAddress(b), freeAddress(b), freeAddress(b)
	ctx, stop := context.WithCancel(b.Context())
	defer stop()

	golive := command(ctx, serve[0], serve[1:]...)
	golive.Env = append(os.Environ(),
		"GOLIVE_INGEST_RTMP_LISTEN="+rtmp, "GOLIVE_ORIGIN_LISTEN="+httpAddr, "GOLIVE_ADMIN_LISTEN="+admin,
		"GOLIVE_STORAGE_BACKEND="+backend, "GOLIVE_DATA_DIR="+b.TempDir(),
		"GOLIVE_PLAYLIST_WINDOW="+window.String(), "GOLIVE_LOG_LEVEL=warn")
	start(b, golive)
	waitReady(b, "http://"+admin+"/readyz")

	length := *warmup + *measure + 10*time.Second
	publisher := command(ctx, tool, "publish", "--streams", strconv.Itoa(*streams), "--duration", length.String(),
		"--file", clip, "rtmp://"+rtmp+"/live/load")
	start(b, publisher)

	wait(ctx, *warmup)
	before, bytesBefore, began := cpuSeconds(b, golive.Process.Pid), received(b, admin), time.Now()
	wait(ctx, *measure)
	took := time.Since(began)
	used := cpuSeconds(b, golive.Process.Pid) - before
	got := received(b, admin) - bytesBefore
	rss := residentBytes(b, golive.Process.Pid)
	minutes := took.Minutes() * float64(*streams)
	perStream := got / took.Seconds() / float64(*streams) // bytes per second

	b.ReportMetric(0, "ns/op")
	b.ReportMetric(used/minutes, "cpu-s/stream-min")
	b.ReportMetric(perStream*8/1e6, "Mbit/s/stream")
	b.ReportMetric(rss/float64(*streams)/perStream, "s-of-media-in-memory/stream")
	b.ReportMetric(rss/float64(*streams)/1e6, "MB/stream")
	if backend != "" {
		b.ReportMetric(quantile(b, admin, "golive_playlist_publish_delay_seconds", 0.99)*1000, "ms-publish-p99")
	}

	if n := live(b, admin); n != *streams {
		b.Errorf("%d of %d streams are live", n, *streams)
	}
	if err := publisher.Wait(); err != nil {
		b.Errorf("publisher: %v", err)
	}
	stop()
	// The server ends by its signal.
	_ = golive.Wait()
}

// command is a process that ends with SIGTERM when ctx does.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 20 * time.Second
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	return c
}

func start(b *testing.B, c *exec.Cmd) {
	b.Helper()
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
}

func run(b *testing.B, name string, args ...string) {
	b.Helper()
	if out, err := exec.CommandContext(b.Context(), name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// makeClip makes 20 s of 720p at 4.5 Mbit/s with sound; noise keeps the encoder
// at its rate.
func makeClip(b *testing.B, dir string) string {
	b.Helper()
	clip := filepath.Join(dir, "load.flv")
	run(b, "ffmpeg", "-v", "error", "-y",
		"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=40:allf=t", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "20", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0",
		"-b:v", "4400k", "-minrate", "4400k", "-maxrate", "4400k", "-bufsize", "4400k", "-x264-params", "nal-hrd=cbr",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2", clip)
	return clip
}

func freeAddress(b *testing.B) string {
	b.Helper()
	ln, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func waitReady(b *testing.B, url string) {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); wait(b.Context(), 50*time.Millisecond) {
		if r, err := http.Get(url); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
	}
	b.Fatal("the server did not become ready")
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

func metrics(b *testing.B, admin string) map[string]float64 {
	b.Helper()
	r, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(io.LimitReader(r.Body, 4<<20)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil {
			values[name] = v
		}
	}
	return values
}

func received(b *testing.B, admin string) (sum float64) {
	b.Helper()
	for name, v := range metrics(b, admin) {
		if strings.HasPrefix(name, "golive_ingest_received_bytes_total") {
			sum += v
		}
	}
	return sum
}

func live(b *testing.B, admin string) int {
	b.Helper()
	return int(metrics(b, admin)["golive_broadcast_broadcasts"])
}

// quantile is the upper edge of the bucket that holds the quantile.
func quantile(b *testing.B, admin, histogram string, q float64) float64 {
	b.Helper()
	values := metrics(b, admin)
	want, best := values[histogram+"_count"]*q, 0.0
	for name, v := range values {
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
