package whip

import (
	"bytes"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"golive/codec/opus"
	"golive/ingest/ingesttest"
)

// runningGoroutines returns the stacks of the goroutines of this package and of the WebRTC library.
func runningGoroutines(t testing.TB) string {
	t.Helper()
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 2); err != nil {
		t.Fatal(err)
	}
	var left []string
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, "github.com/pion/") || strings.Contains(stack, "whip.(*") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

// However its sessions have ended, a server that has stopped leaves no goroutine.
func TestServer_LeavesNoGoroutine(t *testing.T) {
	h := start(t, testConfig(), withFFmpeg)
	for i, end := range []func(c *client){
		func(c *client) { c.stop(t) },
		func(c *client) { _ = c.GracefulClose() },
		func(*client) { h.stop() },
	} {
		c, sink := h.publish(t, codecH264(usualFmtp))
		send(t, c.audio, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i)}, Payload: opus.Silence(2, 960)})
		end(c)
		_ = sink.End(t)
		_ = c.GracefulClose()
	}
	if err := ingesttest.Await(t, "the server's end", h.done); err != nil {
		t.Fatal(err)
	}
	h.done <- nil
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(ingesttest.Timeout)
	for left := runningGoroutines(t); left != ""; left = runningGoroutines(t) {
		select {
		case <-ticker.C: // some goroutines of the library end a little later than it reports
		case <-limit:
			t.Fatalf("still running:\n%s", left)
		}
	}
}
