package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/media"
	"golive/storage"
	"golive/storage/spool"
)

var errDiskFull = &storage.Error{Op: "put to spool", Key: "k", Err: syscall.ENOSPC, Hint: "free space"}

// troubled is a spool on a real disk that can fail and hang.
type troubled struct {
	*spool.Spool
	dir string

	mu     sync.Mutex
	before func(op string) error
	adds   int
}

func newTroubled(t *testing.T, dir string, maxBytes int64) *troubled {
	t.Helper()
	s, err := spool.Open(dir, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &troubled{Spool: s, dir: dir}
}

// killed is a spool over what the directory of this one holds now, as a server
// finds it that was killed at this instant.
func (s *troubled) killed(t *testing.T) *troubled {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	return newTroubled(t, dir, 1<<30)
}

func (s *troubled) do(op string) error {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		return before(op)
	}
	return nil
}

// trouble is what happens before each operation from now on.
func (s *troubled) trouble(before func(op string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

func (s *troubled) Add(broadcast, rendition string, seg *media.Segment, offered time.Time) (*storage.Spooled, error) {
	s.mu.Lock()
	s.adds++
	s.mu.Unlock()
	if err := s.do("add"); err != nil {
		return nil, err
	}
	return s.Spool.Add(broadcast, rendition, seg, offered)
}

func (s *troubled) Read(e *storage.Spooled) ([]byte, error) {
	if err := s.do("read"); err != nil {
		return nil, err
	}
	return s.Spool.Read(e)
}

func (s *troubled) Remove(e *storage.Spooled) error {
	if err := s.do("remove"); err != nil {
		return err
	}
	return s.Spool.Remove(e)
}

func content(seg *media.Segment) string { return string(bytes.Join(seg.Slabs(), nil)) }

// names is how the index should hear of the segments from first to last.
func names(first, last int) (heard []string) {
	for msn := first; msn <= last; msn++ {
		heard = append(heard, fmt.Sprintf("source s-%d.ts", msn))
	}
	return heard
}

// hasAll checks the bucket's segments byte for byte.
func hasAll(t *testing.T, b *faulty, first, last, size int) {
	t.Helper()
	for msn := first; msn <= last; msn++ {
		if b.text(t, fmt.Sprintf("%s/source/s-%d.ts", prefix, msn)) != content(segment(msn, size)) {
			t.Errorf("segment %d is not in the bucket as it was offered", msn)
		}
	}
}

func TestSpool_TakesAnOutageAndDrainsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 1<<30)
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{QueueBytes: 5000, Spool: s}, b, x)
		for msn := range 30 {
			if !h.Offer("source", segment(msn, 1000)) {
				t.Errorf("segment %d was refused", msn)
			}
			after(2 * time.Second)
			if got := h.Status(); got.QueueBytes != 0 || got.SpoolSegments != msn+1 || got.Segments != msn+1 || got.SpoolBytes != s.Bytes() {
				t.Fatalf("after segment %d: %+v, spool has %d bytes", msn, got, s.Bytes())
			}
		}
		if got := s.Broadcasts(); !cmp.Equal(got, []string{"show"}) {
			t.Errorf("spooled under %q", got)
		}
		back()
		after(10 * time.Second)
		h.Offer("source", segment(30, 1000))
		synctest.Wait()
		if got, want := x.told(), names(0, 30); !cmp.Equal(got, want) {
			t.Errorf("heard %q", got)
		}
		hasAll(t, b, 0, 30, 1000)
		if got := x.segments[3]; !cmp.Equal(got, segment(3, 1000).WithoutData()) {
			t.Errorf("heard of %+v", got)
		}
		if s.Bytes() != 0 || s.Segments() != 0 || h.Status() != (storage.ArchiverStatus{}) {
			t.Errorf("%d bytes are left in the spool, status %+v", s.Bytes(), h.Status())
		}
		if got := h.value(t, "golive_storage_queue_bytes", ""); got != 0 {
			t.Errorf("queue_bytes is %v", got)
		}
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestSpool_TakesWhatASlowBucketDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 1<<30)
		began := time.Now()
		b.wait = func(_, key string) time.Duration {
			if strings.HasSuffix(key, ".ts") && time.Since(began) < time.Minute {
				return 4 * time.Second // half of real time
			}
			return 10 * time.Millisecond
		}
		h := start(t, storage.ArchiverConfig{QueueBytes: 2500, Spool: s}, b, x)
		deepest := 0
		for msn := range 45 {
			if !h.Offer("source", segment(msn, 1000)) {
				t.Errorf("segment %d was refused", msn)
			}
			after(2 * time.Second)
			deepest = max(deepest, h.Status().SpoolSegments)
		}
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if got := x.told(); !cmp.Equal(got, names(0, 44)) {
			t.Errorf("heard %q", got)
		}
		hasAll(t, b, 0, 44, 1000)
		if deepest < 10 || s.Bytes() != 0 {
			t.Errorf("at most %d were spooled, %d bytes are left", deepest, s.Bytes())
		}
		if len(h.log.with("uploads take most of real time")) == 0 {
			t.Error("nobody was warned")
		}
	})
}

