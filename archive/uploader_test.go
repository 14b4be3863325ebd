package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/storage"
	"golive/storage/storagetest/memory"
)

// testBucket is a bucket in memory that logs successful operations, and can fail or be slow.
type testBucket struct {
	*memory.Bucket
	delay   time.Duration
	failure func(op, key string) error

	mu  sync.Mutex
	log []string
}

func (b *testBucket) do(ctx context.Context, op, key string, act func() error) error {
	if b.delay > 0 {
		select {
		case <-time.After(b.delay):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if b.failure != nil {
		if err := b.failure(op, key); err != nil {
			return err
		}
	}
	if err := act(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.Contains(key, "/log-") || strings.Contains(key, "~manifests") {
		return nil // the log and the manifests have their own tests
	}
	b.log = append(b.log, op+" "+strings.TrimPrefix(key, "live/studio/"))
	return nil
}

func (b *testBucket) Put(ctx context.Context, o storage.Object) error {
	return b.do(ctx, "put", o.Key, func() error { return b.Bucket.Put(ctx, o) })
}

func (b *testBucket) Delete(ctx context.Context, key string) error {
	return b.do(ctx, "delete", key, func() error { return b.Bucket.Delete(ctx, key) })
}

func (b *testBucket) operations() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.log)
}

// testIndex is an Index whose only playlist lists the numbers of the stored segments.
type testIndex struct {
	names    []string
	onStored func(s *Segment) // may be nil
}

func (x *testIndex) Stored(_ string, s *Segment, lost bool) []storage.Object {
	name := fmt.Sprint(s.MSN)
	if lost {
		name = "lost-" + name
	}
	x.names = append(x.names, name)
	if x.onStored != nil {
		x.onStored(s)
	}
	return []storage.Object{x.list()}
}

func (x *testIndex) Begin(context.Context) error { return nil }

func (x *testIndex) Ended(bool) ([]storage.Object, time.Time) {
	x.names = append(x.names, "end")
	return []storage.Object{x.list()}, time.Time{}
}

func (x *testIndex) list() storage.Object {
	return storage.Object{Key: "live/studio/source/index.m3u8", Slabs: [][]byte{[]byte(strings.Join(x.names, " "))}}
}

// testUpload is a running Recording with its Uploader.
type testUpload struct {
	store  *Store
	rec    *Recording
	up     *Uploader
	bucket *testBucket
	index  *testIndex
	stop   func() error // ends both, as a shutdown does
}

func startUpload(t *testing.T, dir string, cfg UploaderConfig, b *testBucket) *testUpload {
	t.Helper()
	s := openStore(t, dir, Config{Uploaded: true})
	found, err := s.Recover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var r *Recording
	if len(found) > 0 {
		r = s.Resume(found[0], ignoreWritten, quiet)
	} else {
		r = s.NewRecording(testMeta, ignoreWritten, quiet)
	}
	x := &testIndex{}
	cfg.Layout = testLayout
	u := NewUploader(cfg, r, b, x, quiet)
	ctx, cancel := context.WithCancel(t.Context())
	recorded, uploaded := make(chan error, 1), make(chan error, 1)
	go func() { recorded <- r.Run(ctx) }()
	go func() { uploaded <- u.Run(ctx) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-uploaded
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		return errors.Join(err, <-recorded)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return &testUpload{s, r, u, b, x, stop}
}

func (u *testUpload) offer(from, to int64) {
	for msn := from; msn < to; msn++ {
		u.rec.Offer("source", segment(msn))
	}
}

func (u *testUpload) end() {
	u.rec.End(time.Now(), "unpublished")
	u.up.Finish(time.Now())
}

func TestUploader_PutsSegmentsAndThenThePlaylistsThatNameThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := startUpload(t, t.TempDir(), UploaderConfig{}, &testBucket{Bucket: memory.New()})
		u.offer(0, 1)
		time.Sleep(2 * time.Second)
		u.offer(1, 2)
		time.Sleep(2 * time.Second)
		u.end()
		<-u.up.Drained()
		synctest.Wait()
		want := []string{
			"put source/PUB1-0.ts", "put source/index.m3u8", "put source/PUB1-1.ts", "put source/index.m3u8", "put source/index.m3u8",
		}
		if diff := cmp.Diff(want, u.bucket.operations()); diff != "" {
			t.Errorf("operations (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"0", "1", "end"}, u.index.names); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
		if n := u.store.Waiting(); n != 0 {
			t.Errorf("%d bytes wait, want 0", n)
		}
	})
}

func TestUploader_UploadsEverythingWhenTheBucketIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var available atomic.Bool
		b := &testBucket{Bucket: memory.New()}
		b.failure = func(string, string) error {
			if !available.Load() {
				return errors.New("store is away")
			}
			return nil
		}
		u := startUpload(t, t.TempDir(), UploaderConfig{}, b)
		for msn := range int64(30) {
			u.offer(msn, msn+1)
			time.Sleep(2 * time.Second)
		}
		if since, err := u.up.Failing(); err == nil || time.Since(since) < 55*time.Second {
			t.Errorf("failing with %v since %v, want an error for a minute", err, since)
		}
		if n := u.rec.Waiting(); n != 30 {
			t.Errorf("%d segments wait, want 30", n)
		}
		available.Store(true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if _, err := u.up.Failing(); err != nil {
			t.Errorf("failing with %v although the bucket works again", err)
		}
		segments := slices.DeleteFunc(b.operations(), func(s string) bool { return !strings.HasSuffix(s, ".ts") })
		if len(segments) != 30 || !slices.Equal(u.index.names, numbers(0, 30)) {
			t.Errorf("%d segments were put, want 30; the playlist has %v", len(segments), u.index.names)
		}
	})
}

