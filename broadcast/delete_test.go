package broadcast

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/storage/storagetest/memory"
)

func TestDelete_LeavesNothingOfALiveBroadcastAndItsPredecessors(t *testing.T) {
	program := fakeFFmpeg(t)
	for _, shared := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var r changeLog
			bucket := &outageBucket{Bucket: memory.New()}
			start := func(dir string) *testHub {
				if shared {
					return node{dir}.startOn(t, bucket.Bucket, bucket, time.Hour, withPictures(t, program), r.observe)
				}
				return newTestHubIn(t, dir, time.Hour, withPictures(t, program), r.observe)
			}
			s := start(t.TempDir())
			other := s.mustPublish("bb")
			other.play(t, 5*time.Second)
			other.sink.Close(nil)
			<-time.After(2 * time.Minute)
			kept := s.keys("")
			if len(kept) == 0 {
				t.Fatal("the other broadcast has no replay")
			}
			for range 2 {
				e := s.mustPublish("b")
				e.play(t, 15*time.Second)
				e.sink.Close(nil)
				<-time.After(70 * time.Second) // longer than the linger
			}
			e := s.mustPublish("b")
			e.play(t, 15*time.Second)
			e.closeWhenEvicted()
			if !s.hasPicture("poster.jpg", jpegStart) {
				t.Error("there was no poster")
			}
			r.changes()
			began := time.Now()
			if err := s.Delete(t.Context(), "b"); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took >= DefaultConfig().Linger/2 {
				t.Errorf("Delete took %v", took)
			}
			if got := r.changes(); !slices.Contains(got, "b ended requested") {
				t.Errorf("the observer got %v, want the end among them", got)
			}
			if left := s.keys(""); !slices.Equal(left, kept) {
				t.Errorf("shared %v: the bucket has %v, want %v", shared, left, kept)
			}
			if left := s.localKeys(""); shared && len(left) > 0 {
				t.Errorf("the disk has %v", left)
			}
			if _, ok := s.Find("b"); ok {
				t.Error("the broadcast can still be watched")
			}
			if _, err := s.replays.text(t.Context(), "b", "replay.m3u8"); err == nil {
				t.Error("the replay can still be read")
			}
			if _, err := s.replays.text(t.Context(), "bb", "replay.m3u8"); err != nil {
				t.Errorf("the other replay: %v", err)
			}
			if err := s.Delete(t.Context(), "b"); err != nil {
				t.Errorf("deleting it again: %v", err)
			}
			if err := s.Delete(t.Context(), "never"); err != nil {
				t.Errorf("deleting a broadcast that does not exist: %v", err)
			}
			e = s.mustPublish("b")
			e.play(t, 3*time.Second)
			if s.state("b") != "live" {
				t.Error("the id cannot be used again")
			}
			e.sink.Close(nil)
		})
	}
}

func TestDelete_WhileTheBucketIsAwayIsAnErrorAndCanBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).startFor(t, bucket, time.Hour)
		e := s.mustPublish("b")
		e.play(t, 15*time.Second)
		bucket.away.Store(true)
		e.play(t, 15*time.Second)
		e.closeWhenEvicted()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := s.Delete(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not stored yet") {
			t.Errorf("error %v, want one that says that segments are not stored yet", err)
		}
		bucket.away.Store(false)
		if err := s.Delete(t.Context(), "b"); err != nil {
			t.Error(err)
		}
		if left := append(s.keys(""), s.localKeys("")...); len(left) > 0 {
			t.Errorf("objects left: %v", left)
		}
	})
}

func TestDelete_OfAnotherNodesBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newNodePair(t)
		e := p.a.mustPublish("b")
		e.play(t, 5*time.Second)
		e.closeWhenEvicted()
		if err := p.b.Delete(t.Context(), "b"); !errors.Is(err, ErrElsewhere) || p.a.state("b") != "live" {
			t.Errorf("err = %v, and it is %s", err, p.a.state("b"))
		}
		p.a.End("b", "its owner ended it")
		<-time.After(2 * time.Minute)
		if len(p.b.keys("live/b/replay-")) != 1 {
			t.Fatal("there is no replay")
		}
		if err := p.b.Delete(t.Context(), "b"); err != nil {
			t.Error(err)
		}
		if left := p.b.keys(""); len(left) > 0 {
			t.Errorf("objects left: %v", left)
		}
	})
}