func TestSpool_IsLeftAloneWhileTheBucketKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newFaulty(), newTroubled(t, t.TempDir(), 1<<30)
		b.wait = func(string, string) time.Duration { return 150 * time.Millisecond }
		h := start(t, storage.ArchiverConfig{Spool: s}, b, newIndex())
		for msn := range 60 {
			for _, rendition := range []string{"source", "720p", "480p"} {
				h.Offer(rendition, segment(msn, 1000))
			}
			after(2 * time.Second)
		}
		if s.adds != 0 {
			t.Errorf("%d segments were spooled", s.adds)
		}
		if n := len(h.log.with("uploads take")); n != 0 {
			t.Errorf("warned %d times at a quarter of real time", n)
		}
		if got := h.value(t, "golive_storage_upload_ratio", ""); got != 180 {
			t.Errorf("%v ratios observed", got)
		}
	})
}

func TestSpool_GivesUpTheOldestOverItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 12_000)
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{QueueBytes: 5000, Spool: s}, b, x)
		for msn := range 30 {
			if !h.Offer("source", segment(msn, 1000)) {
				t.Errorf("segment %d was refused", msn)
			}
			after(2 * time.Second)
			if s.Bytes() > 12_000 {
				t.Fatalf("the spool has %d bytes", s.Bytes())
			}
		}
		kept := h.Status().SpoolSegments
		if got := h.Status(); kept < 5 || int(got.Lost) != 30-kept || got.Segments != kept {
			t.Errorf("status is %+v", got)
		}
		back()
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		want := names(0, 29)
		for i := range 30 - kept {
			want[i] += " lost"
		}
		if got := x.told(); !cmp.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
		hasAll(t, b, 30-kept, 29, 1000)
		if got := h.value(t, "golive_storage_dropped_total", "spool_full"); int(got) != 30-kept || s.Bytes() != 0 {
			t.Errorf("dropped %v of %d, %d bytes left", got, 30-kept, s.Bytes())
		}
		if line := h.log.with("segments lost"); len(line) == 0 || !strings.Contains(line[0], "level=ERROR") || !strings.Contains(line[0], "reason=spool_full") {
			t.Errorf("log is %q", line)
		}
	})
}

func TestSpool_DoesNotGiveUpTheOneThatIsBeingPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 6000)
		hang := make(chan struct{})
		b.before = func(string, string) error { <-hang; return nil }
		h := start(t, storage.ArchiverConfig{Spool: s}, b, x)
		for msn := range 10 {
			h.Offer("source", segment(msn, 1000))
			after(2 * time.Second)
		}
		close(hang)
		synctest.Wait()
		if got := x.told(); len(got) != 10 || got[0] != "source s-0.ts" || got[1] != "source s-1.ts lost" || got[9] != "source s-9.ts" {
			t.Errorf("heard %q", got)
		}
		hasAll(t, b, 0, 0, 1000)
	})
}