func numbers(from, to int) (names []string) {
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprint(i))
	}
	return names
}

func TestUploader_ContinuesAfterARestartWithWhatTheBucketLacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := &testBucket{Bucket: memory.New()}
		var away atomic.Bool
		away.Store(true)
		b.failure = func(_, key string) error {
			if away.Load() && strings.HasSuffix(key, "-7.ts") {
				return errors.New("store is away")
			}
			return nil
		}
		u := startUpload(t, dir, UploaderConfig{}, b)
		u.offer(0, 20)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if err := u.stop(); err != nil {
			t.Fatal(err)
		}
		u = startUpload(t, dir, UploaderConfig{}, b)
		if n := u.rec.Waiting(); n != 13 {
			t.Errorf("%d segments wait after the restart, want 13", n)
		}
		away.Store(false)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(numbers(7, 20), u.index.names); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
		if err := u.stop(); err != nil {
			t.Fatal(err)
		}
		if n := recoverOne(t, u.store).Positions["source"].Stored; n != 19 {
			t.Errorf("the log says that segments up to %d are stored, want 19", n)
		}
	})
}

// The process is killed after segments were put, before the page with their records was.
func TestUploader_PutsTheRecordsOfAnEarlierRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := &testBucket{Bucket: memory.New()}
		var away atomic.Bool
		b.failure = func(_, key string) error {
			if away.Load() && strings.Contains(key, "/log-") {
				return errors.New("store is away")
			}
			return nil
		}
		u := startUpload(t, dir, UploaderConfig{}, b)
		u.index.onStored = func(s *Segment) { // removed from the live playlist at once
			u.up.ExpireLocal(u.rec.key("source", s), time.Now())
		}
		u.offer(0, 3)
		time.Sleep(10 * time.Second)
		away.Store(true)
		u.offer(3, 6)
		time.Sleep(10 * time.Second)
		if puts := b.operations(); !slices.Contains(puts, "put source/PUB1-5.ts") {
			t.Fatalf("the segments are not in the bucket: %v", puts)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := u.stop(); err != nil {
			t.Fatal(err)
		}
		away.Store(false)
		u = startUpload(t, dir, UploaderConfig{}, b)
		if n := u.rec.Waiting(); n != 3 {
			t.Errorf("%d segments wait after the restart, want 3", n)
		}
		u.offer(6, 7)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		f, err := Find(t.Context(), b, testLayout, time.Hour, "studio", "")
		if err != nil {
			t.Fatal(err)
		}
		var logged []int64
		for _, s := range f.Segments["source"] {
			if s.Size > 0 {
				logged = append(logged, s.MSN)
			}
		}
		if diff := cmp.Diff([]int64{0, 1, 2, 3, 4, 5, 6}, logged); diff != "" || f.Damaged != 0 {
			t.Errorf("the log in the bucket has %d damaged records, and these segments (-want +got):\n%s", f.Damaged, diff)
		}
	})
}

