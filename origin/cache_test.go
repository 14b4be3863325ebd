package origin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/internal/setting"
	"golive/media"
	"golive/origin/audience"
	"golive/playlist"
)

// withCache returns a Handler whose cache has the size, with so many reads at once.
func (s *storedSource) withCache(size setting.Bytes, reads int) *Handler {
	cfg := DefaultConfig()
	cfg.ReplayCache = size
	reg := prometheus.NewRegistry()
	return NewHandler(cfg, s, Guard{}, audience.New(nil, reg), NewReadLimiter(reads, nil), slog.New(slog.DiscardHandler), NewMetrics(reg))
}

// getFrom requests a segment from a client's address, until ctx is done.
func getFrom(ctx context.Context, h http.Handler, address, name string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live/past/source/"+name, nil)
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestCache_ReadsASegmentOnceForAllViewersAtTheSameTime(t *testing.T) {
	for _, size := range []int{0, 1, slabSize, 2*pieceSize + 7} {
		synctest.Test(t, func(t *testing.T) {
			s := newStoredSource(t, size, false)
			s.delay = 50 * time.Millisecond
			h := s.withCache(64*setting.MiB, 8)
			var all sync.WaitGroup
			for i := range 200 {
				all.Go(func() {
					w := getFrom(t.Context(), h, fmt.Sprintf("192.0.2.%d:%d", i%100, i), "s-1.ts")
					if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), s.data) {
						t.Errorf("status %d with %d bytes, want the whole segment", w.Code, w.Body.Len())
					}
				})
			}
			all.Wait()
			if n, read := s.opened.Load(), s.read.Load(); n != 1 || read != int64(size) || s.open.Load() != 0 {
				t.Errorf("%d bytes: opened %d times, %d bytes read, %d objects are still open; want 1 read of the segment", size, n, read, s.open.Load())
			}
			if w := getFrom(t.Context(), h, "192.0.2.1:1", "s-1.ts"); s.opened.Load() != 1 && size > 0 || !bytes.Equal(w.Body.Bytes(), s.data) {
				t.Errorf("%d bytes: the next viewer got %d; opened %d times", size, w.Body.Len(), s.opened.Load())
			}
		})
	}
}

func TestCache_ReturnsAFailureOfTheStoreToAllThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(1<<20, NewReadLimiter(100, nil))
		failure := errors.New("connection refused")
		opened := 0
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				o, leave := c.join(t.Context(), "key", func(context.Context, int64, int64) (io.ReadCloser, int64, error) {
					opened++
					<-time.After(time.Second)
					return nil, 0, failure
				})
				defer leave()
				if _, err := o.read(t.Context(), "", 0, pieceSize, media.UnknownSize); !errors.Is(err, failure) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if opened != 1 || len(c.objects) != 0 {
			t.Errorf("opened %d times, %d objects are left in the cache", opened, len(c.objects))
		}
	})
}

func TestCache_StopsReadingWhenAllHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoredSource(t, 1<<20, false)
		s.delay = time.Hour
		h := s.withCache(64*setting.MiB, 8)
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { getFrom(ctx, h, "192.0.2.1:1", "s-1.ts") })
		}
		synctest.Wait()
		if n := s.open.Load(); n != 1 {
			t.Errorf("%d objects are open, want none", n)
		}
		leave()
		all.Wait()
		if n := s.open.Load(); n != 0 || len(h.cache.objects) != 0 || len(h.reads.addresses) != 0 {
			t.Errorf("%d objects are open, %d are left in the cache and %d addresses in the ReadLimiter; want none", n, len(h.cache.objects), len(h.reads.addresses))
		}
		s.delay = 0
		if w := getFrom(t.Context(), h, "192.0.2.1:1", "s-1.ts"); !bytes.Equal(w.Body.Bytes(), s.data) {
			t.Errorf("the next viewer got %d bytes, want the whole segment", w.Body.Len())
		}
	})
}

func TestCache_ContinuesForOthersWhenTheFirstViewerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoredSource(t, 1<<20, false)
		s.delay = time.Second
		h := s.withCache(64*setting.MiB, 8)
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { getFrom(ctx, h, "192.0.2.1:1", "s-1.ts") })
		synctest.Wait()
		all.Go(func() {
			if w := getFrom(t.Context(), h, "192.0.2.2:1", "s-1.ts"); !bytes.Equal(w.Body.Bytes(), s.data) {
				t.Errorf("status %d with %d bytes, want the whole segment", w.Code, w.Body.Len())
			}
		})
		synctest.Wait()
		leave()
		all.Wait()
		if n := s.opened.Load(); n != 1 {
			t.Errorf("the segment was opened %d times, want once", n)
		}
	})
}

