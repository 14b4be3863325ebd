package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/media"
	"golive/storage"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 123456789, time.UTC)

// segment has every field set, and two parts around a gap.
func segment(msn, size int) *media.Segment {
	s := &media.Segment{
		Session: "s", MSN: int64(msn), Start: 90_000, Duration: 2 * media.Second, Size: int64(size),
		ProgramDateTime: noon, Discontinuity: true, Independent: true,
	}
	var offset int64
	for i, n := range []int{size / 2, 0, size - size/2} {
		p := &media.Part{
			Session: "s", MSN: s.MSN, Index: i, Data: bytes.Repeat([]byte{byte(msn), byte(i)}, n)[:n], Offset: offset, Size: int64(n),
			Start: media.Ticks(90_000 + i), Duration: media.Second, Independent: true, Gap: i == 1, Number: int64(7 + i), Arrived: noon.Add(time.Second),
		}
		if p.Gap {
			p.Data = nil
		}
		s.Parts = append(s.Parts, p)
		offset += p.Size
	}
	return s
}

func open(t testing.TB, dir string, maxBytes int64) *Spool {
	t.Helper()
	s, err := Open(dir, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// add offers in the order opposite to MSN, as after a step of the clock.
func add(t *testing.T, s *Spool, broadcast, rendition string, seg *media.Segment) *storage.Spooled {
	t.Helper()
	e, err := s.Add(broadcast, rendition, seg, noon.Add(-time.Duration(seg.MSN)*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func content(seg *media.Segment) []byte { return bytes.Join(seg.Slabs(), nil) }

func read(t *testing.T, s *Spool, e *storage.Spooled) []byte {
	t.Helper()
	b, err := s.Read(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestSpool_DescribesASegmentInFullAfterACrash(t *testing.T) {
	dir := t.TempDir()
	seg := segment(7, 1001)
	wrote := add(t, open(t, dir, 1<<20), "studio", "source", seg)
	again := open(t, dir, 1<<20) // the first was never closed: as after SIGKILL
	found := again.Load("studio")
	if diff := cmp.Diff([]*storage.Spooled{wrote}, found); diff != "" {
		t.Fatalf("what is loaded is not what was added (-added +loaded):\n%s", diff)
	}
	if diff := cmp.Diff(seg.WithoutData(), found[0].Segment); diff != "" {
		t.Errorf("the segment is another (-added +loaded):\n%s", diff)
	}
	if !bytes.Equal(read(t, again, found[0]), content(seg)) {
		t.Error("the bytes are others")
	}
	if !found[0].Offered.Equal(noon.Add(-7 * time.Second)) {
		t.Errorf("offered at %v", found[0].Offered)
	}
}

// TestHeader_KeepsEveryField fails when media gets a field that the header has not.
func TestHeader_KeepsEveryField(t *testing.T) {
	seg := segment(7, 1001)
	kept := newHeader("b", "r", seg, seg.Slabs(), noon).segment()
	for _, v := range []reflect.Value{reflect.ValueOf(*kept), reflect.ValueOf(*kept.Parts[2])} {
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Data" && name != "Gap" && v.Field(i).IsZero() {
				t.Errorf("%s.%s is not kept", v.Type(), name)
			}
		}
	}
	if !kept.Parts[1].Gap {
		t.Error("the gap is not kept")
	}
}

func TestLoad_IsInOrderAndByBroadcast(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	for _, msn := range []int{12, 9, 10} {
		add(t, s, "studio", "source", segment(msn, 10))
		add(t, s, "studio", "720p", segment(msn, 10))
		add(t, s, "attic", "source", segment(msn+100, 10))
	}
	for _, s := range []*Spool{s, open(t, dir, 1<<20)} {
		if got, want := s.Broadcasts(), []string{"attic", "studio"}; !cmp.Equal(got, want) {
			t.Errorf("broadcasts are %q", got)
		}
		var got []string
		for _, e := range s.Load("studio") {
			got = append(got, fmt.Sprint(e.Rendition, e.Segment.MSN))
		}
		if want := []string{"source9", "720p9", "source10", "720p10", "source12", "720p12"}; !cmp.Equal(got, want) {
			t.Errorf("loaded %q, want %q", got, want)
		}
		if s.Load("cellar") != nil {
			t.Error("an unknown broadcast has segments")
		}
	}
}

func TestAdd_KeepsTheLimitOverAllBroadcastsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	one := add(t, open(t, t.TempDir(), 1<<20), "a", "source", segment(1, 1000)).Bytes
	s := open(t, dir, 3*one+100)
	first := add(t, s, "a", "source", segment(1, 1000))
	add(t, s, "b", "source", segment(2, 1000))
	add(t, s, "a", "source", segment(3, 1000))
	full := func(s *Spool) {
		t.Helper()
		var e *storage.Error
		_, err := s.Add("b", "source", segment(4, 1000), noon)
		if !errors.Is(err, storage.ErrSpoolFull) || !errors.As(err, &e) || e.Permanent || !strings.Contains(err.Error(), "max_bytes") {
			t.Errorf("over the limit: %v", err)
		}
	}
	full(s)
	again := open(t, dir, 3*one+100)
	if again.Bytes() != s.Bytes() || again.Segments() != 3 {
		t.Errorf("after a restart %d segments of %d bytes, want 3 of %d", again.Segments(), again.Bytes(), s.Bytes())
	}
	full(again)
	for range 2 { // the second finds nothing, and frees nothing
		if err := again.Remove(first); err != nil {
			t.Fatal(err)
		}
	}
	add(t, again, "b", "source", segment(4, 1000))
	full(again)
	if _, err := again.Add("b", "source", segment(5, 10_000), noon); !errors.Is(err, storage.ErrSpoolFull) || !err.(*storage.Error).Permanent {
		t.Errorf("larger than the spool: %v", err)
	}
	// The bytes on the disk are those that are counted.
	var onDisk int64
	for _, name := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		onDisk += info.Size()
	}
	if onDisk != again.Bytes() {
		t.Errorf("%d bytes on disk, counted %d", onDisk, again.Bytes())
	}
}

func TestOpen_RemovesWhatIsTornOrDamagedAndCounts(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	for name, damage := range map[string]func([]byte) []byte{
		"empty":           func([]byte) []byte { return nil },
		"cut in prelude":  func(b []byte) []byte { return b[:10] },
		"cut in header":   func(b []byte) []byte { return b[:200] },
		"cut in bytes":    func(b []byte) []byte { return b[:len(b)-1] },
		"longer":          func(b []byte) []byte { return append(b, 0) },
		"zeros":           func(b []byte) []byte { return make([]byte, len(b)) },
		"magic":           flip(0),
		"header's length": flip(8),
		"header":          flip(100),
		"header's sum":    flip(15),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, 1<<20)
			hurt, well := add(t, s, "a", "source", segment(1, 1000)), add(t, s, "a", "source", segment(2, 1000))
			path := filepath.Join(dir, hurt.Name)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			again := open(t, dir, 1<<20)
			if got := again.Load("a"); len(got) != 1 || got[0].Segment.MSN != 2 {
				t.Errorf("loaded %v", got)
			}
			if again.Damaged() != 1 || again.Bytes() != well.Bytes || !cmp.Equal(files(t, dir), []string{well.Name}) {
				t.Errorf("%d damaged, %d bytes, files %q", again.Damaged(), again.Bytes(), files(t, dir))
			}
		})
	}
}