// Segments that were uploaded and recorded, and then again after a restart, are recorded once.
func TestRecover_SkipsSegmentsThatWereUploadedAgain(t *testing.T) {
	f := newRecovered(testMeta)
	once, again := *SegmentOf(segment(0)), *SegmentOf(segment(0))
	once.Discontinuity, again.Discontinuity = true, true
	var pages []Page
	for i, s := range []*Segment{&once, SegmentOf(segment(1)), &again} {
		pages = append(pages, Page{Number: i, Records: []Record{{Kind: KindSegment, Rendition: "source", Segment: s}}})
	}
	f.replay(pages)
	if p := f.Positions["source"]; p.Next != 2 || p.Discontinuities != 1 || f.Damaged != 0 || len(f.Segments["source"]) != 2 {
		t.Errorf("position %+v, %d damaged, %d segments; want next 2 after 1 discontinuity, 0 damaged, 2 segments", p, f.Damaged, len(f.Segments["source"]))
	}
}

// Another node can continue only when the bucket has the records too.
func TestUploader_ClosesStoredWithTheLastRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &testBucket{Bucket: memory.New()}
		var left atomic.Bool
		cfg := UploaderConfig{PutInterval: 2 * time.Second, Permission: func() Permission {
			if left.Load() {
				return MayStore
			}
			return MayWrite
		}}
		u := startUpload(t, t.TempDir(), cfg, b)
		u.offer(0, 1)
		time.Sleep(10 * time.Second)
		u.offer(1, 3)
		left.Store(true)
		u.rec.End(time.Now(), "moved")
		u.up.Finish(time.Now())
		<-u.up.Stored()
		f, err := Find(t.Context(), b, testLayout, time.Hour, "studio", "")
		if err != nil || len(f.Segments["source"]) != 3 {
			t.Errorf("the log has %d segments, want 3: %v", len(f.Segments["source"]), err)
		}
	})
}

func TestRow71_PlaylistIsPutOnceInTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last := map[string]time.Time{}
		b := &testBucket{Bucket: memory.New()}
		b.failure = func(_, key string) error {
			if now := time.Now(); now.Sub(last[key]) >= time.Second || last[key].IsZero() {
				last[key] = now
				return nil
			}
			t.Errorf("%s was put twice within a second", key)
			return nil
		}
		u := startUpload(t, t.TempDir(), UploaderConfig{PutInterval: time.Second}, b)
		for msn := range int64(20) {
			u.offer(msn, msn+1)
			time.Sleep(300 * time.Millisecond)
		}
		u.end()
		<-u.up.Drained()
		synctest.Wait()
		if names := u.index.names; names[len(names)-1] != "end" {
			t.Errorf("the playlist has %v, want the end last", names)
		}
		r, err := b.Get(t.Context(), "live/studio/source/index.m3u8", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		text := make([]byte, r.Size)
		if _, err := r.Body.Read(text); err != nil || !strings.HasSuffix(string(text), " 19 end") {
			t.Errorf("the last playlist is %q, want one that ends with \"19 end\": %v", text, err)
		}
	})
}

func TestUploader_ReportsASegmentWhoseFileIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var available atomic.Bool
		b := &testBucket{Bucket: memory.New()}
		b.failure = func(string, string) error {
			if !available.Load() {
				return errors.New("store is away")
			}
			return nil
		}
		u := startUpload(t, dir, UploaderConfig{}, b)
		u.offer(0, 3)
		time.Sleep(time.Second)
		if err := u.store.files.Delete(t.Context(), "live/studio/source/PUB1-1.ts"); err != nil {
			t.Fatal(err)
		}
		u.rec.mu.Lock()
		u.rec.release(u.rec.entries.waiting[1]) // as if too much waited to stay in memory
		u.rec.mu.Unlock()
		available.Store(true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"0", "lost-1", "2"}, u.index.names); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	})
}

