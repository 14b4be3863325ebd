package broadcast

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golive/archive"
	"golive/internal/mediatest"
	"golive/media"
	"golive/storage"
	"golive/storage/storagetest/memory"
)

// playSlowly sends a stream of one picture a second, for tests that last hours.
func (e *encoder) playSlowly(t *testing.T, length time.Duration) {
	t.Helper()
	stream := mediatest.Stream{
		Video: e.video, FPS: 1, GOP: 2, BitRate: 4000, Length: length,
		Offset: media.TicksFromDuration(e.played), Epoch: time.Now(),
	}
	e.played += length
	for _, u := range stream.Units() {
		if wait := time.Until(u.Arrived); wait > 0 {
			<-time.After(wait)
		}
		if err := e.sink.WriteUnit(u); err != nil {
			t.Fatal(err)
		}
	}
}

// undeletableManifests is a bucket that fails to delete live manifests as often as left says.
type undeletableManifests struct {
	*memory.Bucket
	mu   sync.Mutex
	left int
}

func (s *undeletableManifests) Delete(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(key, "~manifests/live") && s.left > 0 {
		s.left--
		return errAway
	}
	return s.Bucket.Delete(ctx, key)
}

// A live manifest that could not be deleted is found again hours later. The broadcast has ended
// before, and its replay stays complete.
func TestHub_ReplayOutlivesAManifestThatWasNotDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New()
		s := newNode(t).startOn(t, b, &undeletableManifests{Bucket: b, left: 1}, 24*time.Hour)
		e := s.mustPublish("b")
		e.play(t, time.Minute)
		e.sink.Close(nil)
		<-time.After(2 * time.Minute)
		text := s.object("live/b/replay.m3u8")
		if len(s.keys("live/~manifests/live")) != 1 {
			t.Error("the manifest was deleted, so this tests nothing")
		}
		<-time.After(12 * time.Hour)
		if s.object("live/b/replay.m3u8") != text || len(s.keys("live/~manifests/live")) > 0 {
			t.Errorf("after 12 hours: %v", s.keys(""))
		}
		s.checkReplay(text, 1, 0)
		<-time.After(13 * time.Hour)
		if left := s.keys(""); len(left) > 0 {
			t.Errorf("after the retention the bucket has %v", left)
		}
	})
}

func TestHub_EndsABroadcastThatAnotherServerAbandoned(t *testing.T) {
	for _, displaced := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			bucket := &outageBucket{Bucket: memory.New()}
			old := newNode(t).startFor(t, bucket, 24*time.Hour)
			e := old.mustPublish("b")
			e.play(t, 3*time.Minute)
			left := copyOf(t, bucket)
			e.sink.Close(nil)

			s := newNode(t).startFor(t, left, 24*time.Hour)
			second := ""
			if displaced { // the publisher comes to this server after the reconnect window
				<-time.After(time.Minute)
				e := s.mustPublish("b")
				e.play(t, 20*time.Second)
				e.sink.Close(nil)
				<-time.After(3 * time.Second)
				second = s.object("live/b/replay.m3u8")
			}
			<-time.After(5 * time.Hour)
			if len(s.keys("live/~manifests/live")) != 1 {
				t.Errorf("after 5 hours: %v", s.keys("live/~manifests"))
			}
			<-time.After(3 * time.Hour)
			if left := s.keys("live/~manifests/live"); len(left) > 0 {
				t.Errorf("after 8 hours: %v", left)
			}
			var own string
			for _, k := range s.keys("live/b/replay-") {
				if text := s.object(k); text != second {
					own = text
				}
			}
			if length, _ := s.checkReplay(own, 1, 0); length < 175*time.Second {
				t.Errorf("the replay has %v", length)
			}
			if newest := s.object("live/b/replay.m3u8"); displaced && newest != second || !displaced && newest != own {
				t.Errorf("displaced=%t: the newest replay is %q, the second was %q", displaced, newest, second)
			}
			<-time.After(20 * time.Hour)
			if left := s.keys(""); len(left) > 0 {
				t.Errorf("after the retention the bucket has %v", left)
			}
		})
	}
}

