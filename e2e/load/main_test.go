//go:build e2e && linux

package load

import (
	"encoding/json"
	"flag"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golive/e2e/harness"
)

var (
	measure = flag.Duration("measure", 20*time.Second, "how long to measure each audience")
	sources harness.Sources
)

func TestMain(m *testing.M) { harness.Main(m, &sources) }

const (
	// fill is the time until a playlist has its full length, the window.
	fill = 32 * time.Second
	// Viewers connect during ramp; measuring begins after settle.
	ramp   = 5 * time.Second
	settle = 2 * time.Second
)

// server is a golive with streams, and the program that simulates viewers.
type server struct {
	*harness.Server
	viewers string
}

// startWithStreams starts golive, publishes to it for length after the playlists are full, and waits
// until they are. clip is a file, or empty for the built-in one.
func startWithStreams(b *testing.B, streams int, clip string, length time.Duration) *server {
	b.Helper()
	s := &server{viewers: build(b, "viewers")}
	s.Server = harness.Start(b, harness.Options{Config: "storage: { backend: memory }\nlog: { level: warn }\n"})
	args := []string{s.Program(), "publish", "--streams", strconv.Itoa(streams), "--duration", (fill + length).String()}
	if clip != "" {
		args = append(args, "--file", clip)
	}
	harness.Launch(b, nil, append(args, s.PublishURL("load"))...)
	harness.Pause(b.Context(), fill)
	return s
}

// build builds a program of this folder.
func build(b *testing.B, name string) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), name)
	harness.Run(b, "go", "build", "-o", program, "golive/e2e/load/"+name)
	return program
}

// measurement is the viewers' report, and the server's use of resources meanwhile.
type measurement struct {
	Seconds  float64          `json:"seconds"`
	Requests float64          `json:"requests"`
	Bytes    float64          `json:"bytes"`
	Errors   map[string]int64 `json:"errors"`
	Stalls   float64          `json:"stalls"`
	Cut      float64          `json:"cut"`
	Playlist percentiles      `json:"playlist"`
	Media    percentiles      `json:"media"`
	Late     percentiles      `json:"late"`

	cpu     float64 // seconds of the server's process group
	minutes float64 // in which that was used
	metrics harness.Metrics
}

type percentiles struct {
	P99 float64 `json:"p99"`
}

// measureViewers starts viewers of a URL, and measures once all are connected. The benchmark fails if
// one of them has an error.
func (s *server) measureViewers(b *testing.B, mode string, viewers int, url string) *measurement {
	b.Helper()
	watch := *measure + 2*settle
	p := harness.Launch(b, nil, s.viewers, "-browser", "-mode", mode, "-viewers", strconv.Itoa(viewers),
		"-ramp", ramp.String(), "-watch", watch.String(), url)
	harness.Pause(b.Context(), ramp+settle)
	r := s.measureServer(b)
	p.Wait(watch)
	r.read(b, p)
	return r
}

// measureServer measures the server without starting viewers.
func (s *server) measureServer(b *testing.B) *measurement {
	b.Helper()
	r := &measurement{}
	cpu, metrics, began := harness.CPUSeconds(b, s.PID()), harness.Scrape(b, s.Server), time.Now()
	harness.Pause(b.Context(), *measure)
	r.cpu, r.minutes = harness.CPUSeconds(b, s.PID())-cpu, time.Since(began).Minutes()
	r.metrics = harness.Scrape(b, s.Server).Since(metrics)
	return r
}

// read reads the report of a program that has ended.
func (r *measurement) read(b *testing.B, p *harness.Process) {
	b.Helper()
	if err := json.Unmarshal([]byte(p.Logs.String()), r); err != nil {
		b.Fatalf("%v: %s", err, p.Logs)
	}
	if len(r.Errors) > 0 {
		b.Errorf("viewers had errors: %v", r.Errors)
	}
}

// partDelay returns the 99th percentile of how late a part was sent, in milliseconds.
func (r *measurement) partDelay() float64 {
	return r.metrics.Quantile("golive_origin_part_delay_seconds", 0.99) * 1000
}