func TestSpool_TakesNewerOnesWhileTheOldestHasNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 2000) // one segment
		hang := make(chan struct{})
		b.before = func(string, string) error { <-hang; return nil }
		h := start(t, storage.ArchiverConfig{QueueBytes: 2500, Spool: s}, b, x)
		h.Offer("source", segment(0, 1000))
		for msn := 1; msn < 10; msn++ {
			synctest.Wait()
			if !h.Offer("source", segment(msn, 1000)) {
				t.Errorf("segment %d was refused", msn)
			}
			after(600 * time.Millisecond)
		}
		if got := h.Status(); got.QueueBytes != 1000 || got.SpoolSegments != 1 || got.Lost != 8 {
			t.Errorf("status is %+v", got)
		}
		close(hang)
		synctest.Wait()
		if got := x.told(); len(got) != 10 || got[0] != "source s-0.ts" || got[8] != "source s-8.ts lost" || got[9] != "source s-9.ts" {
			t.Errorf("heard %q", got)
		}
	})
}

func TestSpool_DropsWhatTheBucketHasBeforeWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 5000)
		b.wait = func(string, string) time.Duration { return 1500 * time.Millisecond }
		b.before = func(_, key string) error {
			if strings.HasSuffix(key, ".m3u8") {
				return errAway
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{Spool: s}, b, x)
		for msn := range 20 {
			h.Offer("source", segment(msn, 1000))
			after(4 * time.Second)
		}
		if got := h.Status(); got.Lost != 0 || s.Segments() < 2 {
			t.Errorf("status is %+v, %d in the spool", got, s.Segments())
		}
		if line := h.log.with("segments not spooled"); len(line) != 0 {
			t.Errorf("log is %q", line)
		}
	})
}

func TestSpool_ThatFailsLeavesSegmentsInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 1<<30)
		back := b.goAway()
		s.trouble(func(string) error { return errDiskFull })
		h := start(t, storage.ArchiverConfig{QueueBytes: 3500, Spool: s}, b, x)
		var taken []bool
		for msn := range 5 {
			taken = append(taken, h.Offer("source", segment(msn, 1000)))
			after(2 * time.Second)
		}
		if !cmp.Equal(taken, []bool{true, true, true, false, false}) {
			t.Errorf("taken %v", taken)
		}
		if got := h.Status(); got.QueueBytes != 3000 || got.SpoolSegments != 0 || !strings.Contains(got.SpoolError, "free space") {
			t.Errorf("status is %+v", got)
		}
		if line := h.log.with("segments not spooled, they wait in memory"); len(line) == 0 || len(line) > 10 || !strings.Contains(line[0], "free space") {
			t.Errorf("log is %q", line)
		}
		s.trouble(nil)
		after(5 * time.Second)
		if got := h.Status(); got.QueueBytes != 0 || got.SpoolSegments != 3 || got.SpoolError != "" || len(h.log.with("spool recovered")) != 1 {
			t.Errorf("after the disk recovered: %+v", got)
		}
		back()
		after(10 * time.Second)
		want := append(names(0, 2), "source s-3.ts lost", "source s-4.ts lost")
		if got := x.told(); !cmp.Equal(got, want) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestOffer_DoesNotWaitForAHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newFaulty(), newTroubled(t, t.TempDir(), 1<<30)
		b.goAway()
		s.trouble(func(string) error { after(time.Hour); return nil })
		h := start(t, storage.ArchiverConfig{QueueBytes: 5000, Spool: s}, b, newIndex())
		for msn := range 10 {
			before := time.Now()
			h.Offer("source", segment(msn, 1000))
			if waited := time.Since(before); waited != 0 {
				t.Errorf("Offer waited %v", waited)
			}
			after(2 * time.Second)
		}
		if got := h.Status(); got.QueueBytes != 5000 || got.Lost != 5 {
			t.Errorf("status is %+v", got)
		}
	})
}