// A node that returns after another one has ended its broadcast uploads what waited on its disk,
// and the replay includes it.
func TestHub_NodeThatReturnsCompletesTheReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, first := &outageBucket{Bucket: memory.New()}, newNode(t)
		old := first.startFor(t, bucket, 24*time.Hour)
		e := old.mustPublish("b")
		e.play(t, 30*time.Second)
		bucket.away.Store(true)
		e.play(t, 31*time.Second)
		disk, left := first.killed(t), copyOf(t, bucket)
		e.sink.Close(nil)
		s := newNode(t).startFor(t, left, 24*time.Hour)
		<-time.After(8 * time.Hour)
		if length, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 0); length > 40*time.Second || length < 25*time.Second {
			t.Errorf("the replay has %v", length)
		}
		again := disk.startFor(t, left, 24*time.Hour)
		<-time.After(10 * time.Minute)
		if length, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, unstored); length < 58*time.Second {
			t.Errorf("the replay has %v when the node is back", length)
		}
		if kept := again.localKeys(""); len(kept) > 0 {
			t.Errorf("the node's disk still has %v", kept)
		}
		<-time.After(20 * time.Hour)
		if left := s.keys(""); len(left) > 0 {
			t.Errorf("after the retention the bucket has %v", left)
		}
	})
}

// A server that restarts after its publisher has moved to another one does not touch the objects
// of that one.
func TestHub_RestartedServerLeavesABroadcastThatAnotherHasTakenOver(t *testing.T) {
	for _, away := range []time.Duration{5 * time.Second, time.Minute} { // within the reconnect window, or after it
		synctest.Test(t, func(t *testing.T) {
			bucket, first := &outageBucket{Bucket: memory.New()}, newNode(t)
			old := first.start(t, bucket)
			e := old.mustPublish("b")
			e.play(t, 50*time.Second)
			a, left := first.killed(t), copyOf(t, bucket)
			e.sink.Close(nil)

			<-time.After(away)
			s := newNode(t).start(t, left)
			e = s.mustPublish("b")
			e.play(t, 40*time.Second)
			again := a.start(t, left)
			for range 100 {
				e.play(t, time.Second)
				index := s.object("live/b/source/index.m3u8")
				if index == "" || strings.Contains(index, "ENDLIST") || s.object("live/b/index.m3u8") == "" {
					t.Fatalf("%v after the kill the live playlists were deleted: %v", away, s.keys("live/b/index"))
				}
			}
			b, _ := s.Find("b")
			if text := s.object(archive.Layout{Prefix: "live"}.Live("b", b.meta.Load().Token)); text == "" {
				t.Error("the manifest was deleted")
			}
			e.sink.Close(nil)
			<-time.After(3 * time.Second)
			text := s.object("live/b/replay.m3u8")
			if length, _ := s.checkReplay(text, s.firstReplayMSN(text), 9); length < 139*time.Second || away < 15*time.Second && length < 185*time.Second {
				t.Errorf("%v after the kill: the replay has %v", away, length)
			}
			<-time.After(9 * time.Hour)
			if kept := s.keys(""); len(kept) > 0 {
				t.Errorf("after the retention the bucket has %v", kept)
			}
			if kept := again.localKeys(""); len(kept) > 0 {
				t.Errorf("the first server's disk still has %v", kept)
			}
		})
	}
}

