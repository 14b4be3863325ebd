package storage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/storage"
)

// TestArchiver_NamesOnlyWhatIsThere is the promise: whatever the bucket does, each
// playlist in it names only objects that are in it, and all comes in order.
func TestArchiver_NamesOnlyWhatIsThere(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { promise(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func promise(t *testing.T, r *rand.Rand) {
	const segments = 60
	b := newFaulty()
	b.wait = func(string, string) time.Duration { return time.Duration(r.IntN(3000)) * time.Millisecond }
	b.before = func(string, string) error {
		if r.IntN(4) == 0 {
			return errAway
		}
		return nil
	}
	b.after = func(op, key string) error {
		b.namesOnlyWhatIsThere(t, key)
		if op == "put" && r.IntN(5) == 0 {
			return errors.New("500 after storing")
		}
		return nil
	}
	x := newIndex()
	h := start(t, storage.ArchiverConfig{QueueBytes: 8000}, b, ender{x})
	var offered []string
	taken := 0
	for msn := range segments {
		for _, rendition := range []string{"source", "720p"}[:1+min(msn/10, 1)] {
			if h.Offer(rendition, segment(msn, 900)) {
				taken++
			}
			offered = append(offered, fmt.Sprintf("%s s-%d.ts", rendition, msn))
		}
		after(2 * time.Second)
	}
	h.Finish(textObject(prefix+"/source/index.m3u8", []string{"replaced by Ended"}))
	if err := <-h.ended; err != nil {
		t.Fatal(err)
	}

	heard, lost := x.told(), 0
	for i, s := range heard {
		plain, gone := strings.CutSuffix(s, " lost")
		if gone {
			lost++
		}
		if i >= len(offered) || plain != offered[i] {
			t.Fatalf("heard %q as number %d, offered %q", s, i, offered)
		}
	}
	if len(heard) != len(offered) || lost != len(offered)-taken {
		t.Errorf("heard %d of %d, %d lost, %d refused", len(heard), len(offered), lost, len(offered)-taken)
	}
	for rendition, want := range x.lines {
		if got := b.text(t, playlistKey(rendition)); got != strings.Join(append(want, "ENDLIST"), "\n") {
			t.Errorf("the last playlist of %s is %q", rendition, got)
		}
	}
	if v := h.value(t, "golive_storage_queue_bytes", ""); v != 0 {
		t.Errorf("%v bytes are still in the queue", v)
	}
	if v := h.value(t, "golive_storage_upload_lag_seconds", ""); int(v) != taken {
		t.Errorf("%v lags observed, want %d", v, taken)
	}
}

func TestArchiver_PutsTheSegmentWithItsHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		h := start(t, storage.ArchiverConfig{}, b, x)
		seg := segment(3, 1000)
		if !h.Offer("source", seg) {
			t.Fatal("refused")
		}
		synctest.Wait()
		want := []string{"put source/s-3.ts", "put source/index.m3u8", "put index.m3u8"}
		if got := b.done(); !cmp.Equal(got, want) {
			t.Errorf("did %q, want %q", got, want)
		}
		var bytes strings.Builder
		for _, slab := range seg.Slabs() {
			bytes.Write(slab)
		}
		if b.text(t, prefix+"/source/s-3.ts") != bytes.String() {
			t.Error("other bytes are in the bucket")
		}
		if x.segments[0] != seg {
			t.Error("the index heard of another segment")
		}
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestOffer_RefusesWhatTheQueueCannotHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{QueueBytes: 2500}, b, x)
		var taken []bool
		for msn := range 5 {
			taken = append(taken, h.Offer("source", segment(msn, 1000)))
			after(time.Second)
		}
		if want := []bool{true, true, false, false, false}; !cmp.Equal(taken, want) {
			t.Errorf("taken %v, want %v", taken, want)
		}
		s := h.Status()
		if s.Segments != 2 || s.QueueBytes != 2000 || s.Lost != 3 || s.Lag != 5*time.Second ||
			!strings.Contains(s.Error, "bring it back") || time.Since(s.FailingSince) != 5*time.Second {
			t.Errorf("status is %+v", s)
		}
		if got := h.value(t, "golive_storage_queue_bytes", ""); got != 2000 {
			t.Errorf("queue_bytes is %v", got)
		}
		back()
		after(10 * time.Second)
		want := []string{"source s-0.ts", "source s-1.ts", "source s-2.ts lost", "source s-3.ts lost", "source s-4.ts lost"}
		if got := x.told(); !cmp.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
		if x.segments[2].Parts != nil || x.segments[2].Duration == 0 {
			t.Error("a lost segment keeps its bytes, or lost its duration")
		}
		if s := h.Status(); s != (storage.ArchiverStatus{Lost: 3}) {
			t.Errorf("status after recovery is %+v", s)
		}
		if got := h.value(t, "golive_storage_dropped_total", "queue_full"); got != 3 {
			t.Errorf("dropped %v", got)
		}
		if len(h.log.with("segments lost")) == 0 || len(h.log.with("storage recovered")) != 1 {
			t.Errorf("log is %q", h.log.all)
		}
	})
}

func TestOffer_TakesOneSegmentWhateverItsSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, storage.ArchiverConfig{QueueBytes: 10}, newFaulty(), newIndex())
		for msn := range 3 {
			if !h.Offer("source", segment(msn, 1000)) {
				t.Errorf("segment %d was refused", msn)
			}
			synctest.Wait()
		}
	})
}

