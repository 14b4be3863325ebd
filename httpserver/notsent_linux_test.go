package httpserver

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestLimitUnsent_BoundsWhatTheSystemBuffers(t *testing.T) {
	near, far := loopback(t)
	if err := far.(interface{ SetReadBuffer(bytes int) error }).SetReadBuffer(8 << 10); err != nil {
		t.Fatal(err)
	}
	limitUnsent(near)
	if err := near.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := near.Write(make([]byte, 16<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n > 512<<10 {
		t.Errorf("the system took %d bytes, want %d at most and a timeout: %v", n, 512<<10, err)
	}
}