// A broadcast lingers at the shutdown: its successor is recovered completely.
func TestHub_ShutdownOfAPredecessorLeavesItsSuccessorsState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, first := &outageBucket{Bucket: memory.New()}, newNode(t)
		s := first.start(t, bucket)
		e := s.mustPublish("b")
		e.play(t, 10*time.Second)
		e.sink.Close(nil)
		<-time.After(time.Second)
		e = s.mustPublish("b")
		e.play(t, 21*time.Second)
		bucket.away.Store(true)
		e.play(t, 10*time.Second)
		go func() { e.sink.Close(<-e.evicted) }()
		s.stop()
		<-s.done
		again := first.killed(t).start(t, copyOf(t, bucket))
		<-time.After(5 * time.Second)
		text := again.object("live/b/replay.m3u8")
		if length, _ := again.checkReplay(text, 6, 0); length < 30*time.Second || length > 32*time.Second {
			t.Errorf("the replay has %v:\n%s", length, text)
		}
	})
}

// A manifest that still waits for the bucket does not make the broadcast live again.
func TestHub_EndIsKnownAfterARestartAlthoughNothingWasAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, first := &outageBucket{Bucket: memory.New()}, newNode(t)
		s := first.start(t, bucket)
		bucket.away.Store(true)
		e := s.mustPublish("b")
		e.play(t, 10*time.Second)
		e.sink.Close(nil)
		<-time.After(7 * time.Second)
		disk, left := first.killed(t), copyOf(t, bucket)
		left.away.Store(true)
		again := disk.start(t, left)
		synctest.Wait()
		if again.state("b") != "ended" {
			t.Errorf("after the restart: %s", again.state("b"))
		}
	})
}

// Two broadcasts under one id in one outage, then SIGKILL.
func TestHub_TwoBroadcastsDuringAnOutageSurviveAKill(t *testing.T) {
	for _, between := range []time.Duration{5 * time.Second, 2 * time.Minute} { // within the linger, or after
		synctest.Test(t, func(t *testing.T) {
			bucket, first := &outageBucket{Bucket: memory.New()}, newNode(t)
			s := first.start(t, bucket)
			bucket.away.Store(true)
			e := s.mustPublish("b")
			e.play(t, time.Minute)
			e.sink.Close(nil)
			<-time.After(between)
			e = s.mustPublish("b") // its uploads wait for those of the first
			e.play(t, 50*time.Second)
			disk, left := first.killed(t), copyOf(t, bucket)
			e.sink.Close(nil)
			left.away.Store(true)
			again := disk.start(t, left)
			synctest.Wait()
			if again.state("b") != "reconnecting" {
				t.Errorf("the second, which was live, is %s", again.state("b"))
			}
			left.away.Store(false)
			<-time.After(time.Minute)
			var lengths []time.Duration
			for _, k := range again.keys("live/b/replay-") {
				text := again.object(k)
				length, _ := again.checkReplay(text, again.firstReplayMSN(text), 6)
				lengths = append(lengths, length)
			}
			if len(lengths) != 2 || lengths[0]+lengths[1] < 105*time.Second {
				t.Errorf("the replays have %v", lengths)
			}
			if text := again.object("live/b/replay.m3u8"); len(replayLine.FindAllString(text, -1)) > 30 {
				t.Errorf("the newest replay is not that of the second:\n%s", text)
			}
		})
	}
}

// The next broadcast's numbers follow all that players of the abandoned one may have seen.
func TestHub_SuccessorOfAnotherServersBroadcastContinuesItsNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		old := newNode(t).start(t, bucket)
		e := old.mustPublish("b")
		e.play(t, 20*time.Second)
		for range 3 {
			e.sink.Close(errors.New("reset"))
			e = old.mustPublish("b")
			e.play(t, 5*time.Second)
		}
		before := old.tsPlaylist("b")
		left := copyOf(t, bucket)
		e.sink.Close(nil)
		<-time.After(20 * time.Second)
		s := newNode(t).start(t, left)
		e = s.mustPublish("b")
		e.play(t, 3*time.Second)
		after := s.tsPlaylist("b")
		if newestMSN(t, after) <= newestMSN(t, before) || discSeq.FindString(after) != "DISCONTINUITY-SEQUENCE:3" {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
		e.sink.Close(nil)
	})
}

