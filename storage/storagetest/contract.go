package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/storage"
)

// Test checks a backend against the contract of storage.Bucket. open makes an empty
// bucket; it registers its own cleanup with t.
func Test(t *testing.T, open func(t *testing.T) storage.Bucket) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, storage.Bucket)
	}{
		{"Put_KeepsTheBytes", testPut},
		{"Put_KeepsAnEmptyObject", testEmpty},
		{"Put_JoinsManySlabs", testManySlabs},
		{"Put_ReplacesTheWholeObject", testReplace},
		{"Put_LetsTheCallerReuseItsSlice", testReuse},
		{"Put_IsAtomicToReaders", testAtomic},
		{"Get_ReadsRanges", testRanges},
		{"Get_RefusesBadRanges", testBadRanges},
		{"Get_ReportsAMissingObject", testNotExist},
		{"Get_KeepsReadingAReplacedObject", testOpenReader},
		{"Delete_RemovesOnlyItsObject", testDelete},
		{"Delete_OfNothingIsNoError", testDeleteNothing},
		{"List_IsInOrderOfKeys", testListOrder},
		{"List_KeepsToThePrefix", testListPrefix},
		{"List_StopsWhenTheCallerStops", testListStop},
		{"RefusesBadKeys", testBadKeys},
		{"FailsWithACancelledContext", testCancelled},
		{"ServesManyCallersAtOnce", testConcurrency},
		{"AllowsPutsAndDeletesInOneFolder", testFolderChurn},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func testPut(t *testing.T, b storage.Bucket) {
	put(t, b, "live/a/source/x-1.ts", "hello")
	r, err := b.Get(t.Context(), "live/a/source/x-1.ts", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, r); got != "hello" {
		t.Errorf("got %q", got)
	}
	if r.Key != "live/a/source/x-1.ts" || r.Size != 5 {
		t.Errorf("info is %+v", r.Info)
	}
}

func testEmpty(t *testing.T, b storage.Bucket) {
	for key, slabs := range map[string][][]byte{"a/nil": nil, "a/none": {}, "a/empty": {nil, {}}} {
		if err := b.Put(t.Context(), storage.Object{Key: key, Slabs: slabs}); err != nil {
			t.Fatal(err)
		}
		if got := get(t, b, key, 0, -1); got != "" {
			t.Errorf("%s: got %q", key, got)
		}
	}
	if got, want := keys(t, b, "a/"), []string{"a/empty", "a/nil", "a/none"}; !cmp.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func testManySlabs(t *testing.T, b storage.Bucket) {
	var slabs [][]byte
	var want strings.Builder
	for i := range 2000 {
		slab := bytes.Repeat([]byte{byte(i)}, i%97) // some are empty
		slabs = append(slabs, slab)
		want.Write(slab)
	}
	if err := b.Put(t.Context(), storage.Object{Key: "many", Slabs: slabs}); err != nil {
		t.Fatal(err)
	}
	if get(t, b, "many", 0, -1) != want.String() {
		t.Error("get does not return the bytes that were put")
	}
	from, n := int64(40_000), int64(20_000)
	if get(t, b, "many", from, n) != want.String()[from:from+n] {
		t.Error("get of a range does not return the bytes that were put")
	}
}

func testReplace(t *testing.T, b storage.Bucket) {
	put(t, b, "p/index.m3u8", "a long first version")
	put(t, b, "p/index.m3u8", "short")
	r, err := b.Get(t.Context(), "p/index.m3u8", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, r); got != "short" || r.Size != 5 {
		t.Errorf("got %q, size %d", got, r.Size)
	}
}

func testReuse(t *testing.T, b storage.Bucket) {
	slabs := [][]byte{[]byte("one"), []byte("two")}
	if err := b.Put(t.Context(), storage.Object{Key: "k", Slabs: slabs}); err != nil {
		t.Fatal(err)
	}
	slabs[0], slabs[1] = []byte("other"), nil
	if got := get(t, b, "k", 0, -1); got != "onetwo" {
		t.Errorf("got %q", got)
	}
}

func testRanges(t *testing.T, b storage.Bucket) {
	if err := b.Put(t.Context(), storage.Object{Key: "r", Slabs: [][]byte{[]byte("01"), nil, []byte("234"), []byte("56789")}}); err != nil {
		t.Fatal(err)
	}
	const whole = "0123456789"
	for offset := range int64(len(whole) + 1) {
		for length := int64(-1); offset+length <= int64(len(whole)); length++ {
			end := offset + length
			if length == -1 {
				end = int64(len(whole))
			}
			r, err := b.Get(t.Context(), "r", offset, length)
			if err != nil {
				t.Errorf("get %d from %d: %v", length, offset, err)
				continue
			}
			if got := readAll(t, r); got != whole[offset:end] || r.Size != int64(len(whole)) {
				t.Errorf("get %d from %d: got %q of %d", length, offset, got, r.Size)
			}
		}
	}
}

func testBadRanges(t *testing.T, b storage.Bucket) {
	put(t, b, "r", "0123456789")
	put(t, b, "e", "")
	for _, c := range []struct {
		key            string
		offset, length int64
	}{
		{"r", -1, 1},
		{"r", 0, -2},
		{"r", 0, 11},
		{"r", 10, 1},
		{"r", 11, -1},
		{"r", 11, 0},
		{"r", 1, 1<<63 - 1},
		{"r", 1<<63 - 1, 1},
		{"r", -1 << 63, -1},
		{"e", 0, 1},
		{"e", 1, -1},
	} {
		r, err := b.Get(t.Context(), c.key, c.offset, c.length)
		if err == nil {
			_ = r.Close()
		}
		if !errors.Is(err, storage.ErrRange) {
			t.Errorf("get %d from %d of %s: %v, want %v", c.length, c.offset, c.key, err, storage.ErrRange)
		}
	}
}

func testNotExist(t *testing.T, b storage.Bucket) {
	put(t, b, "live/a/x.ts", "x")
	for _, key := range []string{"nothing", "live", "live/a", "live/a/x", "live/a/x.ts/y", "live/b/x.ts"} {
		r, err := b.Get(t.Context(), key, 0, -1)
		if err == nil {
			_ = r.Close()
		}
		if !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("get %s: %v, want %v", key, err, storage.ErrNotExist)
		}
		checkError(t, err, "get", key)
		if e, ok := errors.AsType[*storage.Error](err); ok && e.Retryable() {
			t.Errorf("get %s: the error is retryable, want a permanent one", key)
		}
	}
}

func testOpenReader(t *testing.T, b storage.Bucket) {
	old := strings.Repeat("old", 10_000)
	put(t, b, "k", old)
	r, err := b.Get(t.Context(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, "k", strings.Repeat("new", 20_000))
	if got := readAll(t, r); got != old {
		t.Errorf("an open reader read %d bytes that are not those of the old object", len(got))
	}
}

func testDelete(t *testing.T, b storage.Bucket) {
	for _, key := range []string{"d/a/1", "d/a/2", "d/b/1", "d/a.1"} {
		put(t, b, key, key)
	}
	if err := b.Delete(t.Context(), "d/a/1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), "d/a/1", 0, -1); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("get after delete: error is %v, want %v", err, storage.ErrNotExist)
	}
	if got, want := keys(t, b, ""), []string{"d/a.1", "d/a/2", "d/b/1"}; !cmp.Equal(got, want) {
		t.Errorf("keys are %q, want %q", got, want)
	}
	put(t, b, "d/a/1", "again")
	if got := get(t, b, "d/a/1", 0, -1); got != "again" {
		t.Errorf("after a new put: got %q", got)
	}
}

func testDeleteNothing(t *testing.T, b storage.Bucket) {
	put(t, b, "a/b/c", "x")
	for _, key := range []string{"nothing", "a", "a/b", "a/b/d", "a/b/c/d"} {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	if got := keys(t, b, ""); !cmp.Equal(got, []string{"a/b/c"}) {
		t.Errorf("keys %q are left", got)
	}
}

func testBadKeys(t *testing.T, b storage.Bucket) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", ".tmp/1", "a/.hidden",
		"a\x00b", "a\nb", `a\b`, "a\xffb", strings.Repeat("a", 256), strings.Repeat("a/", 600) + "a",
	} {
		_, getErr := b.Get(t.Context(), key, 0, -1)
		for op, err := range map[string]error{
			"put":    b.Put(t.Context(), storage.Object{Key: key}),
			"get":    getErr,
			"delete": b.Delete(t.Context(), key),
		} {
			if !errors.Is(err, storage.ErrKey) {
				t.Errorf("%s %q: %v, want %v", op, key, err, storage.ErrKey)
			}
			checkError(t, err, op, key)
		}
	}
}

func testCancelled(t *testing.T, b storage.Bucket) {
	put(t, b, "k", "old")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, getErr := b.Get(ctx, "k", 0, -1)
	var listErr error
	for _, err := range b.List(ctx, "") {
		listErr = err
	}
	for op, err := range map[string]error{
		"put":    b.Put(ctx, storage.Object{Key: "k", Slabs: [][]byte{[]byte("new")}}),
		"get":    getErr,
		"delete": b.Delete(ctx, "k"),
		"list":   listErr,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", op, err, context.Canceled)
		}
	}
	if got := get(t, b, "k", 0, -1); got != "old" {
		t.Errorf("got %q", got)
	}
}