func TestOffer_PanicsWithoutBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, storage.ArchiverConfig{}, newFaulty(), newIndex())
		seg := segment(1, 10)
		seg.Parts[1].Data = nil
		defer func() {
			if recover() == nil {
				t.Error("did not panic")
			}
		}()
		h.Offer("source", seg)
	})
}

func TestRun_GivesUpWhatTheBucketWillNeverTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		b.before = func(_, key string) error {
			if strings.HasSuffix(key, "s-1.ts") {
				return &storage.Error{Op: "put", Key: key, Err: errors.New("too odd"), Permanent: true}
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{}, b, x)
		for msn := range 3 {
			h.Offer("source", segment(msn, 100))
		}
		synctest.Wait()
		if got, want := x.told(), []string{"source s-0.ts", "source s-1.ts lost", "source s-2.ts"}; !cmp.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
		if got := h.value(t, "golive_storage_dropped_total", "rejected"); got != 1 {
			t.Errorf("dropped %v", got)
		}
	})
}

func TestRun_BacksOffAndLogsAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		var tries []time.Time
		b.before = func(string, string) error {
			tries = append(tries, time.Now())
			return errAway
		}
		h := start(t, storage.ArchiverConfig{}, b, newIndex())
		began := time.Now()
		h.Offer("source", segment(0, 100))
		after(time.Minute)
		synctest.Wait()
		// 0.1 to 0.2 s, doubling up to 2.5 to 5 s.
		if n := len(tries); n < 14 || n > 30 {
			t.Errorf("tried %d times in a minute", n)
		}
		for i := 1; i < len(tries); i++ {
			if gap := tries[i].Sub(tries[i-1]); gap < 100*time.Millisecond || gap > 5*time.Second {
				t.Errorf("waited %v before try %d", gap, i)
			}
		}
		first := 0
		for _, at := range tries {
			if at.Sub(began) < 3*time.Second {
				first++
			}
		}
		if logged := len(h.log.with("storage operations failed")); logged > len(tries)-first+4 || logged < 5 {
			t.Errorf("logged %d lines for %d tries", logged, len(tries))
		}
		if line := h.log.with("bring it back"); len(line) == 0 || !strings.Contains(line[0], "level=WARN") {
			t.Errorf("the log does not pass on the hint: %q", line)
		}
	})
}

func TestRun_PutsOnlyTheLatestPlaylistsWhenBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		b.wait = func(string, string) time.Duration { return 100 * time.Millisecond }
		h := start(t, storage.ArchiverConfig{PlaylistInterval: 2 * time.Second}, b, x)
		for msn := range 60 {
			h.Offer("source", segment(msn, 100))
		}
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		playlists := 0
		for _, s := range b.done() {
			if s == "put source/index.m3u8" {
				playlists++
			}
		}
		// 6 s of segments with 0.2 s of playlists every 2 s, and one at the end.
		if playlists < 3 || playlists > 5 {
			t.Errorf("put the playlist %d times for 60 segments", playlists)
		}
		if got := b.text(t, playlistKey("source")); strings.Count(got, "\n") != 59 {
			t.Errorf("the last playlist is %q", got)
		}
	})
}

func TestFinish_PutsTheFinalObjectsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		b.wait = func(string, string) time.Duration { return time.Second }
		h := start(t, storage.ArchiverConfig{}, b, x)
		for msn := range 4 {
			h.Offer("source", segment(msn, 100))
		}
		h.Finish(textObject(playlistKey("source"), []string{"ENDLIST"}))
		h.Finish(textObject(playlistKey("source"), []string{"only the first Finish counts"}))
		if h.Offer("source", segment(4, 100)) {
			t.Error("took a segment after Finish")
		}
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		did := b.done()
		last := slices.Index(did, "put source/s-3.ts")
		if last < 0 || !slices.Contains(did[last:], "put source/index.m3u8") {
			t.Errorf("did %q", did)
		}
		if got := b.text(t, playlistKey("source")); got != "ENDLIST" {
			t.Errorf("the last playlist is %q", got)
		}
		if got := h.value(t, "golive_storage_dropped_total", "stopped"); got != 1 {
			t.Errorf("dropped %v", got)
		}
	})
}

func TestRun_ReturnsTheCauseAndLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		b.wait = func(string, string) time.Duration { return time.Hour }
		h := start(t, storage.ArchiverConfig{}, b, newIndex())
		for msn := range 3 {
			h.Offer("source", segment(msn, 100))
		}
		h.Expire(prefix+"/source/s-0.ts", time.Now().Add(24*time.Hour))
		after(time.Minute)
		cause := errors.New("server stops")
		h.stop(cause)
		if err := <-h.ended; !errors.Is(err, cause) {
			t.Errorf("returned %v", err)
		}
		if got := h.value(t, "golive_storage_queue_bytes", ""); got != 0 {
			t.Errorf("queue_bytes is %v", got)
		}
		if got := h.value(t, "golive_storage_dropped_total", "stopped"); got != 3 {
			t.Errorf("dropped %v", got)
		}
		if s := h.Status(); s.QueueBytes != 0 || s.Segments != 0 || s.Lost != 3 || s.Lag != 0 {
			t.Errorf("status is %+v", s)
		}
		if line := h.log.with("reason=stopped"); len(line) != 1 || !strings.Contains(line[0], "count=3") {
			t.Errorf("log is %q", h.log.all)
		}
		if h.Offer("source", segment(3, 100)) {
			t.Error("took a segment after Run has returned")
		}
		if n := len(h.log.with("storage operations failed")); n != 0 {
			t.Errorf("a stop was logged as %d failures", n)
		}
	})
}
