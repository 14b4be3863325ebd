package origin

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/media"
	"golive/origin/audience"
	"golive/playlist"
	"golive/storage"
)

// storedSource is a Source of stored segments of one size, which counts the open ones.
type storedSource struct {
	*testSource
	file   string // the name of the file they are read from; "" is a store
	data   []byte
	delay  time.Duration // to open
	open   atomic.Int64
	most   atomic.Int64
	opened atomic.Int64
	read   atomic.Int64 // bytes
}

func newStoredSource(t *testing.T, size int, asFile bool) *storedSource {
	t.Helper()
	s := &storedSource{testSource: newTestSource(), data: make([]byte, size)}
	for i := range s.data {
		s.data[i] = byte(i / 1000)
	}
	if asFile {
		s.file = filepath.Join(t.TempDir(), "segment")
		if err := os.WriteFile(s.file, s.data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *storedSource) Media(_ context.Context, _, _, name string) (playlist.Media, error) {
	m := playlist.Media{Object: name, Size: media.UnknownSize, Remote: s.openRemote}
	if s.file != "" {
		m.Local, m.Remote = s.openFile, nil
	}
	if name == "none-1.ts" {
		m.Local = nil
		m.Remote = func(context.Context, int64, int64) (io.ReadCloser, int64, error) { return nil, 0, storage.ErrNotExist }
	}
	return m, nil
}

// openObject is an open segment of a storedSource.
type openObject struct {
	io.Reader
	source *storedSource
	ctx    context.Context //nolint:containedctx // a store's connection ends with it
	file   *os.File
}

func (o *openObject) Read(b []byte) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.Reader.Read(b)
	o.source.read.Add(int64(n))
	return n, err
}

func (o *openObject) Close() error {
	o.source.open.Add(-1)
	if o.file != nil {
		return o.file.Close()
	}
	return nil
}

func (s *storedSource) count(ctx context.Context) error {
	s.opened.Add(1)
	s.most.Store(max(s.most.Load(), s.open.Add(1)))
	select {
	case <-time.After(s.delay):
		return nil
	case <-ctx.Done():
		s.open.Add(-1)
		return ctx.Err()
	}
}

func (s *storedSource) openRemote(ctx context.Context, offset, length int64) (io.ReadCloser, int64, error) {
	if err := s.count(ctx); err != nil {
		return nil, 0, err
	}
	size := int64(len(s.data))
	if length < 0 {
		length = size - offset
	}
	return &openObject{source: s, ctx: ctx, Reader: io.LimitReader(bytes.NewReader(s.data[offset:]), length)}, size, nil
}

func (s *storedSource) openFile(ctx context.Context, offset, length int64) (io.ReadCloser, int64, error) {
	if err := s.count(ctx); err != nil {
		return nil, 0, err
	}
	f, err := os.Open(s.file)
	if err != nil {
		return nil, 0, err
	}
	size := int64(len(s.data))
	if length < 0 {
		length = size - offset
	}
	return &openObject{source: s, ctx: ctx, Reader: io.NewSectionReader(f, offset, length), file: f}, size, nil
}

func (s *storedSource) handlerOf(reads int) *Handler {
	reg := prometheus.NewRegistry()
	return NewHandler(DefaultConfig(), s, Guard{}, audience.New(nil, reg), NewReadLimiter(reads, nil), slog.New(slog.DiscardHandler), NewMetrics(reg))
}

func TestHandler_ServesStoredSegmentsAndTheirRanges(t *testing.T) {
	for _, asFile := range []bool{true, false} {
		for _, size := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 5*pieceSize + 7} {
			v := newStoredSource(t, size, asFile)
			h := v.handlerOf(4)
			if w := get(h, "/live/past/source/s-1.ts"); w.Code != 200 || !bytes.Equal(w.Body.Bytes(), v.data) {
				t.Errorf("file %t, %d bytes: status %d with %d bytes", asFile, size, w.Code, w.Body.Len())
			}
			if w := ask(h, http.MethodHead, "/live/past/source/s-1.ts"); w.Code != 200 || w.Header().Get("Content-Length") != fmt.Sprint(size) || w.Body.Len() > 0 {
				t.Errorf("HEAD: file %t, %d bytes: status %d, headers %v", asFile, size, w.Code, w.Header())
			}
			for from := 1; from < size; from += max(size/3, 1) {
				w := get(h, "/live/past/source/s-1.ts", "Range", fmt.Sprintf("bytes=%d-", from))
				if w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), v.data[from:]) {
					t.Errorf("file %t, %d bytes, range from %d: status %d with %d bytes", asFile, size, from, w.Code, w.Body.Len())
				}
			}
			if w := get(h, "/live/past/source/none-1.ts"); w.Code != http.StatusNotFound {
				t.Errorf("file %t, a missing segment: status %d, want 404", asFile, w.Code)
			}
			if n := v.open.Load(); n != 0 {
				t.Errorf("file %t, %d bytes: %d objects are open after the end, want none", asFile, size, n)
			}
		}
	}
}

// frame is a frame of HTTP/2 (RFC 9113 section 4.1).
func frame(kind, flags byte, stream uint32, payload string) string {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return string(binary.BigEndian.AppendUint32(b, stream)) + payload
}