func TestUploader_DeletesAtTheDueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := startUpload(t, t.TempDir(), UploaderConfig{}, &testBucket{Bucket: memory.New()})
		u.index.onStored = func(s *Segment) { u.up.Expire(u.rec.key("source", s), time.Now().Add(time.Minute)) }
		u.offer(0, 1)
		synctest.Wait()
		time.Sleep(59 * time.Second)
		if slices.Contains(u.bucket.operations(), "delete source/PUB1-0.ts") {
			t.Error("the segment was deleted early")
		}
		time.Sleep(2 * time.Second)
		if !slices.Contains(u.bucket.operations(), "delete source/PUB1-0.ts") {
			t.Error("the segment was not deleted")
		}
	})
}

func TestRow71_SegmentsDoNotWaitForTheirPlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := startUpload(t, t.TempDir(), UploaderConfig{PutInterval: 5 * time.Second}, &testBucket{Bucket: memory.New()})
		for msn := range int64(4) {
			u.offer(msn, msn+1)
			time.Sleep(time.Second)
			if name := fmt.Sprintf("put source/PUB1-%d.ts", msn); !slices.Contains(u.bucket.operations(), name) {
				t.Errorf("segment %d was not put", msn)
			}
		}
	})
}

func TestRow71_SuccessiveUploadersKeepTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var when []time.Time
		b := &testBucket{Bucket: memory.New()}
		b.failure = func(op, key string) error {
			if op == "put" && strings.HasSuffix(key, "index.m3u8") {
				when = append(when, time.Now())
			}
			return nil
		}
		for range 3 {
			u := startUpload(t, t.TempDir(), UploaderConfig{PutInterval: time.Second}, b)
			u.offer(0, 1)
			u.end()
			<-u.up.Drained()
			if err := u.stop(); err != nil {
				t.Fatal(err)
			}
		}
		if len(when) < 3 {
			t.Errorf("the playlist was put %d times, want 3 at least", len(when))
		}
		for i, at := range when[1:] {
			if gap := at.Sub(when[i]); gap < time.Second {
				t.Errorf("put %d was %s after the one before, want 1s at least", i+1, gap)
			}
		}
	})
}

func TestUploader_LogInTheBucketNamesWhatTheBucketHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var available atomic.Bool
		b := &testBucket{Bucket: memory.New()}
		b.failure = func(_, key string) error {
			if !available.Load() && strings.HasSuffix(key, "-150.ts") {
				return errors.New("store is away")
			}
			return nil
		}
		u := startUpload(t, t.TempDir(), UploaderConfig{}, b)
		u.rec.Describe("source", Description{Target: 2, PartTarget: 18000})
		u.offer(0, 200)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		f, err := Find(t.Context(), b, testLayout, 30*time.Second, "studio", "")
		if err != nil {
			t.Fatal(err)
		}
		list := f.Segments["source"]
		if p := f.Positions["source"]; p.Next != 150 || p.Target != 2 || list[len(list)-1].MSN != 149 || !slices.Contains(f.Publications, "PUB1") {
			t.Errorf("the log in the bucket ends with %d, at %+v; want 149, as the bucket lacks 150", list[len(list)-1].MSN, p)
		}
		available.Store(true)
		time.Sleep(10 * time.Second)
		u.end()
		<-u.up.Drained()
		if f, err = Find(t.Context(), b, testLayout, 30*time.Second, "studio", ""); err != nil || f.Ended.IsZero() {
			t.Fatalf("the end is not in the log: %v", err)
		}
		all, err := u.store.History(t.Context(), b, f)
		if err != nil || len(all["source"]) != 200 {
			t.Errorf("the history has %d segments, want 200: %v", len(all["source"]), err)
		}
	})
}

// A put that timed out may take effect later: it must not restore the old state of a page.
func TestUploader_LogSurvivesAPutThatTakesEffectLate(t *testing.T) {
	for name, after := range map[string]time.Duration{"that failed": 0, "of several attempts": 6 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &lateBucket{testBucket: &testBucket{Bucket: memory.New()}, after: after}
				s := openStore(t, t.TempDir(), Config{Uploaded: true})
				r := s.NewRecording(testMeta, ignoreWritten, quiet)
				u := NewUploader(UploaderConfig{Layout: testLayout}, r, b, &testIndex{}, quiet)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				go func() { _ = r.Run(ctx) }()
				go func() { _ = u.Run(ctx) }()
				for msn := range int64(20) {
					b.on.Store(msn == 5)
					r.Offer("source", segment(msn))
					time.Sleep(2 * time.Second)
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				late := b.late.Load()
				if late == nil {
					t.Fatal("no page was put late")
				}
				if err := b.Bucket.Put(t.Context(), *late); err != nil {
					t.Fatal(err)
				}
				f, err := Find(t.Context(), b, testLayout, time.Hour, "studio", "")
				if err != nil {
					t.Fatal(err)
				}
				if n := len(f.Segments["source"]); n != 20 || f.Damaged != 0 {
					t.Errorf("the log has %d segments, %d are damaged; want 20 and 0", n, f.Damaged)
				}
				stop()
				synctest.Wait()
			})
		})
	}
}