func TestRead_FindsDamagedBytes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	e := add(t, s, "a", "source", segment(1, 1000))
	path := filepath.Join(dir, e.Name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var wrapped *storage.Error
	if _, err := s.Read(e); !errors.Is(err, storage.ErrSpoolDamaged) || !errors.As(err, &wrapped) || wrapped.Retryable() {
		t.Errorf("read damaged bytes: %v", err)
	}
	if s.Damaged() != 1 {
		t.Errorf("%d damaged", s.Damaged())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(e); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("read what is gone: %v", err)
	}
	if err := s.Remove(e); err != nil || s.Bytes() != 0 {
		t.Errorf("remove what is gone: %v, %d bytes left", err, s.Bytes())
	}
}

func TestOpen_SweepsUnfinishedFilesAndLeavesStrangers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	e := add(t, s, "a", "source", segment(1, 10))
	strangers := []string{"lost+found", "notes.txt", "x.segment", "12.segment", ".tmp"}
	for _, name := range append(strangers, fileName(900)+tempSuffix) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, dir, 1<<20)
	if got := len(files(t, dir)); got != len(strangers)+1 || again.Segments() != 1 || again.Damaged() != 0 {
		t.Errorf("files %q, %d segments, %d damaged", files(t, dir), again.Segments(), again.Damaged())
	}
	if next := add(t, again, "a", "source", segment(2, 10)); next.Name <= e.Name {
		t.Errorf("%s comes after %s", next.Name, e.Name)
	}
}

