package broadcast

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golive/storage"
	"golive/storage/storagetest/memory"
)

// countingBucket counts the requests for objects and lists.
type countingBucket struct {
	*memory.Bucket
	gets, lists atomic.Int64
}

func (a *countingBucket) Get(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	a.gets.Add(1)
	return a.Bucket.Get(ctx, key, offset, length)
}

func (a *countingBucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	a.lists.Add(1)
	return a.Bucket.List(ctx, prefix)
}

func TestHub_NamesThatCannotExistCauseNoStoreRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &countingBucket{Bucket: memory.New()}
		s := newNode(t).startOn(t, bucket.Bucket, bucket, time.Hour)
		past := s.mustPublish("past")
		past.play(t, 10*time.Second)
		past.sink.Close(nil)
		<-time.After(2 * time.Minute) // until it is forgotten
		live := s.mustPublish("live")
		live.play(t, 10*time.Second)
		ended, ok := s.Past(t.Context(), "past")
		if !ok {
			t.Fatal("the replay is not found")
		}
		var publication, livePublication string
		for line := range strings.Lines(s.object("live/past/replay.m3u8")) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "source/"); ok {
				publication, _, _ = segmentName(name)
			}
		}
		b, _ := s.Find("live")
		livePublication = (*b.publications.Load())[0]
		if _, err := s.Open(t.Context(), "past", SourceRendition, publication+"-1.ts", 0, -1); err != nil {
			t.Fatal(err)
		}

		gets, lists := bucket.gets.Load(), bucket.lists.Load()
		began := time.Now()
		for i := range 5000 {
			id := rand.Text()[:12]
			if _, ok := s.Past(t.Context(), id); ok {
				t.Fatalf("%s has a past broadcast", id)
			}
			for what, err := range map[string]error{
				"a replay of a random id":           errorOf(s.Replay(t.Context(), id, "replay.m3u8")),
				"another replay":                    errorOf(s.Replay(t.Context(), "past", "replay-"+id+".m3u8")),
				"a segment of a random id":          errorOf(s.Open(t.Context(), id, SourceRendition, id+"-1.ts", 0, -1)),
				"of a random publication":           errorOf(s.Open(t.Context(), "past", SourceRendition, id+"-1.ts", 0, -1)),
				"of a random publication, live":     errorOf(s.Open(t.Context(), "live", SourceRendition, id+"-1.ts", 0, -1)),
				"beyond the end":                    errorOf(s.Open(t.Context(), "past", SourceRendition, fmt.Sprintf("%s-%d.ts", publication, 1000+i), 0, -1)),
				"beyond what is live":               errorOf(s.Open(t.Context(), "live", SourceRendition, fmt.Sprintf("%s-%d.ts", livePublication, 1000+i), 0, -1)),
				"a name in another form":            errorOf(s.Open(t.Context(), "past", SourceRendition, publication+"-01.ts", 0, -1)),
				"a rendition that does not exist":   errorOf(s.Open(t.Context(), "past", "r"+id, publication+"-1.ts", 0, -1)),
				"the manifests as a broadcast's id": errorOf(s.Replay(t.Context(), "~manifests", "replay.m3u8")),
			} {
				if !errors.Is(err, storage.ErrNotExist) {
					t.Fatalf("%s: %v", what, err)
				}
			}
			<-time.After(4 * time.Millisecond)
		}
		seconds := int64(time.Since(began).Seconds())
		// The replay of "past" may be read again when the cached copy has expired.
		if n := bucket.gets.Load() - gets; n > 10 {
			t.Errorf("%d GETs, want 10 at most", n)
		}
		if n := bucket.lists.Load() - lists; n > seconds/5+3 {
			t.Errorf("%d lists in %d s, want one in 5 s", n, seconds)
		}
		if again, ok := s.Past(t.Context(), "past"); !ok || again != ended {
			t.Errorf("the replay is now %v, found %t; want %v", again, ok, ended)
		}
		live.sink.Close(nil)
	})
}

func errorOf[T any](_ T, err error) error { return err }

func TestHub_AnotherNodeFindsANewReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &countingBucket{Bucket: memory.New()}
		s := newNode(t).startOn(t, bucket.Bucket, bucket, time.Hour)
		other := newNode(t).startOn(t, bucket.Bucket, bucket, time.Hour)
		e := s.mustPublish("b")
		if _, ok := other.Past(t.Context(), "b"); ok { // the list is fresh from here on
			t.Fatal("found too early")
		}
		e.play(t, 3*time.Second)
		e.sink.Close(nil)
		<-time.After(100 * time.Millisecond)
		if _, err := s.Replay(t.Context(), "b", "replay.m3u8"); err != nil {
			t.Errorf("at the node that had it: %v", err)
		}
		<-time.After(listFresh)
		if _, err := other.Replay(t.Context(), "b", "replay.m3u8"); err != nil {
			t.Errorf("at another node: %v", err)
		}
	})
}

func TestHub_UnavailableStoreIsNotAskedForEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &countingBucket{Bucket: memory.New()}
		s := newNode(t).startOn(t, inner.Bucket, failingLists{inner}, time.Hour)
		synctest.Wait() // the sweeper has asked
		lists := inner.lists.Load()
		for range 100 {
			if _, err := s.Replay(t.Context(), rand.Text()[:12], "replay.m3u8"); err == nil || errors.Is(err, storage.ErrNotExist) {
				t.Fatalf("error %v, want one that does not say whether the replay exists", err)
			}
		}
		if n := inner.lists.Load() - lists; n > 1 {
			t.Errorf("%d lists, want 1 at most", n)
		}
	})
}

type failingLists struct{ *countingBucket }

func (f failingLists) List(context.Context, string) iter.Seq2[storage.Info, error] {
	f.lists.Add(1)
	return func(yield func(storage.Info, error) bool) { yield(storage.Info{}, errAway) }
}

func FuzzSegmentName(f *testing.F) {
	for _, name := range []string{"ABC-1.ts", "ABC-1.0.ts", "-1.ts", "A-.ts", "a/b-1.ts", "A--1.ts", "A-01.ts", "A-99999999999999999999.ts"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		publication, msn, ok := segmentName(name)
		if ok && (fmt.Sprintf("%s-%d.ts", publication, msn) != name || storage.CheckKey(name) != nil || strings.Contains(name, "/")) {
			t.Errorf("%q was accepted as publication %q, segment %d", name, publication, msn)
		}
	})
}