// slowReadBucket is a bucket whose reads take a while.
type slowReadBucket struct {
	*memory.Bucket
	delay time.Duration
}

func (l slowReadBucket) Get(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	select {
	case <-time.After(l.delay):
		return l.Bucket.Get(ctx, key, offset, length)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// The publisher does not wait until the log has been read, and the replay has all of it.
func TestHub_LongBroadcastIsResumedFromASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &outageBucket{Bucket: memory.New()}
		s := newNode(t).startFor(t, b, 24*time.Hour)
		e := s.mustPublish("b")
		e.playSlowly(t, time.Hour)
		before := s.tsPlaylist("b")
		left := copyOf(t, b)
		e.sink.Close(nil)
		other := newNode(t).startOn(t, left.Bucket, slowReadBucket{left.Bucket, 900 * time.Millisecond}, 24*time.Hour)
		began := time.Now()
		e = other.mustPublish("b")
		if took := time.Since(began); took > 0 {
			t.Errorf("Publish took %v", took)
		}
		e.play(t, 20*time.Second)
		if newestMSN(t, other.tsPlaylist("b")) <= newestMSN(t, before) {
			t.Error("the numbers do not continue")
		}
		e.sink.Close(nil)
		<-time.After(10 * time.Second)
		if length, n := other.checkReplay(other.object("live/b/replay.m3u8"), 1, 6); length < time.Hour {
			t.Errorf("the replay has %v in %d segments", length, n)
		}
	})
}

// With a window that is longer than the linger, segments are due after the broadcast has been
// forgotten. They are deleted nevertheless.
func TestHub_DeletesWhatIsDueAfterTheLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := memory.New()
		s := newNode(t).startOn(t, bucket, bucket, 0, func(c *Settings) { c.Playlist.Window = 2 * time.Minute })
		e := s.mustPublish("b")
		e.play(t, 10*time.Minute)
		e.sink.Close(nil)
		<-time.After(6 * time.Minute)
		if left := s.keys(""); len(left) > 0 {
			t.Errorf("6 minutes later there are %d objects, %v", len(left), left[:1])
		}
	})
}

// playlistHistory keeps every version of the live playlist.
type playlistHistory struct {
	*outageBucket
	mu   sync.Mutex
	text []string
}

func (h *playlistHistory) Put(ctx context.Context, o storage.Object) error {
	err := h.outageBucket.Put(ctx, o)
	if err == nil && o.Key == "live/b/source/index.m3u8" {
		h.mu.Lock()
		h.text = append(h.text, string(o.Slabs[0]))
		h.mu.Unlock()
	}
	return err
}

// The successor begins while its predecessor is still draining.
func TestHub_NumbersContinueAfterABroadcastThatIsStillDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &playlistHistory{outageBucket: &outageBucket{Bucket: memory.New()}}
		s := newNode(t).startOn(t, bucket.Bucket, bucket, time.Hour)
		e := s.mustPublish("b")
		e.play(t, time.Minute)
		bucket.away.Store(true)
		e.play(t, 10*time.Second)
		e.sink.Close(nil)
		<-time.After(2 * time.Minute)
		if s.state("b") != "forgotten" {
			t.Fatalf("state is %s", s.state("b"))
		}
		e = s.mustPublish("b")
		e.play(t, 10*time.Second)
		bucket.away.Store(false)
		e.play(t, 10*time.Second)
		e.sink.Close(nil)
		<-time.After(5 * time.Second)
		bucket.mu.Lock()
		defer bucket.mu.Unlock()
		newest := -1
		for _, text := range bucket.text {
			if n := newestMSN(t, text); n < newest {
				t.Errorf("segment %d is the newest after %d:\n%s", n, newest, text)
			} else {
				newest = n
			}
		}
		if newest < 40 {
			t.Errorf("the newest segment is %d, want 40 at least", newest)
		}
	})
}

