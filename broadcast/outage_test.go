package broadcast

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golive/storage"
	"golive/storage/storagetest/memory"
)

// outageBucket is a bucket that fails while away is set.
type outageBucket struct {
	*memory.Bucket
	away atomic.Bool
}

var errAway = errors.New("connection refused")

func (r *outageBucket) Put(ctx context.Context, o storage.Object) error {
	if r.away.Load() {
		return errAway
	}
	return r.Bucket.Put(ctx, o)
}

func (r *outageBucket) Get(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	if r.away.Load() {
		return nil, errAway
	}
	return r.Bucket.Get(ctx, key, offset, length)
}

func (r *outageBucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	if r.away.Load() {
		return func(yield func(storage.Info, error) bool) { yield(storage.Info{}, errAway) }
	}
	return r.Bucket.List(ctx, prefix)
}

func (r *outageBucket) Delete(ctx context.Context, key string) error {
	if r.away.Load() {
		return errAway
	}
	return r.Bucket.Delete(ctx, key)
}

// node is the local disk of a server that uploads to a bucket.
type node struct{ dir string }

func newNode(t *testing.T) node { return node{t.TempDir()} }

// start runs a Hub on the node's disk, as it is now, with the bucket. It keeps
// replays for an hour.
func (n node) start(t *testing.T, bucket *outageBucket) *testHub {
	t.Helper()
	return n.startFor(t, bucket, time.Hour)
}

func (n node) startFor(t *testing.T, bucket *outageBucket, replay time.Duration) *testHub {
	t.Helper()
	return n.startOn(t, bucket.Bucket, bucket, replay)
}

// startOn runs a Hub that uploads to bucket, whose objects are in inner.
func (n node) startOn(t *testing.T, inner *memory.Bucket, bucket storage.Bucket, replay time.Duration, change ...func(*Settings)) *testHub {
	t.Helper()
	s := newTestHubWith(t, inner, openStores(t, n.dir, bucket), replay, change...)
	s.dir = n.dir
	return s
}

// killed returns a copy of the node's disk, as SIGKILL would leave it now.
func (n node) killed(t *testing.T) node {
	t.Helper()
	again := newNode(t)
	copyDir(t, n.dir, again.dir)
	return again
}

// waitingBytes returns how many bytes wait to be uploaded.
func (s *testHub) waitingBytes() int64 { return s.stores.Local.Waiting() }

func TestHub_OutageOfTheBucketLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).start(t, bucket)
		e := s.mustPublish("b")
		e.play(t, 10*time.Second)
		bucket.away.Store(true)
		e.play(t, 2*time.Minute)
		if s.state("b") != "live" || strings.Contains(s.tsPlaylist("b"), "GAP") {
			t.Errorf("state %s, want live without gaps:\n%s", s.state("b"), s.tsPlaylist("b"))
		}
		bucket.away.Store(false)
		e.play(t, 20*time.Second)
		if n := s.waitingBytes(); n > 0 {
			t.Errorf("%d bytes still wait", n)
		}
		e.sink.Close(nil)
		<-time.After(3 * time.Second)
		if length, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 0); length < 149*time.Second {
			t.Errorf("the replay has %v", length)
		}
	})
}

// The broadcast has ended, and been forgotten, when the bucket is available again.
func TestHub_BroadcastThatEndsDuringAnOutageIsArchivedAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).start(t, bucket)
		e := s.mustPublish("b")
		bucket.away.Store(true)
		e.play(t, time.Minute)
		e.sink.Close(nil)
		<-time.After(10 * time.Minute)
		if s.state("b") != "forgotten" {
			t.Errorf("state is %s", s.state("b"))
		}
		if err := s.Archiving(t.Context()); err == nil {
			t.Error("the node is ready although nothing is archived")
		}
		second := s.mustPublish("b") // its uploads wait for those of the first
		second.play(t, 20*time.Second)
		bucket.away.Store(false)
		second.play(t, 20*time.Second)
		if err := s.Archiving(t.Context()); err != nil {
			t.Error(err)
		}
		if length, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 0); length < 59*time.Second || length > 61*time.Second {
			t.Errorf("the replay has %v", length)
		}
		if text := s.object("live/b/source/index.m3u8"); strings.Contains(text, "ENDLIST") || text == "" {
			t.Errorf("the bucket's live playlist:\n%s", text)
		}
		second.sink.Close(nil)
		<-time.After(3 * time.Second)
		text := s.object("live/b/replay.m3u8")
		if length, _ := s.checkReplay(text, s.firstReplayMSN(text), 0); length < 39*time.Second || length > 41*time.Second {
			t.Errorf("the second replay has %v", length)
		}
		<-time.After(2 * time.Hour)
		if left := s.keys(""); len(left) > 0 {
			t.Errorf("after the retention the bucket has %v", left)
		}
		if copies := s.localKeys(""); len(copies) > 0 {
			t.Errorf("the disk still has %v", copies)
		}
	})
}

