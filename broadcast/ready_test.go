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

// refusingBucket is a bucket that refuses the objects with the prefix while on is set.
type refusingBucket struct {
	*memory.Bucket
	prefix string
	on     atomic.Bool
}

func (p *refusingBucket) Put(ctx context.Context, o storage.Object) error {
	if p.on.Load() && strings.HasPrefix(o.Key, p.prefix) {
		return errAway
	}
	return p.Bucket.Put(ctx, o)
}

func TestHub_OneBroadcastThatIsNotStoredDoesNotMakeTheNodeUnready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &refusingBucket{Bucket: memory.New(), prefix: "live/bad/"}
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
			t.Errorf("not ready although another broadcast is stored: %v", err)
		}
		b, ok := s.Find("bad")
		if !ok {
			t.Fatal("there is no broadcast bad")
		}
		if st := b.Status(); !strings.Contains(st.StorageError, errAway.Error()) || st.StorageLag < 20*time.Second {
			t.Errorf("status of bad: %q, %v behind", st.StorageError, st.StorageLag)
		}
		if other, ok := s.Find("good"); !ok || other.Status().StorageError != "" || other.Status().StorageLag > 5*time.Second {
			t.Errorf("status of good: %+v", other.Status())
		}
		good.sink.Close(nil)
		bad.play(t, 5*time.Second)
		if err := s.Archiving(t.Context()); err == nil {
			t.Error("the node is ready although no live broadcast is stored")
		}
		bucket.on.Store(false)
		bad.play(t, time.Minute)
		if err := s.Archiving(t.Context()); err != nil {
			t.Error(err)
		}
		if lag := b.Status().StorageLag; lag > 5*time.Second {
			t.Errorf("%v behind after the bucket works again", lag)
		}
		bad.sink.Close(nil)
		_ = stop()
	})
}
