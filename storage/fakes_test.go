package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/media"
	"golive/storage"
	"golive/storage/memory"
)

const prefix = "live/show"

var errAway = &storage.Error{Op: "put", Key: "k", Err: errors.New("store is away"), Hint: "bring it back"}

// faulty is a bucket in memory that can be slow, fail, and fail after storing.
// Its hooks run inside each operation; nil ones do nothing.
type faulty struct {
	*memory.Bucket
	wait   func(op, key string) time.Duration
	before func(op, key string) error
	after  func(op, key string) error // the object is stored all the same

	mu  sync.Mutex
	did []string // "op key", those that took effect
}

func newFaulty() *faulty { return &faulty{Bucket: memory.New()} }

func (f *faulty) do(ctx context.Context, op, key string, act func() error) error {
	if f.wait != nil {
		timer := time.NewTimer(f.wait(op, key))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if f.before != nil {
		if err := f.before(op, key); err != nil {
			return err
		}
	}
	if err := act(); err != nil {
		return err
	}
	f.mu.Lock()
	f.did = append(f.did, op+" "+strings.TrimPrefix(key, prefix+"/"))
	f.mu.Unlock()
	if f.after != nil {
		return f.after(op, key)
	}
	return nil
}

func (f *faulty) Put(ctx context.Context, o storage.Object) error {
	return f.do(ctx, "put", o.Key, func() error { return f.Bucket.Put(ctx, o) })
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	return f.do(ctx, "delete", key, func() error { return f.Bucket.Delete(ctx, key) })
}

// goAway makes every operation fail until back is called.
func (f *faulty) goAway() (back func()) {
	var here atomic.Bool
	f.before = func(string, string) error {
		if here.Load() {
			return nil
		}
		return errAway
	}
	return func() { here.Store(true) }
}

// done is what took effect so far.
func (f *faulty) done() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.did...)
}

func (f *faulty) text(t *testing.T, key string) string {
	t.Helper()
	r, err := f.Get(context.Background(), key, 0, -1)
	if errors.Is(err, storage.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// namesOnlyWhatIsThere wants everything that the playlist key names to be in the
// bucket; another key is none of its business.
func (f *faulty) namesOnlyWhatIsThere(t *testing.T, key string) {
	t.Helper()
	if !strings.HasSuffix(key, ".m3u8") {
		return
	}
	for name := range strings.Lines(f.text(t, key)) {
		if name = strings.TrimSpace(name); strings.Contains(name, "/") && f.text(t, name) == "" {
			t.Errorf("%s names %s, which is not in the bucket", key, name)
		}
	}
}

// index writes a playlist of segment keys, one a line, for each rendition, and one
// playlist that names those.
type index struct {
	mu       sync.Mutex
	heard    []string // "RENDITION NAME", with " lost"
	segments []*media.Segment
	lines    map[string][]string
	order    []string // renditions as they appear
}

func newIndex() *index { return &index{lines: make(map[string][]string)} }

func (x *index) Acked(rendition string, seg *media.Segment, lost bool) []storage.Object {
	x.mu.Lock()
	defer x.mu.Unlock()
	line := storage.SegmentKey(prefix, rendition, seg)
	heard := rendition + " " + seg.Name()
	if lost {
		line = "GAP"
		heard += " lost"
	}
	x.heard = append(x.heard, heard)
	x.segments = append(x.segments, seg)
	if _, ok := x.lines[rendition]; !ok {
		x.order = append(x.order, rendition)
	}
	x.lines[rendition] = append(x.lines[rendition], line)
	return x.render(rendition)
}

func (x *index) render(rendition string, more ...string) []storage.Object {
	var all []string
	for _, r := range x.order {
		all = append(all, playlistKey(r))
	}
	return []storage.Object{
		textObject(playlistKey(rendition), append(x.lines[rendition], more...)),
		textObject(prefix+"/index.m3u8", all),
	}
}

func (x *index) told() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.heard...)
}

func playlistKey(rendition string) string { return prefix + "/" + rendition + "/index.m3u8" }

func textObject(key string, lines []string) storage.Object {
	return storage.Object{Key: key, Slabs: [][]byte{[]byte(strings.Join(lines, "\n"))}}
}

// ender is an index that ends its playlists itself.
type ender struct{ *index }

func (e ender) Ended() []storage.Object {
	var all []storage.Object
	for _, r := range e.order {
		all = append(all, e.render(r, "ENDLIST")...)
	}
	return all
}

// segment has 3 parts and size bytes.
func segment(msn, size int) *media.Segment {
	s := &media.Segment{Session: "s", MSN: int64(msn), Duration: 2 * media.Second, Size: int64(size)}
	for i, n := range []int{size / 2, size / 4, size - size/2 - size/4} {
		data := bytes.Repeat([]byte{byte(msn)}, n)
		s.Parts = append(s.Parts, &media.Part{Session: "s", MSN: s.MSN, Index: i, Data: data, Size: int64(n)})
	}
	return s
}

// lines is a log's output.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, strings.TrimSpace(string(p)))
	return len(p), nil
}

// with is the lines that contain text.
func (l *lines) with(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.all {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// house is an Archiver that runs, with all it knows.
type house struct {
	*storage.Archiver
	bucket *faulty
	log    *lines
	reg    *prometheus.Registry
	stop   context.CancelCauseFunc
	ended  chan error
}

// newHouse makes an Archiver that does not run yet.
func newHouse(cfg storage.ArchiverConfig, bucket *faulty, x storage.Index) *house {
	h := newHouseOn(cfg, bucket, x)
	h.bucket = bucket
	return h
}

// newHouseOn is newHouse on any bucket.
func newHouseOn(cfg storage.ArchiverConfig, bucket storage.Bucket, x storage.Index) *house {
	cfg.Prefix = prefix
	h := &house{log: &lines{}, reg: prometheus.NewRegistry(), ended: make(chan error, 1)}
	h.Archiver = storage.NewArchiver(cfg, bucket, x, slog.New(slog.NewTextHandler(h.log, nil)), storage.NewMetrics(h.reg))
	return h
}

// run runs the Archiver until the test ends.
func (h *house) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	h.stop = cancel
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		h.ended <- h.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel(nil)
		<-returned
	})
}

// start runs an Archiver until the test ends.
func start(t *testing.T, cfg storage.ArchiverConfig, bucket *faulty, x storage.Index) *house {
	t.Helper()
	h := newHouse(cfg, bucket, x)
	h.run(t)
	return h
}

// after lets fake time pass.
func after(d time.Duration) { <-time.After(d) }

// value is the sum of a metric's values that have the label value, or of all.
func (h *house) value(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label != "" && !strings.Contains(m.String(), fmt.Sprintf("%q", label)) {
				continue
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}