// Viewers of live media do not depend on the bucket, and the disk holds nothing else.
func TestHub_LiveSegmentsAreReadFromTheLocalDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).start(t, bucket)
		e := s.mustPublish("b")
		e.play(t, 5*time.Minute)
		bucket.away.Store(true)
		w, _ := s.Window("b", SourceRendition)
		for _, listed := range w.Snapshot().Listed() {
			seg := listed.Segment()
			if seg.Slabs() != nil {
				continue
			}
			r, err := s.Open(t.Context(), "b", SourceRendition, seg.Name(), 0, -1)
			if err != nil {
				t.Errorf("%s: %v", seg.Name(), err)
				continue
			}
			if r.Size != seg.Size {
				t.Errorf("%s has %d bytes, want %d", seg.Name(), r.Size, seg.Size)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		bucket.away.Store(false)
		// The window of 30 s, and as much in its grace.
		if n, all := len(s.localKeys(".ts")), len(s.keys("live/b/source/")); n < 30 || n > 40 || all < 150 {
			t.Errorf("the disk has %d segments of %d", n, all)
		}
		e.sink.Close(nil)
		<-time.After(2 * time.Minute)
		if copies := s.localKeys(""); len(copies) > 0 {
			t.Errorf("the disk still has %v", copies)
		}
	})
}

// A shutdown deletes uploaded files from the disk.
func TestHub_ShutdownLeavesNothingOnTheLocalDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).start(t, bucket)
		e := s.mustPublish("b")
		e.play(t, time.Minute)
		go func() { e.sink.Close(<-e.evicted) }()
		s.stop()
		<-s.done
		if copies := s.localKeys(""); len(copies) > 0 {
			t.Errorf("the disk still has %v", copies)
		}
		if length, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 0); length < 59*time.Second {
			t.Errorf("the replay has %v", length)
		}
	})
}

// localKeys returns the keys of the local objects that end with suffix.
func (s *testHub) localKeys(suffix string) (keys []string) {
	s.t.Helper()
	for info, err := range s.stores.Local.Files().List(s.t.Context(), "") {
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.HasSuffix(info.Key, suffix) {
			keys = append(keys, info.Key)
		}
	}
	return keys
}

func TestHub_KillDuringAnOutageLosesNoSpooledSegment(t *testing.T) {
	for _, begun := range []bool{true, false} { // before the outage, or during it
		for _, returns := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				bucket, first := &outageBucket{Bucket: memory.New()}, newNode(t)
				old := first.start(t, bucket)
				bucket.away.Store(!begun)
				e := old.mustPublish("b")
				e.play(t, 30*time.Second)
				bucket.away.Store(true)
				e.play(t, 30*time.Second)
				e.sink.Close(errors.New("reset"))
				e = old.mustPublish("b") // a publication of which the bucket has nothing
				e.play(t, 31*time.Second)
				disk := first.killed(t)
				left := copyOf(t, bucket)
				e.sink.Close(nil)

				left.away.Store(true)
				s := disk.start(t, left)
				synctest.Wait()
				if s.state("b") != "reconnecting" {
					t.Fatalf("after the restart: %s", s.state("b"))
				}
				// Segments that wait to be uploaded can be watched.
				m := uriLine.FindString(strings.ReplaceAll(s.tsPlaylist("b"), "#EXT-X-GAP", ""))
				if r, err := s.Open(t.Context(), "b", SourceRendition, m, 0, -1); err != nil {
					t.Errorf("%s: %v", m, err)
				} else if r.Size == 0 {
					t.Errorf("%s is empty", m)
				}
				length := 91 * time.Second
				if returns {
					again := s.mustPublish("b")
					again.play(t, 10*time.Second)
					left.away.Store(false)
					again.play(t, 10*time.Second)
					again.sink.Close(nil)
					length += 20 * time.Second
				} else {
					<-time.After(20 * time.Second)
					left.away.Store(false)
				}
				<-time.After(20 * time.Second)
				if s.state("b") != "ended" {
					t.Errorf("state is %s", s.state("b"))
				}
				got, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 6)
				if got < length-4*time.Second || got > length+4*time.Second {
					t.Errorf("returns=%t: the replay has %v of %v:\n%s", returns, got, length, s.object("live/b/replay.m3u8"))
				}
				<-time.After(2 * time.Hour)
				if kept := s.keys(""); len(kept) > 0 || s.waitingBytes() > 0 {
					t.Errorf("after the retention the bucket has %v", kept)
				}
			})
		}
	}
}