func TestRecover_LosesNothingThatWasSpooledBeforeAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newFaulty(), newTroubled(t, t.TempDir(), 1<<30)
		b.goAway()
		h := start(t, storage.ArchiverConfig{Spool: s}, b, newIndex())
		for msn := range 12 {
			h.Offer("source", segment(msn, 1000))
			after(2 * time.Second)
		}
		found := s.killed(t)
		began := time.Now()
		h.stop(nil)

		b2, x2 := newFaulty(), newIndex()
		entries := found.Load("show")
		a := newHouse(storage.ArchiverConfig{Spool: found}, b2, x2)
		for _, e := range entries {
			a.Recover(e)
		}
		if got := a.Status(); got.SpoolSegments != 12 || got.SpoolBytes != found.Bytes() || got.QueueBytes != 0 || got.Lag != 24*time.Second {
			t.Errorf("status is %+v", got)
		}
		a.Offer("source", segment(12, 1000))
		a.run(t)
		a.Finish()
		if err := <-a.ended; err != nil {
			t.Fatal(err)
		}
		if got := x2.told(); !cmp.Equal(got, names(0, 12)) {
			t.Errorf("heard %q", got)
		}
		hasAll(t, b2, 0, 12, 1000)
		if got := x2.segments[4]; !cmp.Equal(got, segment(4, 1000).WithoutData()) {
			t.Errorf("heard of %+v", got)
		}
		if found.Bytes() != 0 || time.Since(began) > time.Second {
			t.Errorf("%d bytes are left after %v", found.Bytes(), time.Since(began))
		}
	})
}

func TestRecover_PanicsAfterAnOffer(t *testing.T) {
	s := newTroubled(t, t.TempDir(), 1<<30)
	e, err := s.Add("show", "source", segment(1, 10), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(storage.ArchiverConfig{Spool: s}, newFaulty(), newIndex())
	h.Offer("source", segment(2, 10))
	defer func() {
		if recover() == nil {
			t.Error("did not panic")
		}
	}()
	h.Recover(e)
}

func TestSpool_KeepsASegmentUntilAPlaylistMayNameIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newFaulty(), newTroubled(t, t.TempDir(), 1<<30)
		var mu sync.Mutex
		away := ".ts"
		b.before = func(_, key string) error {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasSuffix(key, away) {
				return errAway
			}
			return nil
		}
		fail := func(suffix string) { mu.Lock(); away = suffix; mu.Unlock() }
		h := start(t, storage.ArchiverConfig{Spool: s}, b, newIndex())
		h.Offer("source", segment(0, 1000))
		after(2 * time.Second)
		fail("source/index.m3u8")
		after(10 * time.Second)
		hasAll(t, b, 0, 0, 1000)
		if got := h.Status(); s.Segments() != 1 || got.SpoolSegments != 0 || got.Segments != 0 {
			t.Errorf("no playlist names the segment, and %d are in the spool; status %+v", s.Segments(), got)
		}
		fail("nothing")
		after(10 * time.Second)
		if s.Segments() != 0 {
			t.Error("the playlist names the segment, and it is still in the spool")
		}
		h.Finish()
		<-h.ended
	})
}

func TestRun_SpoolsWhatIsInMemoryAtAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newFaulty(), newTroubled(t, t.TempDir(), 1<<30)
		b.wait = func(string, string) time.Duration { return time.Hour }
		h := start(t, storage.ArchiverConfig{Spool: s}, b, newIndex())
		for msn := range 5 {
			h.Offer("source", segment(msn, 1000))
			h.Offer("720p", segment(msn, 1000))
			after(500 * time.Millisecond)
		}
		h.Offer("480p", segment(4, 1000))
		h.Offer("480p", segment(5, 1000))
		h.stop(nil)
		<-h.ended
		if got := h.Status(); got.Lost != 0 || got.QueueBytes != 0 || len(h.log.with("segments lost")) != 0 {
			t.Errorf("status is %+v, log %q", got, h.log.all)
		}
		if line := h.log.with("segments stay in the spool for the next start"); len(line) != 1 || !strings.Contains(line[0], "count=12") {
			t.Errorf("log is %q", h.log.all)
		}
		again := newTroubled(t, s.dir, 1<<30)
		b2, x2 := newFaulty(), newIndex()
		a := newHouse(storage.ArchiverConfig{Spool: again}, b2, x2)
		for _, e := range again.Load("show") {
			a.Recover(e)
		}
		a.Finish()
		a.run(t)
		if err := <-a.ended; err != nil {
			t.Fatal(err)
		}
		if got := x2.told(); len(got) != 12 || got[0] != "source s-0.ts" || got[11] != "480p s-5.ts" {
			t.Errorf("heard %q", got)
		}
		hasAll(t, b2, 0, 4, 1000)
	})
}

