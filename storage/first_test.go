package storage_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/storage"
)

func manifest(name string) storage.Object { return textObject(prefix+"/"+name, []string{name}) }

// A crash at any moment leaves no segment that no manifest makes findable.
func TestOffer_PutsWhatComesFirstBeforeTheSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		tries := 0
		b.before = func(_, key string) error {
			if strings.HasSuffix(key, "m0") || strings.HasSuffix(key, "s-2.ts") {
				if tries++; tries%4 != 0 {
					return errAway
				}
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{}, b, newIndex())
		h.Offer("source", segment(0, 100), manifest("m0"))
		h.Offer("source", segment(1, 100))
		h.Offer("source", segment(2, 100), manifest("m2"), manifest("n2"))
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, s := range b.done() {
			if !strings.Contains(s, "index.m3u8") {
				order = append(order, strings.TrimPrefix(s, "put "))
			}
		}
		if want := []string{"m0", "source/s-0.ts", "source/s-1.ts", "m2", "n2", "source/s-2.ts"}; !cmp.Equal(order, want) {
			t.Errorf("put %q", order)
		}
	})
}

func TestOffer_WhatComesFirstOutlivesALostSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{}, b, newIndex())
		h.Offer("source", segment(0, 100), manifest("m0"))
		h.Expire(prefix+"/source/s-0.ts", time.Now().Add(time.Second))
		after(2 * time.Second)
		h.Offer("source", segment(1, 100), manifest("m1"))
		back()
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		did := b.done()
		m0, m1, s1 := slices.Index(did, "put m0"), slices.Index(did, "put m1"), slices.Index(did, "put source/s-1.ts")
		if m1 < 0 || m1 > s1 || m0 > m1 {
			t.Errorf("did %q", did)
		}
	})
}

func TestOffer_AManifestThatIsNeverTakenCostsNoSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		b.before = func(_, key string) error {
			if strings.HasSuffix(key, "m0") {
				return &storage.Error{Op: "put", Key: key, Err: storage.ErrKey}
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{}, b, x)
		h.Offer("source", segment(0, 100), manifest("m0"))
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if got := x.told(); !cmp.Equal(got, []string{"source s-0.ts"}) || len(h.log.with("operations failed")) == 0 {
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
