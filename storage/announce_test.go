package storage_test

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/media"
	"golive/storage"
)

// announcing is an index that has one object put before the first segment of each
// session, made anew for each try.
type announcing struct {
	*index
	tries    int
	sessions map[string]bool
}

func newAnnouncing() *announcing { return &announcing{index: newIndex(), sessions: map[string]bool{}} }

func (a *announcing) Announce(seg *media.Segment) (storage.Object, bool) {
	if a.sessions[seg.Session] {
		return storage.Object{}, false
	}
	a.tries++
	return textObject(prefix+"/manifest", []string{seg.Session, strconv.Itoa(a.tries)}), true
}

func (a *announcing) Acked(rendition string, seg *media.Segment, lost bool) []storage.Object {
	if !lost {
		a.sessions[seg.Session] = true
	}
	return a.index.Acked(rendition, seg, lost)
}

func sessionSegment(session string, msn int) *media.Segment {
	s := segment(msn, 100)
	s.Session = session
	return s
}

// order is what was put, without playlists.
func order(b *faulty) (names []string) {
	for _, s := range b.done() {
		if name, put := strings.CutPrefix(s, "put "); put && !strings.Contains(s, "index.m3u8") {
			names = append(names, strings.TrimPrefix(name, "source/"))
		}
	}
	return names
}

// A crash at any moment leaves no segment that no manifest makes findable.
func TestAnnounce_ComesBeforeTheSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newAnnouncing()
		tries := map[string]int{}
		b.before = func(_, key string) error {
			if strings.HasSuffix(key, "manifest") || strings.HasSuffix(key, "bb-2.ts") {
				if tries[key]++; tries[key] < 3 {
					return errAway
				}
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{}, b, x)
		h.Offer("source", sessionSegment("aa", 0))
		h.Offer("source", sessionSegment("aa", 1))
		h.Offer("source", sessionSegment("bb", 2))
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		got := slices.Compact(order(b)) // a retry of the segment announces it again
		if want := []string{"manifest", "aa-0.ts", "aa-1.ts", "manifest", "bb-2.ts"}; !cmp.Equal(got, want) {
			t.Errorf("put %q", got)
		}
		if x.tries < 5 {
			t.Errorf("the manifest was made %d times", x.tries)
		}
	})
}

// A session whose first segment is lost is announced with the next.
func TestAnnounce_OutlivesALostSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newAnnouncing()
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{}, b, x)
		h.Offer("source", sessionSegment("aa", 0))
		h.Expire(prefix+"/source/aa-0.ts", time.Now().Add(time.Second))
		after(2 * time.Second)
		h.Offer("source", sessionSegment("aa", 1))
		back()
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if got := order(b); len(got) < 2 || got[0] != "manifest" || got[1] != "aa-1.ts" {
			t.Errorf("put %q", got)
		}
	})
}

func TestAnnounce_AnObjectThatIsNeverTakenCostsNoSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newAnnouncing()
		b.before = func(_, key string) error {
			if strings.HasSuffix(key, "manifest") {
				return &storage.Error{Op: "put", Key: key, Err: storage.ErrKey}
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{}, b, x)
		h.Offer("source", sessionSegment("aa", 0))
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if got := x.told(); !cmp.Equal(got, []string{"source aa-0.ts"}) || len(h.log.with("operations failed")) == 0 {
			t.Errorf("heard %q, log %q", got, h.log.all)
		}
	})
}

// The successor of a broadcast that is not archived yet waits, and spools.
func TestHold_KeepsRunFromTheBucketAndSpools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, x := newFaulty(), newTroubled(t, t.TempDir(), 1<<30), newIndex()
		hold := make(chan struct{})
		h := start(t, storage.ArchiverConfig{Spool: s, Hold: hold}, b, x)
		for msn := range 10 {
			h.Offer("source", segment(msn, 1000))
			after(2 * time.Second)
		}
		synctest.Wait()
		if got := h.Status(); len(b.done()) > 0 || got.SpoolSegments < 8 {
			t.Errorf("did %q, status %+v", b.done(), got)
		}
		r, ok := h.Open(prefix+"/source/s-3.ts", 10, 20)
		if !ok || r.Size != 1000 {
			t.Fatalf("what waits cannot be read: %+v", r)
		}
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != strings.Repeat("\x03", 20) {
			t.Errorf("it is %q, %v", body, err)
		}
		for _, c := range []struct {
			key            string
			offset, length int64
		}{{"s-99.ts", 0, -1}, {"s-3.ts", 990, 20}, {"s-3.ts", -1, 2}} {
			if _, ok := h.Open(prefix+"/source/"+c.key, c.offset, c.length); ok {
				t.Errorf("%+v was opened", c)
			}
		}
		close(hold)
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if got := x.told(); !cmp.Equal(got, names(0, 9)) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestHold_EndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, storage.ArchiverConfig{Hold: make(chan struct{})}, newFaulty(), newIndex())
		h.Offer("source", segment(0, 100))
		h.stop(nil)
		<-h.ended
		<-h.Drained()
	})
}