// checkError checks that err has the form of every operation's error.
func checkError(t *testing.T, err error, op, key string) {
	t.Helper()
	e, ok := errors.AsType[*storage.Error](err)
	if !ok {
		t.Errorf("%s %q: error is a %T, want *storage.Error", op, key, err)
		return
	}
	if e.Op != op || e.Key != key {
		t.Errorf("%s %q: error has operation %s and key %q", op, key, e.Op, e.Key)
	}
}

func testListOrder(t *testing.T, b storage.Bucket) {
	want := []string{"a", "b-1", "b.ts", "b/1", "b/10", "b/2", "b/c-1", "b/c/1", "b0", "c", "ä/1"}
	for i := range want {
		key := want[(i*7)%len(want)]
		put(t, b, key, fmt.Sprintf("%*s", i, ""))
	}
	if got := keys(t, b, ""); !cmp.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	for info, err := range b.List(t.Context(), "b/10") {
		if err != nil {
			t.Fatal(err)
		}
		if r := len(get(t, b, "b/10", 0, -1)); info.Size != int64(r) {
			t.Errorf("listed %+v, object has %d bytes", info, r)
		}
	}
}

func testListPrefix(t *testing.T, b storage.Bucket) {
	for _, key := range []string{"live/a/1", "live/a/2", "live/ab/1", "live/b/1", "liver"} {
		put(t, b, key, key)
	}
	for prefix, want := range map[string][]string{
		"":          {"live/a/1", "live/a/2", "live/ab/1", "live/b/1", "liver"},
		"live":      {"live/a/1", "live/a/2", "live/ab/1", "live/b/1", "liver"},
		"live/":     {"live/a/1", "live/a/2", "live/ab/1", "live/b/1"},
		"live/a":    {"live/a/1", "live/a/2", "live/ab/1"},
		"live/a/":   {"live/a/1", "live/a/2"},
		"live/a/2":  {"live/a/2"},
		"live/a/2/": nil,
		"live/c/":   nil,
		"../":       nil,
		"/":         nil,
	} {
		if got := keys(t, b, prefix); !cmp.Equal(got, want) {
			t.Errorf("%q: listed %q, want %q", prefix, got, want)
		}
	}
}

func testListStop(t *testing.T, b storage.Bucket) {
	for i := range 10 {
		put(t, b, fmt.Sprintf("s/%d/x", i), "x")
	}
	n := 0
	for range b.List(t.Context(), "") {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("the iteration yielded %d objects, want 3", n)
	}
}
