package broadcast

import (
	"testing"
	"testing/synctest"
	"time"

	"golive/ingest"
	"golive/storage/storagetest/memory"
)

func TestHub_MediaOfALiveBroadcastIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count, bucket := ingest.NewMemory(0, 0), memory.New()
		s := newTestHubWith(t, bucket, openStores(t, t.TempDir(), bucket), 0, func(c *Settings) { c.Memory = count })
		e := s.mustPublish("studio")
		e.play(t, 10*time.Second)
		// The pictures have 400 kbit/s, and the window holds all of them.
		if held := count.Held(); held < 500_000 || held > 2_000_000 {
			t.Errorf("%d bytes are counted, want 500,000 to 2,000,000", held)
		}
		e.sink.Close(nil)
	})
}
