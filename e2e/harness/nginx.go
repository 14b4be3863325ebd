package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Nginx is a running nginx.
type Nginx struct {
	*Process
	// URL is the URL of its site, without a trailing slash.
	URL string
}

// StartNginx serves the folder root until the end of the test with the given number of worker
// processes; 0 means automatic. It is configured for many requests: sendfile, no log. It does
// not cache open files, because those of a live stream change.
func StartNginx(tb testing.TB, root string, workers int) *Nginx {
	tb.Helper()
	return launchNginx(tb, workers, fmt.Sprintf("root %s;", root))
}

// StartNginxProxy starts an nginx that proxies each path of to, which must end in a slash, to
// an address: HOST:PORT, with a trailing slash to remove the path.
func StartNginxProxy(tb testing.TB, to map[string]string) *Nginx {
	tb.Helper()
	var locations strings.Builder
	locations.WriteString("proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_buffering off;")
	for path, address := range to {
		fmt.Fprintf(&locations, " location %s { proxy_pass http://%s; }", path, address)
	}
	return launchNginx(tb, 1, locations.String())
}

func launchNginx(tb testing.TB, workers int, site string) *Nginx {
	tb.Helper()
	processes := "auto"
	if workers > 0 {
		processes = fmt.Sprint(workers)
	}
	address, dir := FreeAddress(tb), tb.TempDir()
	conf := fmt.Sprintf(`daemon off; user root; worker_processes %[4]s; pid %[1]s/pid; error_log stderr;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  types { text/html html; text/javascript js; application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  server { listen %[2]s; %[3]s }
}
`, dir, address, site, processes)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		tb.Fatal(err)
	}
	return &Nginx{Launch(tb, nil, "nginx", "-c", file, "-e", "stderr"), "http://" + address}
}

// WaitFor waits until a request for url succeeds.
func WaitFor(tb testing.TB, url string, limit time.Duration) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Timeout(limit))
	defer cancel()
	err := Eventually(ctx, 20*time.Millisecond, func() error {
		_, err := Get(ctx, url)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}
