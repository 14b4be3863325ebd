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
		// 400 kbit/s of pictures, all of which is in the window.
		if held := count.Held(); held < 500_000 || held > 2_000_000 {
			t.Errorf("%d bytes are counted", held)
		}
		e.sink.Close(nil)
	})
}
