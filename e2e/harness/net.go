package harness

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Get fetches url. Any status but 200 is an error.
func Get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return body, err
}

// The ports of FreeAddress: below those that Linux uses for outgoing connections, which would
// conflict.
const (
	firstPort = 12000
	ports     = 20000
)

// FreeAddress returns a loopback address that is not in use, and that no other test on this
// machine gets before this one ends.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		port := firstPort + rand.IntN(ports)
		if !reserve(tb, port) {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", address)
		if err != nil {
			continue // in use by another program
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return address
	}
	tb.Fatal("no port is free")
	return ""
}

// reserve reserves a port until the end of the test, also against tests in other processes. It
// returns false if another test has it.
func reserve(tb testing.TB, port int) bool {
	tb.Helper()
	folder := filepath.Join(os.TempDir(), "golive-e2e-ports")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		tb.Fatal(err)
	}
	lock, err := tryLock(filepath.Join(folder, strconv.Itoa(port)))
	if err != nil {
		tb.Fatal(err)
	}
	if lock == nil {
		return false
	}
	tb.Cleanup(func() {
		if err := lock.remove(); err != nil {
			tb.Error(err)
		}
	})
	return true
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}
