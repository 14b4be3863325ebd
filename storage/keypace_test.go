package storage_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golive/storage"
)

// puts notes when each key was put.
type puts struct {
	mu   sync.Mutex
	when map[string][]time.Time
}

func (p *puts) note(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.when[key] = append(p.when[key], time.Now())
}

func TestRow71_PlaylistIsPutOnceInTheInterval(t *testing.T) {
	for name, failing := range map[string]bool{"a store that is well": false, "one that fails now and then": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, x := newFaulty(), newIndex()
				p := puts{when: map[string][]time.Time{}}
				n := 0
				b.before = func(op, key string) error {
					if op == "put" {
						p.note(key)
					}
					if n++; failing && n%5 == 0 {
						return errAway
					}
					return nil
				}
				h := start(t, storage.ArchiverConfig{KeyPace: storage.NewKeyPace(time.Second)}, b, ender{x})
				for msn := range 40 { // segments of 0.4 s
					h.Offer("source", segment(msn, 100))
					after(400 * time.Millisecond)
				}
				h.Finish()
				if err := <-h.ended; err != nil {
					t.Fatal(err)
				}
				playlist := playlistKey("source")
				for i, at := range p.when[playlist][1:] {
					if gap := at.Sub(p.when[playlist][i]); gap < time.Second {
						t.Errorf("put %d comes %s after the one before", i+1, gap)
					}
				}
				if n := len(p.when[playlist]); n < 15 {
					t.Errorf("the playlist was put %d times in 16 s", n)
				}
				text := b.text(t, playlist)
				if !strings.HasSuffix(text, "ENDLIST") || strings.Count(text, "\n") != 40 {
					t.Errorf("the last playlist is %q", text)
				}
				if got := h.value(t, "golive_storage_upload_lag_seconds", ""); got != 40 {
					t.Errorf("%v segments were put", got)
				}
			})
		})
	}
}

func TestRow71_SegmentsDoNotWaitForTheirPlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		h := start(t, storage.ArchiverConfig{KeyPace: storage.NewKeyPace(5 * time.Second)}, b, newIndex())
		for msn := range 4 {
			h.Offer("source", segment(msn, 100))
			after(time.Second)
			if b.text(t, storage.SegmentKey(prefix, "source", segment(msn, 100))) == "" {
				t.Errorf("segment %d waits", msn)
			}
		}
	})
}

func TestRow71_ArchiversThatFollowEachOtherShareThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		p := puts{when: map[string][]time.Time{}}
		b.before = func(_, key string) error { p.note(key); return nil }
		pace := storage.NewKeyPace(time.Second)
		for range 3 {
			h := start(t, storage.ArchiverConfig{KeyPace: pace}, b, ender{newIndex()})
			h.Offer("source", segment(0, 100))
			h.Finish()
			if err := <-h.ended; err != nil {
				t.Fatal(err)
			}
		}
		when := p.when[playlistKey("source")]
		for i, at := range when[1:] {
			if gap := at.Sub(when[i]); gap < time.Second {
				t.Errorf("put %d comes %s after the one before", i+1, gap)
			}
		}
	})
}

func TestAnnounce_IsPutOnceAndInItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newAnnouncing()
		p := puts{when: map[string][]time.Time{}}
		b.before = func(_, key string) error {
			p.note(key)
			if strings.HasSuffix(key, ".ts") && len(p.when[key]) < 4 {
				return errAway
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{KeyPace: storage.NewKeyPace(time.Second)}, b, x)
		h.Offer("source", sessionSegment("aa", 0))
		h.Offer("source", sessionSegment("bb", 1)) // its publisher is back at once
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		when := p.when[prefix+"/manifest"]
		for i, at := range when[1:] {
			if gap := at.Sub(when[i]); gap < time.Second {
				t.Errorf("put %d comes %s after the one before", i+1, gap)
			}
		}
	})
}