// A hundred HTTP/2 streams with a window of 0 request stored segments, and read nothing.
func TestHandler_StoredMediaHoldsNoConnectionsForViewersThatDoNotRead(t *testing.T) {
	const streams, reads = 100, 8
	for _, asFile := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			v := newStoredSource(t, 1<<20, asFile)
			v.delay = 10 * time.Millisecond
			s := startServer(t, v.handlerOf(reads))
			c, err := s.ln.Dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
			noWindow := "\x00\x04" + string(binary.BigEndian.AppendUint32(nil, 0))
			if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frame(4, 0, 0, noWindow)); err != nil {
				t.Fatal(err)
			}
			path := "/live/past/source/s-1.ts"
			for i := range streams {
				block := "\x82\x86\x41\x01x\x44" + string([]byte{byte(len(path))}) + path
				if _, err := io.WriteString(c, frame(1, 0x5, uint32(2*i+1), block)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(stall + time.Second)
			if n := v.most.Load(); n > reads/4 {
				t.Errorf("file %t: %d objects were open at once for one address", asFile, n)
			}
			time.Sleep(streams * stall)
			if n := v.open.Load(); n != 0 {
				t.Errorf("file %t: %d objects are open", asFile, n)
			}
			_ = c.Close()
			s.close(t)
		})
	}
}

// Over HTTP/1.1, too, the next viewer does not wait for those who read nothing.
func TestHandler_StoredMediaIsServedWhileOthersDoNotRead(t *testing.T) {
	for _, asFile := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			v := newStoredSource(t, 1<<20, asFile)
			s := startServer(t, v.handlerOf(4))
			for range 20 {
				c, err := s.ln.Dial(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(c, "GET /live/past/source/s-1.ts HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(stall)
			if n := v.most.Load(); n > 4 {
				t.Errorf("file %t: %d objects were open at once", asFile, n)
			}
			rt := s.client(1)
			for range 5 {
				time.Sleep(maxLag / 4)
				res, err := fetch(t.Context(), rt, "/live/past/source/s-1.ts")
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if err == nil && res.StatusCode == http.StatusServiceUnavailable && !asFile {
					continue // others use all reads of the store for now: try again
				}
				if res.StatusCode != 200 || !bytes.Equal(body, v.data) || err != nil {
					t.Errorf("file %t: status %d with %d bytes, error %v", asFile, res.StatusCode, len(body), err)
				}
			}
			rt.CloseIdleConnections()
			s.close(t)
		})
	}
}

func TestHandler_AbortsStoredMediaThatIsReadTooSlowlyOverHTTP2(t *testing.T) {
	const size = 1 << 17
	synctest.Test(t, func(t *testing.T) {
		v := newStoredSource(t, size, false)
		ended := make(chan time.Time, 1)
		h := v.handlerOf(4)
		s := startServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			ended <- time.Now()
		}))
		rt := s.client(2)
		began := time.Now()
		res, err := fetch(t.Context(), rt, "/live/past/source/s-1.ts")
		if err != nil {
			t.Fatal(err)
		}
		allowed := maxLag + size*time.Second/minRate
		if took := (<-ended).Sub(began); took < allowed-time.Second || took > allowed+time.Second {
			t.Errorf("the response was aborted after %s, want after %s", took, allowed)
		}
		if n := s.slow(t); n != 1 {
			t.Errorf("%v slow viewers are counted, want 1", n)
		}
		_ = res.Body.Close()
		rt.CloseIdleConnections()
		s.close(t)
	})
}

// A viewer who pauses gets the rest, although the store's connection was closed.
func TestHandler_ContinuesAStoredSegmentAfterAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newStoredSource(t, 3*pieceSize, false)
		w := &pausing{ResponseRecorder: httptest.NewRecorder(), pause: 2 * stall, open: &v.open}
		v.handlerOf(4).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/live/past/source/s-1.ts", nil))
		if !bytes.Equal(w.Body.Bytes(), v.data) || w.held != 0 {
			t.Errorf("got %d bytes, want %d; %d objects were open during the stall, want none", w.Body.Len(), len(v.data), w.held)
		}
		if n := v.opened.Load(); n != 3 { // for each pieceSize
			t.Errorf("the segment was opened %d times, want 3", n)
		}
	})
}

// pausing is a ResponseWriter that pauses before each write, and adds up how many objects are open then.
type pausing struct {
	*httptest.ResponseRecorder
	pause time.Duration
	open  *atomic.Int64
	held  int64
}

func (p *pausing) Write(b []byte) (int, error) {
	<-time.After(p.pause)
	p.held += p.open.Load()
	return p.ResponseRecorder.Write(b)
}

func TestReadLimiter_SharesReadsAmongAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReadLimiter(8, nil)
		var ends []func()
		for range 2 {
			end, err := r.Begin(t.Context(), "192.0.2.1:1")
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, end)
		}
		began := time.Now()
		if _, err := r.Begin(t.Context(), "192.0.2.1:2"); !errors.Is(err, ErrBusy) || time.Since(began) != readWait {
			t.Errorf("a third read of one address: error %v after %s", err, time.Since(began))
		}
		other, err := r.Begin(t.Context(), "192.0.2.2:1")
		if err != nil {
			t.Error(err)
		}
		other()
		time.AfterFunc(time.Second, ends[0])
		third, err := r.Begin(t.Context(), "192.0.2.1:3")
		if err != nil {
			t.Errorf("after one read has ended: error %v", err)
		}
		third()
		ends[1]()
		if len(r.addresses) != 0 {
			t.Errorf("%d addresses are kept, want none", len(r.addresses))
		}
	})
}