// A viewer who comes while the one before leaves does not get the error of that one's read.
func TestCache_ReadsAgainForAViewerWhoComesAfterAllHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(1<<20, NewReadLimiter(100, nil))
		first := true
		open := func(ctx context.Context, _, _ int64) (io.ReadCloser, int64, error) {
			if first {
				first = false
				<-ctx.Done()
				<-time.After(time.Second) // a store that is slow to notice
				return nil, 0, ctx.Err()
			}
			return io.NopCloser(bytes.NewReader([]byte("media"))), 5, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			o, leave := c.join(ctx, "key", open)
			defer leave()
			_, _ = o.read(ctx, "", 0, pieceSize, media.UnknownSize)
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		o, leave := c.join(t.Context(), "key", open)
		defer leave()
		if pieces, err := o.read(t.Context(), "", 0, pieceSize, media.UnknownSize); err != nil || string(bytes.Join(pieces, nil)) != "media" {
			t.Errorf("read %q, error %v", pieces, err)
		}
	})
}

func TestCache_HoldsNoMoreThanItsSize(t *testing.T) {
	for _, size := range []setting.Bytes{0, slabSize, 1 * setting.MiB} {
		s := newStoredSource(t, 300_000, false)
		h := s.withCache(size, 8)
		for i := range 20 {
			if w := getFrom(t.Context(), h, "192.0.2.1:1", fmt.Sprintf("s-%d.ts", i)); !bytes.Equal(w.Body.Bytes(), s.data) {
				t.Errorf("cache of %s: got %d bytes, want the whole segment", size, w.Body.Len())
			}
			held := int64(0)
			for e := h.cache.slabs.Front(); e != nil; e = e.Next() {
				held += int64(len(e.Value.(*slab).data))
			}
			if held > int64(size) || held != h.cache.size {
				t.Fatalf("cache of %s holds %d bytes and counts %d", size, held, h.cache.size)
			}
		}
		if n := len(h.cache.objects); n > int(size)/300_000+1 {
			t.Errorf("cache of %s has %d objects", size, n)
		}
		before := s.opened.Load()
		getFrom(t.Context(), h, "192.0.2.1:1", "s-19.ts")
		if again := s.opened.Load() > before; again != (size < setting.MiB) {
			t.Errorf("cache of %s: the last segment was read again: %t", size, again)
		}
	}
}

// A slow viewer gets the rest of a segment, although others have used the cache meanwhile.
func TestCache_SlowViewerGetsTheWholeSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoredSource(t, 1<<20, false)
		h := s.withCache(300*setting.KiB, 8)
		slow := &pausing{ResponseRecorder: httptest.NewRecorder(), pause: stall / 2, open: &s.open}
		var all sync.WaitGroup
		all.Go(func() { h.ServeHTTP(slow, httptest.NewRequest(http.MethodGet, "/live/past/source/s-1.ts", nil)) })
		for i := range 10 {
			all.Go(func() {
				<-time.After(time.Duration(i) * stall / 3)
				for _, name := range []string{"s-1.ts", fmt.Sprintf("s-%d.ts", i)} {
					if w := getFrom(t.Context(), h, "192.0.2.2:1", name); !bytes.Equal(w.Body.Bytes(), s.data) {
						t.Errorf("a fast viewer: status %d with %d bytes, want the whole segment", w.Code, w.Body.Len())
					}
				}
			})
		}
		all.Wait()
		if !bytes.Equal(slow.Body.Bytes(), s.data) {
			t.Errorf("the slow viewer got %d bytes, want the whole segment", slow.Body.Len())
		}
		if n := s.open.Load(); n != 0 {
			t.Errorf("%d objects are open, want none", n)
		}
	})
}

// A viewer who waits for the ReadLimiter gets what another viewer reads meanwhile.
func TestCache_ServesAViewerWhoseAddressMayNotReadMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoredSource(t, 1<<20, false)
		s.delay = time.Second
		h := s.withCache(64*setting.MiB, 4)
		busy, err := h.reads.Begin(t.Context(), "192.0.2.1:1") // all reads that the address may have
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		began := time.Now()
		for _, address := range []string{"192.0.2.1:2", "192.0.2.2:1"} {
			all.Go(func() {
				w := getFrom(t.Context(), h, address, "s-1.ts")
				if took := time.Since(began); !bytes.Equal(w.Body.Bytes(), s.data) || took > readWait/2 {
					t.Errorf("%s: status %d with %d bytes after %s", address, w.Code, w.Body.Len(), took)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		busy()
	})
}

func TestCache_RangesReadNoMoreThanTheyNeed(t *testing.T) {
	s := newStoredSource(t, 1<<20, false)
	h := s.withCache(64*setting.MiB, 4)
	o, leave := h.cache.join(t.Context(), "past/source/s-1.ts", playlist.Opener(s.openRemote))
	defer leave()
	pieces, err := o.read(t.Context(), "", 2*slabSize+5, 10, 2*slabSize+15)
	if err != nil || !bytes.Equal(bytes.Join(pieces, nil), s.data[2*slabSize+5:2*slabSize+15]) {
		t.Errorf("read %q, error %v", pieces, err)
	}
	if n := s.read.Load(); n != slabSize {
		t.Errorf("%d bytes were read from the store", n)
	}
}