func TestRun_EndsInTimeWhenTheSpoolFailsAtAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newFaulty(), newTroubled(t, t.TempDir(), 1<<30)
		b.wait = func(string, string) time.Duration { return time.Hour }
		s.trouble(func(string) error { return errDiskFull })
		h := start(t, storage.ArchiverConfig{Spool: s, SpillTimeout: 3 * time.Second}, b, newIndex())
		h.Offer("source", segment(0, 1000))
		h.Offer("source", segment(1, 1000))
		after(time.Minute)
		began := time.Now()
		h.stop(nil)
		<-h.ended
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("ended after %v", took)
		}
		if got := h.value(t, "golive_storage_dropped_total", "stopped"); got != 2 {
			t.Errorf("dropped %v", got)
		}
	})
}

func TestRun_GivesUpASpooledSegmentThatIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 1<<30)
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{Spool: s}, b, x)
		for msn := range 4 {
			h.Offer("source", segment(msn, 1000))
			after(2 * time.Second)
		}
		entries := s.Load("show")
		if err := os.Truncate(filepath.Join(s.dir, entries[1].Name), 900); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(s.dir, entries[2].Name)); err != nil {
			t.Fatal(err)
		}
		back()
		after(10 * time.Second)
		want := []string{"source s-0.ts", "source s-1.ts lost", "source s-2.ts lost", "source s-3.ts"}
		if got := x.told(); !cmp.Equal(got, want) {
			t.Errorf("heard %q", got)
		}
		if got := h.value(t, "golive_storage_dropped_total", "spool_damaged"); got != 2 || s.Bytes() != 0 || s.Damaged() != 1 {
			t.Errorf("dropped %v, %d bytes left, %d damaged", got, s.Bytes(), s.Damaged())
		}
	})
}

func TestSpool_ForgetsWhatExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 1<<30)
		b.goAway()
		h := start(t, storage.ArchiverConfig{Spool: s}, b, x)
		h.Offer("source", segment(0, 1000))
		after(2 * time.Second)
		h.Expire(prefix+"/source/s-0.ts", time.Now().Add(time.Second))
		after(2 * time.Second)
		if s.Segments() != 0 || h.Status().SpoolBytes != 0 || !cmp.Equal(x.told(), []string{"source s-0.ts lost"}) {
			t.Errorf("%d in the spool, heard %q", s.Segments(), x.told())
		}
	})
}

func TestSpool_KeepsOneTooLargeInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x, s := newFaulty(), newIndex(), newTroubled(t, t.TempDir(), 6000)
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{Spool: s}, b, x)
		for msn, size := range []int{1000, 10_000, 1000} {
			h.Offer("source", segment(msn, size))
			after(2 * time.Second)
		}
		if got := h.Status(); got.SpoolSegments != 2 || got.QueueBytes != 10_000 {
			t.Errorf("status is %+v", got)
		}
		back()
		after(10 * time.Second)
		if got := x.told(); !cmp.Equal(got, names(0, 2)) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestSpool_LeavesWhatItCannotRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newFaulty(), newTroubled(t, t.TempDir(), 1<<30)
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{Spool: s}, b, newIndex())
		h.Offer("source", segment(0, 1000))
		after(2 * time.Second)
		s.trouble(func(op string) error {
			if op == "remove" {
				return errors.New("read-only file system")
			}
			return nil
		})
		back()
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if s.Segments() != 1 || len(h.log.with("segments not removed from the spool")) != 1 {
			t.Errorf("%d in the spool, log %q", s.Segments(), h.log.all)
		}
	})
}