func TestAdd_RefusesNamesThatAreNoKeys(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	for _, bad := range []string{"", ".", "..", "../x", "a/b", "/etc", "a\\b", "a\x00b", strings.Repeat("x", 256), "\xff"} {
		seg := segment(1, 10)
		if _, err := s.Add(bad, "source", seg, noon); !errors.Is(err, storage.ErrKey) {
			t.Errorf("broadcast %q: %v", bad, err)
		}
		if _, err := s.Add("a", bad, seg, noon); !errors.Is(err, storage.ErrKey) {
			t.Errorf("rendition %q: %v", bad, err)
		}
		seg.Session = bad
		if _, err := s.Add("a", "source", seg, noon); !errors.Is(err, storage.ErrKey) {
			t.Errorf("session %q: %v", bad, err)
		}
	}
	if s.Bytes() != 0 || len(files(t, dir)) != 0 {
		t.Errorf("%d bytes are taken, files %q", s.Bytes(), files(t, dir))
	}
}

func TestAdd_LeavesNothingOfAFailure(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	for failAt := range 2 { // the file's sync, then the directory's
		calls := 0
		s.sync = func(*os.File) error {
			if calls++; calls > failAt {
				return &os.PathError{Op: "sync", Path: "x", Err: syscall.ENOSPC}
			}
			return nil
		}
		_, err := s.Add("a", "source", segment(1, 10), noon)
		var wrapped *storage.Error
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &wrapped) || !wrapped.Retryable() || !strings.Contains(err.Error(), "under storage.spool.path, or lower storage.spool.max_bytes") {
			t.Errorf("full disk: %v", err)
		}
		if s.Bytes() != 0 || s.Segments() != 0 || len(files(t, dir)) != 0 {
			t.Errorf("%d bytes, %d segments, files %q", s.Bytes(), s.Segments(), files(t, dir))
		}
	}
}

func TestSpool_IsSafeForManyBroadcasts(t *testing.T) {
	s := open(t, t.TempDir(), 1<<30)
	s.sync = func(*os.File) error { return nil }
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := fmt.Sprint("b", i)
			for msn := range 20 {
				e, err := s.Add(name, "source", segment(msn, 500), noon)
				if err != nil {
					t.Error(err)
					return
				}
				if b, err := s.Read(e); err != nil || len(b) != 500 {
					t.Error(err)
				}
				if msn%2 == 0 {
					if err := s.Remove(e); err != nil {
						t.Error(err)
					}
				}
				_, _ = s.Load(name), s.Bytes()
			}
		})
	}
	all.Wait()
	if s.Segments() != 80 || len(s.Load("b3")) != 10 {
		t.Errorf("%d segments, %d of one broadcast", s.Segments(), len(s.Load("b3")))
	}
	for _, name := range s.Broadcasts() {
		for _, e := range s.Load(name) {
			if err := s.Remove(e); err != nil {
				t.Error(err)
			}
		}
	}
	if s.Bytes() != 0 {
		t.Errorf("%d bytes are left", s.Bytes())
	}
}

func TestCollector_ShowsTheSpool(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	e := add(t, s, "a", "source", segment(1, 10))
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(NewCollector(s))
	want := fmt.Sprintf(`
		# HELP golive_storage_spool_bytes Bytes of the files in the spool, of all broadcasts.
		# TYPE golive_storage_spool_bytes gauge
		golive_storage_spool_bytes %d
		# HELP golive_storage_spool_damaged_total Files of the spool that were found torn or damaged.
		# TYPE golive_storage_spool_damaged_total counter
		golive_storage_spool_damaged_total 0
		# HELP golive_storage_spool_max_bytes Bytes that the spool may hold.
		# TYPE golive_storage_spool_max_bytes gauge
		golive_storage_spool_max_bytes 1.048576e+06
		# HELP golive_storage_spool_segments Segments in the spool, of all broadcasts.
		# TYPE golive_storage_spool_segments gauge
		golive_storage_spool_segments 1
	`, e.Bytes)
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// FuzzDecode shows that no file makes the scan panic, and that what is read is
// what is written again.
func FuzzDecode(f *testing.F) {
	seg := segment(1, 10)
	begin, err := newHeader("a", "source", seg, seg.Slabs(), noon).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(begin, int64(len(begin)+10))
	f.Add(begin[:20], int64(20))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		h, err := decode(b, size)
		if err != nil {
			return
		}
		if again, err := h.encode(); err != nil || len(again) == 0 || h.segment() == nil {
			t.Errorf("cannot write what was read: %v", err)
		}
	})
}
