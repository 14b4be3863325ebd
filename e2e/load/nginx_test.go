//go:build e2e && linux

package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

// comparedServer is a server that one resource is requested from repeatedly.
type comparedServer struct {
	name string
	pid  int
	url  func(file string) string

	requests, bytes, cpu float64
}

// BenchmarkAgainstNginx reports the requests and bytes per CPU-second of the
// server: of golive while it is live, of nginx and a bare net/http that serve files of
// the same sizes. They take turns, so that what disturbs one disturbs the others.
func BenchmarkAgainstNginx(b *testing.B) {
	const rounds, turn, connections = 3, 4 * time.Second, 64
	s := startWithStreams(b, 1, harness.BusyClip(b, b.TempDir()), 2*rounds*4*(turn+time.Second)+time.Minute)
	root := b.TempDir()
	save(b, s.MediaURL("load"), filepath.Join(root, "playlist.m3u8"))
	save(b, s.newest(b), filepath.Join(root, "segment.ts"))
	address := harness.FreeAddress(b)
	bare := harness.Launch(b, nil, build(b, "bare"), address, root)
	one, auto := harness.StartNginx(b, root, 1), harness.StartNginx(b, root, 0)
	for _, file := range []string{"playlist.m3u8", "segment.ts"} {
		b.Run(strings.TrimSuffix(file, filepath.Ext(file)), func(b *testing.B) {
			in := func(site string) func(string) string { return func(file string) string { return site + "/" + file } }
			all := []*comparedServer{
				{name: "golive", pid: s.PID(), url: func(file string) string { return s.liveURL(b, file) }},
				{name: "nginx-1", pid: one.PID(), url: in(one.URL)},
				{name: "nginx-auto", pid: auto.PID(), url: in(auto.URL)},
				{name: "bare", pid: bare.PID(), url: in("http://" + address)},
			}
			for _, c := range all[1:] {
				harness.WaitFor(b, c.url(file), 5*time.Second)
			}
			for range b.N * rounds {
				for _, c := range all {
					c.hammer(b, s.viewers, c.url(file), connections, turn)
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, c := range all {
				b.ReportMetric(c.requests/c.cpu, c.name+"-req/cpu-s")
				b.ReportMetric(c.bytes/c.cpu/1e6, c.name+"-MB/cpu-s")
			}
			b.ReportMetric(all[0].requests/all[0].cpu/(all[1].requests/all[1].cpu), "req-x-nginx-1")
			b.ReportMetric(all[0].bytes/all[0].cpu/(all[1].bytes/all[1].cpu), "bytes-x-nginx-1")
		})
	}
}

// hammer requests a URL over many connections for the time of a turn, and adds the results to c.
func (c *comparedServer) hammer(b *testing.B, viewers, url string, connections int, turn time.Duration) {
	b.Helper()
	before := harness.CPUSeconds(b, c.pid)
	p := harness.Launch(b, nil, viewers, "-mode", "hammer", "-viewers", strconv.Itoa(connections), "-watch", turn.String(), url)
	p.Wait(turn + 10*time.Second)
	c.cpu += harness.CPUSeconds(b, c.pid) - before
	var r measurement
	r.read(b, p)
	c.requests += r.Requests
	c.bytes += r.Bytes
}

// liveURL returns golive's URL for the content of the file.
func (s *server) liveURL(b *testing.B, file string) string {
	if file == "playlist.m3u8" {
		return s.MediaURL("load")
	}
	return s.newest(b)
}

// newest returns the URL of the newest complete segment.
func (s *server) newest(b *testing.B) string {
	b.Helper()
	text, err := harness.Get(b.Context(), s.MediaURL("load"))
	if err != nil {
		b.Fatal(err)
	}
	url := ""
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			url = s.URL("/live/load/source/" + string(line))
		}
	}
	return url
}

func save(b *testing.B, url, file string) {
	b.Helper()
	body, err := harness.Get(b.Context(), url)
	if err == nil {
		err = os.WriteFile(file, body, 0o600)
	}
	if err != nil {
		b.Fatal(fmt.Errorf("save %s: %w", url, err))
	}
}
