package broadcast

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golive/storage"
	"golive/storage/storagetest/memory"
)

// picky is a bucket that takes nothing of one broadcast while it is on.
type picky struct {
	*memory.Bucket
	refused string // the broadcast's folder
	on      atomic.Bool
}

func (p *picky) Put(ctx context.Context, o storage.Object) error {
	if p.on.Load() && strings.HasPrefix(o.Key, p.refused) {
		return errAway
	}
	return p.Bucket.Put(ctx, o)
}

func TestHub_OneBroadcastThatIsNotStoredDoesNotMakeTheNodeUnready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &picky{Bucket: memory.New(), refused: "live/bad/"}
		s, stop := runHub(t, openStores(t, t.TempDir(), bucket), &bytes.Buffer{})
		bad, good := s.mustPublish("bad"), s.mustPublish("good")
		playBoth := func(n int) {
			for range n {
				bad.play(t, time.Second/2)
				good.play(t, time.Second/2)
			}
		}
		playBoth(10)
		bucket.on.Store(true)
		playBoth(30)
		if err := s.Archiving(t.Context()); err != nil {
			t.Errorf("with another one that is stored: %v", err)
		}
		b, ok := s.Find("bad")
		if !ok {
			t.Fatal("it is gone")
		}
		if told := b.Status(); !strings.Contains(told.StorageError, errAway.Error()) || told.StorageLag < 20*time.Second {
			t.Errorf("its status: %q, %v behind", told.StorageError, told.StorageLag)
		}
		if other, ok := s.Find("good"); !ok || other.Status().StorageError != "" || other.Status().StorageLag > 5*time.Second {
			t.Errorf("the other: %+v", other.Status())
		}
		good.sink.Close(nil)
		bad.play(t, 5*time.Second)
		if err := s.Archiving(t.Context()); err == nil {
			t.Error("the node is ready though nothing that is live is stored")
		}
		bucket.on.Store(false)
		bad.play(t, time.Minute)
		if err := s.Archiving(t.Context()); err != nil {
			t.Error(err)
		}
		if lag := b.Status().StorageLag; lag > 5*time.Second {
			t.Errorf("when all is well it is %v behind", lag)
		}
		bad.sink.Close(nil)
		_ = stop()
	})
}