// Players have seen the end: a restart must not make the broadcast live again.
func TestHub_BroadcastThatEndedDuringAnOutageStaysEndedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, first := &outageBucket{Bucket: memory.New()}, newNode(t)
		old := first.start(t, bucket)
		e := old.mustPublish("b")
		e.play(t, 30*time.Second)
		bucket.away.Store(true)
		e.play(t, 10*time.Second)
		e.sink.Close(nil)
		<-time.After(2 * time.Second)
		disk, left := first.killed(t), copyOf(t, bucket)

		s := disk.start(t, left)
		synctest.Wait()
		if s.state("b") != "ended" {
			t.Errorf("after the restart: %s", s.state("b"))
		}
		<-time.After(3 * time.Second)
		if length, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 0); length < 39*time.Second || length > 41*time.Second {
			t.Errorf("the replay has %v", length)
		}
	})
}

func TestHub_AnotherServerContinuesTheBroadcast(t *testing.T) {
	for _, away := range []time.Duration{5 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			bucket := &outageBucket{Bucket: memory.New()}
			old := newNode(t).start(t, bucket)
			e := old.mustPublish("b")
			e.play(t, 50*time.Second)
			before := old.tsPlaylist("b")
			left := copyOf(t, bucket)
			e.sink.Close(nil)

			<-time.After(away)
			s := newNode(t).start(t, left)
			if s.state("b") != "forgotten" {
				t.Errorf("a broadcast of another server is %s here", s.state("b"))
			}
			e = s.mustPublish("b")
			e.play(t, 10*time.Second)
			after := s.tsPlaylist("b")
			if got, want := newestMSN(t, after), newestMSN(t, before); got <= want {
				t.Errorf("players saw %d, now the newest is %d", want, got)
			}
			continues := strings.Contains(after, uriLine.FindString(before[len(before)-300:]))
			if continues != (away < 15*time.Second) || !strings.Contains(after, "#EXT-X-DISCONTINUITY\n") {
				t.Errorf("after %v the new playlist is\n%s", away, after)
			}
			e.sink.Close(nil)
			<-time.After(3 * time.Second)
			if continues {
				if length, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 9); length < 59*time.Second || length > 66*time.Second {
					t.Errorf("the replay has %v", length)
				}
			}
			// If the broadcast of the other server is not continued, no node owns it, and it is
			// ended after some hours.
			<-time.After(9 * time.Hour)
			if kept := s.keys(""); len(kept) > 0 {
				t.Errorf("after the retention the bucket has %v", kept)
			}
		})
	}
}

func TestHub_AbandonedBroadcastIsEndedAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		old := newNode(t).start(t, bucket)
		e := old.mustPublish("b")
		e.play(t, 2*time.Minute)
		left := copyOf(t, bucket)
		e.sink.Close(nil)

		s := newNode(t).start(t, left)
		<-time.After(5 * time.Hour)
		if s.object("live/b/source/index.m3u8") == "" || s.object("live/b/replay.m3u8") != "" {
			t.Errorf("after 5 hours: %v", s.keys(""))
		}
		<-time.After(2*time.Hour + 30*time.Minute)
		// Its last media is older than the retention: it is deleted as soon as it has ended.
		if kept := s.keys(""); len(kept) > 0 {
			t.Errorf("after the retention the bucket has %v", kept)
		}
	})
}

func TestHub_StoreThatDoesNotAnswerDelaysNoPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).startOn(t, bucket.Bucket, silentBucket{bucket}, 0)
		began := time.Now()
		e := s.mustPublish("b")
		if took := time.Since(began); took > 0 {
			t.Errorf("Publish took %v", took)
		}
		e.play(t, 5*time.Second)
		if s.state("b") != "live" {
			t.Errorf("state is %s", s.state("b"))
		}
		e.sink.Close(nil)
	})
}

// silentBucket is a bucket that does not answer reads and lists.
type silentBucket struct{ storage.Bucket }

func (silentBucket) List(ctx context.Context, _ string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		<-ctx.Done()
		yield(storage.Info{}, context.Cause(ctx))
	}
}

func (silentBucket) Get(ctx context.Context, _ string, _, _ int64) (*storage.Reader, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// firstReplayMSN returns the number of a replay's first segment.
func (s *testHub) firstReplayMSN(text string) int {
	s.t.Helper()
	m := replayLine.FindStringSubmatch(text)
	if m == nil {
		s.t.Fatalf("no replay:\n%s", text)
	}
	n, err := strconv.Atoi(m[4])
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// copyOf returns a copy of the bucket.
func copyOf(t *testing.T, r *outageBucket) *outageBucket {
	t.Helper()
	copied, s := memory.New(), &testHub{t: t, bucket: r.Bucket}
	for _, key := range s.keys("") {
		if err := copied.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte(s.object(key))}}); err != nil {
			t.Fatal(err)
		}
	}
	return &outageBucket{Bucket: copied}
}