// lateBucket is a bucket in which, while on is set, the first put of a page also takes effect
// late: it fails, or succeeds with a further attempt after a while.
type lateBucket struct {
	*testBucket
	on    atomic.Bool
	after time.Duration
	late  atomic.Pointer[storage.Object]
}

func (b *lateBucket) Put(ctx context.Context, o storage.Object) error {
	late := &storage.Object{Key: o.Key, Slabs: [][]byte{slices.Concat(o.Slabs...)}}
	if b.on.Load() && strings.Contains(o.Key, "/log-") && b.late.CompareAndSwap(nil, late) {
		if b.after == 0 {
			return errors.New("no answer")
		}
		<-time.After(b.after)
	}
	return b.testBucket.Put(ctx, o)
}

func TestHistory_MakesGapsOfWhatTheBucketDoesNotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &testBucket{Bucket: memory.New()}
		u := startUpload(t, t.TempDir(), UploaderConfig{}, b)
		u.rec.Describe("source", Description{Target: 2, PartTarget: 18000})
		u.offer(0, 200)
		u.end()
		<-u.up.Drained()
		const folder = "live/studio/source/PUB1-"
		if err := errors.Join(
			b.Bucket.Delete(t.Context(), folder+"3.ts"),
			b.Bucket.Put(t.Context(), storage.Object{Key: folder + "5.ts", Slabs: [][]byte{[]byte("short")}}),
			b.Bucket.Delete(t.Context(), folder+"199.ts"),
		); err != nil {
			t.Fatal(err)
		}
		f, err := Find(t.Context(), b, testLayout, 30*time.Second, "studio", "")
		if err != nil {
			t.Fatal(err)
		}
		all, err := u.store.History(t.Context(), b, f)
		if err != nil {
			t.Fatal(err)
		}
		var lost []int64
		for _, s := range all["source"] {
			if s.Size == 0 {
				lost = append(lost, s.MSN)
			}
		}
		if diff := cmp.Diff([]int64{3, 5, 199}, lost); diff != "" || len(all["source"]) != 200 {
			t.Errorf("%d segments, want 200; lost (-want +got):\n%s", len(all["source"]), diff)
		}
		if n := testutil.ToFloat64(u.store.metrics.damaged); n != 3 {
			t.Errorf("%v damaged segments are counted, want 3", n)
		}
	})
}

func TestUploader_WaitsAsLongAsTheBucketAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Bool
		b := &testBucket{Bucket: memory.New()}
		b.failure = func(_, key string) error {
			if strings.HasSuffix(key, "-1.ts") && !refused.Swap(true) {
				return &storage.Error{Op: "put", Key: key, Err: errors.New("slow down"), RetryAfter: 30 * time.Second}
			}
			return nil
		}
		u := startUpload(t, t.TempDir(), UploaderConfig{}, b)
		u.offer(0, 2)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if done := b.operations(); slices.Contains(done, "put source/PUB1-1.ts") {
			t.Errorf("segment 1 was put before the bucket's time: %q", done)
		}
		if _, err := u.up.Failing(); err == nil || !strings.Contains(err.Error(), "slow down") {
			t.Errorf("meanwhile failing with %v, want the bucket's refusal", err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if done := b.operations(); !slices.Contains(done, "put source/PUB1-1.ts") {
			t.Errorf("segment 1 was not put after the bucket's time: %q", done)
		}
		u.end()
		<-u.up.Drained()
	})
}