// In an outage of the bucket, however long, a node keeps the broadcasts whose leases it holds.
func TestHub_LongOutageEndsNoLiveBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &playlistHistory{outageBucket: &outageBucket{Bucket: memory.New()}}
		claims := &testRegistry{owners: map[string]*testLease{}}
		start := func(name string) *testHub {
			return newNode(t).startOn(t, bucket.Bucket, bucket, 24*time.Hour, func(c *Settings) {
				c.Segmenter.SegmentDuration, c.Playlist.Window, c.Ownership = 10*time.Second, time.Minute, registryView{claims, name}
			})
		}
		start("a") // this node sweeps too
		<-time.After(10 * time.Second)
		s := start("b")
		e := s.mustPublish("b")
		e.playSlowly(t, time.Hour-time.Minute)
		bucket.away.Store(true)
		e.playSlowly(t, 8*time.Hour)
		bucket.away.Store(false)
		e.playSlowly(t, 10*time.Minute)
		if due := s.keys("live/~manifests/due"); len(due) > 0 || s.object("live/b/index.m3u8") == "" {
			t.Errorf("a live broadcast was ended: %v", due)
		}
		e.sink.Close(nil)
		<-time.After(time.Minute)
		if length, _ := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 0); length < 9*time.Hour {
			t.Errorf("the replay has %v", length)
		}
	})
}

// A power failure may leave a page empty.
func TestHub_DamagedLogPageLosesOnlyItsSegments(t *testing.T) {
	for _, damaged := range []int{0, 1} { // of the pages of 12 minutes
		synctest.Test(t, func(t *testing.T) {
			old := newReplayHub(t, t.TempDir())
			e := old.mustPublish("b")
			e.playSlowly(t, 12*time.Minute)
			dir := old.copyDisk()
			e.sink.Close(nil)
			<-time.After(3 * time.Second)
			pages, err := filepath.Glob(filepath.Join(dir, "live/b/log-*/*.jsonl"))
			if err != nil || len(pages) < 3 {
				t.Fatalf("pages %v: %v", pages, err)
			}
			editFile(t, pages[damaged], func(string) string { return "" })
			s := newReplayHub(t, dir)
			<-time.After(20 * time.Second)
			text := s.object("live/b/replay.m3u8")
			if _, n := s.checkReplay(text, s.firstReplayMSN(text), 134); n < 220 {
				t.Errorf("without page %d the replay has %d segments", damaged, n)
			}
			<-time.After(2 * time.Hour)
			if left := s.keys(""); len(left) > 0 {
				t.Errorf("after the retention the folder has %v", left)
			}
		})
	}
}

func TestHub_RestartsInARowDoNotRenewTheReconnectWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newTestHub(t)
		e := old.mustPublish("b")
		e.play(t, 20*time.Second)
		bucket := old.copyDisk()
		e.sink.Close(nil)
		for range 2 {
			<-time.After(10 * time.Second)
			s := newTestHubIn(t, bucket, 0)
			<-time.After(time.Second)
			bucket = s.copyDisk()
		}
		s := newTestHubIn(t, bucket, 0)
		<-time.After(time.Second)
		if s.state("b") != "ended" {
			t.Errorf("23 s after the publisher was lost: %s", s.state("b"))
		}
	})
}

// An unavailable store is reported, even if the live broadcast has no pending request.
func TestHub_ReportsAStoreThatIsUnavailableToAPredecessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).start(t, bucket)
		e := s.mustPublish("b")
		e.play(t, 5*time.Second)
		bucket.away.Store(true)
		e.play(t, 5*time.Second)
		e.sink.Close(nil)
		<-time.After(2 * time.Second)
		e = s.mustPublish("b") // this broadcast has not used the store yet
		e.play(t, time.Minute)
		if err := s.Archiving(t.Context()); err == nil {
			t.Error("the node is ready although the store is unavailable")
		}
		bucket.away.Store(false)
		e.play(t, 10*time.Second)
		if err := s.Archiving(t.Context()); err != nil {
			t.Error(err)
		}
		e.sink.Close(nil)
	})
}
