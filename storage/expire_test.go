package storage_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/storage"
)

func TestExpire_DeletesAtItsTimeAndKeepsRunAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		h := start(t, storage.ArchiverConfig{}, b, newIndex())
		began := time.Now()
		for msn := range 3 {
			h.Offer("source", segment(msn, 100))
		}
		h.Expire(prefix+"/source/s-2.ts", began.Add(24*time.Hour))
		h.Expire(prefix+"/source/s-0.ts", began.Add(time.Minute))
		h.Expire(prefix+"/source/s-1.ts", began.Add(time.Minute))
		h.Finish()
		there := func() (names []string) {
			synctest.Wait()
			for info := range b.List(t.Context(), prefix+"/source/s-") {
				names = append(names, strings.TrimPrefix(info.Key, prefix+"/source/"))
			}
			return names
		}
		after(time.Minute - time.Nanosecond)
		if got := there(); !cmp.Equal(got, []string{"s-0.ts", "s-1.ts", "s-2.ts"}) {
			t.Errorf("just before a minute there are %q", got)
		}
		after(time.Nanosecond)
		if got := there(); !cmp.Equal(got, []string{"s-2.ts"}) {
			t.Errorf("after a minute there are %q", got)
		}
		if err := <-h.ended; err != nil {
			t.Error(err)
		}
		if got := time.Since(began); got != 24*time.Hour {
			t.Errorf("ended after %v", got)
		}
		if got := there(); got != nil {
			t.Errorf("at the end there are %q", got)
		}
	})
}

func TestExpire_GivesUpWhatNobodyWantsAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		back := b.goAway()
		h := start(t, storage.ArchiverConfig{QueueBytes: 300}, b, x)
		taken := 0
		for msn := range 30 {
			if h.Offer("source", segment(msn, 100)) {
				taken++
			}
			h.Expire(fmt.Sprintf("%s/source/s-%d.ts", prefix, msn), time.Now().Add(5*time.Second))
			after(2 * time.Second)
		}
		if taken < 28 {
			t.Errorf("took %d of 30: what had expired still filled the queue", taken)
		}
		back()
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		heard := x.told()
		if len(heard) != 30 || heard[0] != "source s-0.ts lost" {
			t.Errorf("heard %q", heard)
		}
		if got := h.value(t, "golive_storage_dropped_total", "expired"); got < 25 {
			t.Errorf("dropped %v", got)
		}
		for info := range b.List(t.Context(), prefix+"/source/s-") {
			t.Errorf("%s is left", info.Key)
		}
	})
}

func TestExpire_EndsABroadcastWhoseBucketStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		b.before = func(op, _ string) error {
			if op == "put" {
				return errAway
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{}, b, ender{x})
		began := time.Now()
		h.Offer("source", segment(0, 100))
		for _, key := range []string{prefix + "/source/s-0.ts", playlistKey("source"), prefix + "/index.m3u8"} {
			h.Expire(key, began.Add(time.Minute))
		}
		h.Finish(textObject(playlistKey("source"), []string{"ENDLIST"}))
		if err := <-h.ended; err != nil {
			t.Error(err)
		}
		if got := time.Since(began); got != time.Minute {
			t.Errorf("ended after %v", got)
		}
		if got := x.told(); !cmp.Equal(got, []string{"source s-0.ts lost"}) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestRun_DeletesWhileTheBucketIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, x := newFaulty(), newIndex()
		stored := 0
		b.before = func(op, key string) error {
			switch {
			case op == "delete":
				stored--
			case strings.HasSuffix(key, ".ts") && stored == 3:
				return &storage.Error{Op: op, Key: key, Err: syscall.ENOSPC, Hint: "the disk is full"}
			case strings.HasSuffix(key, ".ts"):
				stored++
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{}, b, x)
		for msn := range 6 {
			h.Offer("source", segment(msn, 100))
		}
		for msn := range 3 {
			h.Expire(fmt.Sprintf("%s/source/s-%d.ts", prefix, msn), time.Now().Add(30*time.Second))
		}
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if got := x.told(); len(got) != 6 || strings.Contains(strings.Join(got, " "), "lost") {
			t.Errorf("heard %q", got)
		}
	})
}

func TestRun_GivesUpWhatItMayNotDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		tries := 0
		b.before = func(op, key string) error {
			if op == "delete" && strings.HasSuffix(key, "s-0.ts") {
				tries++
				return &storage.Error{Op: op, Key: key, Err: errors.New("access denied")}
			}
			return nil
		}
		h := start(t, storage.ArchiverConfig{DeleteTimeout: time.Minute}, b, newIndex())
		began := time.Now()
		for msn := range 2 {
			h.Offer("source", segment(msn, 100))
			h.Expire(fmt.Sprintf("%s/source/s-%d.ts", prefix, msn), began.Add(time.Second))
		}
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if got := time.Since(began); got < time.Minute || got > 2*time.Minute || tries < 5 {
			t.Errorf("gave up after %v and %d tries", got, tries)
		}
		if b.text(t, prefix+"/source/s-1.ts") != "" {
			t.Error("one that may be deleted was held up")
		}
	})
}

func TestRun_PutsSegmentsBetweenManyDeletions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFaulty()
		b.wait = func(string, string) time.Duration { return 10 * time.Millisecond }
		h := start(t, storage.ArchiverConfig{}, b, newIndex())
		for i := range 100 {
			h.Expire(fmt.Sprintf("%s/old/%d", prefix, i), time.Now())
		}
		for msn := range 10 {
			h.Offer("source", segment(msn, 100))
		}
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		deletes := 0
		for _, s := range b.done() {
			if strings.HasPrefix(s, "delete") {
				deletes++
			}
			if s == "put source/s-9.ts" {
				break
			}
		}
		if deletes > 10*5 {
			t.Errorf("the last segment waited for %d deletions", deletes)
		}
	})
}