func TestRecover_FillsHolesBetweenRecordsWithGaps(t *testing.T) {
	f := &Recovered{Segments: map[string][]Segment{}}
	for _, msn := range []int64{4, 5, 8, 8, 7, 9} {
		f.applyToSegments(&Record{Kind: KindSegment, Rendition: "source", Segment: SegmentOf(segment(msn))})
	}
	var got []string
	for _, s := range f.Segments["source"] {
		got = append(got, fmt.Sprintf("%d %t %s", s.MSN, s.Size == 0, s.Date.Sub(testMeta.Began)))
	}
	want := []string{"4 false 8s", "5 false 10s", "6 true 12s", "7 true 14s", "8 false 16s", "9 false 18s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("segments (-want +got):\n%s", diff)
	}
}

func TestPermission_FollowsTheLogsInTheBucket(t *testing.T) {
	own := Meta{Broadcast: "studio", Token: "T1", Began: testMeta.Began, Owner: "A"}
	by := func(m Meta, page int, owner string) string {
		m.Owner = owner
		return testLayout.bucketPage(m, page)
	}
	later := Meta{Broadcast: "studio", Token: "T2", Began: testMeta.Began.Add(time.Hour)}
	earlier := Meta{Broadcast: "studio", Token: "T0", Began: testMeta.Began.Add(-time.Hour)}
	for name, c := range map[string]struct {
		pages                   []string
		acknowledged, takenOver bool
		want                    Permission
		page                    int
	}{
		"no log yet":                     {nil, false, false, MayWrite, 1},
		"swept by another node":          {nil, true, false, MustLeave, 1},
		"own pages":                      {[]string{by(own, 0, "A"), by(own, 1, "A")}, true, false, MayWrite, 3},
		"another node continued":         {[]string{by(own, 0, "A"), by(own, 1, "B")}, true, false, MustLeave, 3},
		"just taken over":                {[]string{by(own, 0, "B")}, true, true, MayWrite, 2},
		"a later broadcast began":        {[]string{by(own, 0, "A"), by(later, 0, "B")}, true, false, MayStore, 2},
		"an earlier broadcast has a log": {[]string{by(earlier, 0, "B")}, false, false, MayWrite, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := memory.New()
			for _, key := range c.pages {
				if err := b.Put(t.Context(), storage.Object{Key: key}); err != nil {
					t.Fatal(err)
				}
			}
			r := openStore(t, t.TempDir(), Config{Uploaded: true}).NewRecording(own, ignoreWritten, quiet)
			cfg := UploaderConfig{Layout: testLayout, TakenOver: c.takenOver, Permission: func() Permission { return MayWrite }}
			u := NewUploader(cfg, r, b, &testIndex{}, quiet)
			u.updatePermission()
			u.run.acknowledged = c.acknowledged
			logs, decided, err := u.readLogs(t.Context())
			if page := logs.nextPage(own.logKey()); err != nil || u.run.permission != c.want || decided != (c.want != MayWrite) || page != c.page {
				t.Errorf("permission %d (decided: %t), next page %d, want %d and %d: %v", u.run.permission, decided, page, c.want, c.page, err)
			}
		})
	}
}

// A node that lost the lease before it could upload anything does so later, in a page before
// those of the next owner.
func TestUploader_UploadsTheRemainingSegmentsAfterTheLeaseIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, b := t.TempDir(), &testBucket{Bucket: memory.New()}
		var away atomic.Bool
		b.failure = func(string, string) error {
			if away.Load() {
				return errors.New("store is away")
			}
			return nil
		}
		u := startUpload(t, dir, UploaderConfig{}, b)
		u.offer(0, 3)
		time.Sleep(10 * time.Second)
		away.Store(true)
		u.offer(3, 6)
		time.Sleep(10 * time.Second)
		if err := u.stop(); err != nil {
			t.Fatal(err)
		}
		away.Store(false)
		u = startUpload(t, dir, UploaderConfig{Permission: func() Permission { return MayStore }}, b)
		u.end()
		<-u.up.Drained()
		if diff := cmp.Diff(append(numbers(3, 6), "end"), u.index.names); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
		logs, err := listLogs(t.Context(), b, testLayout, "studio")
		if pages := logs[testMeta.logKey()]; err != nil || len(pages) != 2 || pages[1].number != pages[0].number+1 {
			t.Errorf("pages %v, want two in a row: %v", pages, err)
		}
	})
}
