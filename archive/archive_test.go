package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/media"
	"golive/storage"
	"golive/storage/disk"
)

func newTestMetrics() *Metrics { return NewMetrics(prometheus.NewRegistry()) }

var quiet = slog.New(slog.DiscardHandler)

var testLayout = Layout{Prefix: "live"}

var testMeta = Meta{Broadcast: "studio", Token: "T1", Began: time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)}

// segment returns segment msn of a rendition: 2 s of media, whose bytes contain the number.
func segment(msn int64) *media.Segment {
	s := &media.Segment{
		Publication: "PUB1", MSN: msn, Start: media.Ticks(msn) * 2 * media.Second, Duration: 2 * media.Second,
		ProgramDateTime: testMeta.Began.Add(time.Duration(msn) * 2 * time.Second), Independent: true, Discontinuity: msn%100 == 99,
	}
	data := fmt.Appendf(nil, "media of segment %d", msn)
	s.Parts = []*media.Part{{Publication: s.Publication, MSN: msn, Data: data, Size: int64(len(data)), Duration: s.Duration}}
	s.Size = int64(len(data))
	return s
}

func openStore(t *testing.T, dir string, cfg Config) *Store {
	t.Helper()
	cfg.Layout = testLayout
	if cfg.Window == 0 {
		cfg.Window = 30 * time.Second
	}
	return NewStore(openFiles(t, dir), cfg, quiet, newTestMetrics())
}

func openFiles(t testing.TB, dir string) *disk.Bucket {
	t.Helper()
	files, err := disk.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	})
	return files
}

// runRecording runs the recording until everything that f offers is written.
func runRecording(t *testing.T, r *Recording, f func(*Recording)) {
	t.Helper()
	f(r)
	done, stop := context.WithCancel(t.Context())
	stop()
	if err := r.Run(done); err != nil {
		t.Fatal(err)
	}
}

func ignoreWritten(string, *Segment) {}

func recoverOne(t *testing.T, s *Store) *Recovered {
	t.Helper()
	all, err := s.Recover(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d broadcasts were recovered, want 1: %v", len(all), err)
	}
	return all[0]
}

func TestRecover_FindsWhatWasRecorded(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Config{})
	var written []int64
	r := s.NewRecording(testMeta, func(_ string, seg *Segment) { written = append(written, seg.MSN) }, quiet)
	runRecording(t, r, func(r *Recording) {
		r.Describe("source", Description{Target: 2, PartTarget: 18000, Video: "avc1.64001f", Audio: "mp4a.40.2"})
		for msn := range int64(1000) {
			r.Offer("source", segment(msn))
		}
	})
	if len(written) != 1000 {
		t.Errorf("%d segments were reported as written, want 1000", len(written))
	}
	f := recoverOne(t, s)
	want := Position{
		Description: Description{Target: 2, PartTarget: 18000, Video: "avc1.64001f", Audio: "mp4a.40.2"},
		Next:        1000, Discontinuities: 10, Stored: -1, Removed: -1,
	}
	if diff := cmp.Diff(want, f.Positions["source"]); diff != "" {
		t.Errorf("position (-want +got):\n%s", diff)
	}
	if f.Meta != testMeta || !f.Ended.IsZero() || f.Damaged != 0 {
		t.Errorf("recovered %+v, ended %v, %d damaged; want %+v, not ended, 0 damaged", f.Meta, f.Ended, f.Damaged, testMeta)
	}
	list := f.Segments["source"]
	if n := len(list); n < 15 || n > 2*pageRecords || list[n-1].MSN != 999 {
		t.Errorf("%d segments were read, the last is %d; want 15 to %d, and 999", n, list[n-1].MSN, 2*pageRecords)
	}
	got, err := r.Open(t.Context(), "source", "PUB1-7.ts", 9, 9)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(got.Body)
	if err = errors.Join(err, got.Close()); err != nil || string(text) != "segment 7" {
		t.Errorf("read %q, want %q: %v", text, "segment 7", err)
	}
	if _, err := r.Open(t.Context(), "source", "PUB1-1000.ts", 0, -1); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("opening a file that does not exist: error %v, want ErrNotExist", err)
	}
}

func TestRecover_ReadsFromTheFirstSegmentThatTheBucketLacks(t *testing.T) {
	s := openStore(t, t.TempDir(), Config{Uploaded: true})
	r := s.NewRecording(testMeta, ignoreWritten, quiet)
	runRecording(t, r, func(r *Recording) {
		for msn := range int64(2000) {
			r.Offer("source", segment(msn))
			if msn == 100 {
				stored := int64(41)
				r.pushRecord(Record{Kind: KindStored, Rendition: "source", Through: &stored})
			}
		}
	})
	list := recoverOne(t, s).Segments["source"]
	if list[0].MSN > 42 {
		t.Errorf("the oldest segment that was read is %d, want 42 at most: the bucket has those up to 41", list[0].MSN)
	}
}

func TestRecover_ContinuesWhereTheLogEnds(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Config{})
	for run := range int64(5) {
		var r *Recording
		if run == 0 {
			r = s.NewRecording(testMeta, ignoreWritten, quiet)
		} else {
			r = s.Resume(recoverOne(t, s), ignoreWritten, quiet)
		}
		runRecording(t, r, func(r *Recording) {
			for i := range int64(40) {
				r.Offer("source", segment(40*run+i))
			}
			if run == 4 {
				r.End(testMeta.Began.Add(time.Hour), "unpublished")
			}
		})
	}
	f := recoverOne(t, s)
	list := f.Segments["source"]
	if p := f.Positions["source"]; p.Next != 200 || p.Discontinuities != 2 {
		t.Errorf("position %+v, want next 200 after 2 discontinuities", p)
	}
	for i := 1; i < len(list); i++ {
		if list[i].MSN != list[i-1].MSN+1 {
			t.Fatalf("segment %d follows %d", list[i].MSN, list[i-1].MSN)
		}
	}
	if !f.Ended.Equal(testMeta.Began.Add(time.Hour)) || f.Damaged != 0 {
		t.Errorf("ended %v, %d damaged; want the recorded end, 0 damaged", f.Ended, f.Damaged)
	}
}

func TestRecover_SurvivesDamage(t *testing.T) {
	page := func(dir string) string {
		return filepath.Join(dir, "live", "studio", "log-20261128T020000.000Z-T1", "00000000.jsonl")
	}
	edit := func(t *testing.T, path string, f func(string) string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, []byte(f(string(text))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file := func(dir string, msn int) string {
		return filepath.Join(dir, "live", "studio", "source", fmt.Sprintf("PUB1-%d.ts", msn))
	}
	for _, c := range []struct {
		name    string
		damage  func(t *testing.T, dir string)
		damaged int
		last    int64
		lost    []int64
	}{
		{"torn last line", func(t *testing.T, dir string) {
			t.Helper()
			edit(t, page(dir), func(s string) string { return s[:len(s)-20] })
		}, 1, 48, nil},
		{"damaged line", func(t *testing.T, dir string) {
			t.Helper()
			edit(t, page(dir), func(s string) string { return strings.Replace(s, `"msn":30`, `"msn":"x"`, 1) })
		}, 1, 49, []int64{30}},
		{"damaged header", func(t *testing.T, dir string) {
			t.Helper()
			edit(t, page(dir), func(s string) string { return "\x00\x00" + s[2:] })
		}, 1, 49, nil},
		{"empty page", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(strings.Replace(page(dir), "00000000", "00000001", 1), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, 0, 49, nil},
		{"missing file", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(file(dir, 45)); err != nil {
				t.Fatal(err)
			}
		}, 1, 49, []int64{45}},
		{"short file", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Truncate(file(dir, 49), 3); err != nil {
				t.Fatal(err)
			}
		}, 1, 49, []int64{49}},
		{"record of a later version", func(t *testing.T, dir string) {
			t.Helper()
			edit(t, page(dir), func(s string) string { return s + `{"kind":"poster","rendition":"source"}` + "\n" })
		}, 0, 49, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir, Config{})
			runRecording(t, s.NewRecording(testMeta, ignoreWritten, quiet), func(r *Recording) {
				for msn := range int64(50) {
					r.Offer("source", segment(msn))
				}
			})
			c.damage(t, dir)
			f := recoverOne(t, s)
			list := f.Segments["source"]
			if f.Damaged != c.damaged || list[len(list)-1].MSN != c.last || f.Positions["source"].Next != c.last+1 {
				t.Errorf("%d damaged, the last segment is %d, the next %d; want %d, %d, %d", f.Damaged, list[len(list)-1].MSN, f.Positions["source"].Next, c.damaged, c.last, c.last+1)
			}
			var lost []int64
			for _, seg := range list {
				if seg.Size == 0 {
					lost = append(lost, seg.MSN)
				}
			}
			if diff := cmp.Diff(c.lost, lost); diff != "" {
				t.Errorf("lost segments (-want +got):\n%s", diff)
			}
			// The recording can continue.
			runRecording(t, s.Resume(f, ignoreWritten, quiet), func(r *Recording) { r.Offer("source", segment(c.last+1)) })
			if next := recoverOne(t, s).Positions["source"].Next; next != c.last+2 {
				t.Errorf("the next segment is %d after one more was recorded, want %d", next, c.last+2)
			}
		})
	}
}

func TestRecover_LeavesALogOfALaterVersionAlone(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Config{})
	runRecording(t, s.NewRecording(testMeta, ignoreWritten, quiet), func(r *Recording) { r.Offer("source", segment(0)) })
	path := filepath.Join(dir, "live", "studio", "log-20261128T020000.000Z-T1", "00000000.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), `"version":1`, `"version":99`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := s.Recover(t.Context())
	if len(all) != 0 || !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "studio") {
		t.Errorf("%d broadcasts were recovered, want 0 and ErrVersion: %v", len(all), err)
	}
}

func TestRecording_DropsMediaOverItsBoundWhileTheDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := openStore(t, dir, Config{})
		s.queueBytes = 100
		r := s.NewRecording(testMeta, ignoreWritten, quiet)
		// Writing fails: there is a file in the place of the broadcast's folder.
		if err := os.WriteFile(filepath.Join(dir, "live"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		for msn := range int64(20) {
			r.Offer("source", segment(msn))
		}
		time.Sleep(time.Minute)
		if since, err := r.Failing(); err == nil || time.Since(since) < 59*time.Second {
			t.Errorf("failing with %v since %v, want an error for a minute", err, since)
		}
		if err := os.Remove(filepath.Join(dir, "live")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := r.Failing(); err != nil {
			t.Errorf("failing with %v although the disk works again", err)
		}
		kept, lost := 0, 0
		for _, seg := range recoverOne(t, s).Segments["source"] {
			if seg.Size == 0 {
				lost++
			} else {
				kept++
			}
		}
		if kept != 5 || lost != 15 {
			t.Errorf("%d segments are kept, %d lost; want 5 and 15", kept, lost)
		}
	})
}

func TestStore_SyncsAccordingToThePolicy(t *testing.T) {
	for _, c := range []struct {
		sync string
		want int
	}{{storage.SyncInterval, 15}, {storage.SyncAlways, 31}, {storage.SyncNever, 0}} {
		t.Run(c.sync, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStore(t, t.TempDir(), Config{Sync: c.sync})
				syncs := 0
				s.sync = func() error { syncs++; return nil }
				r := s.NewRecording(testMeta, ignoreWritten, quiet)
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- s.Run(ctx) }()
				go func() { ended <- r.Run(ctx) }()
				for msn := range int64(30) {
					r.Offer("source", segment(msn))
					time.Sleep(time.Second)
				}
				synctest.Wait()
				if syncs != c.want {
					t.Errorf("the disk was synced %d times, want %d", syncs, c.want)
				}
				stop()
				if err := errors.Join(<-ended, <-ended); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestStore_DropsTheOldestFilesOverMaxBytes(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Config{Uploaded: true, MaxBytes: 200})
	r := s.NewRecording(testMeta, ignoreWritten, quiet)
	runRecording(t, r, func(r *Recording) {
		for msn := range int64(30) {
			r.Offer("source", segment(msn))
		}
	})
	if n := s.Waiting(); n > 200 || n < 150 {
		t.Errorf("%d bytes wait, want 150 to 200", n)
	}
	if _, err := r.Open(t.Context(), "source", "PUB1-0.ts", 0, -1); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("the oldest file is still there: %v", err)
	}
	if _, err := r.Open(t.Context(), "source", "PUB1-29.ts", 0, -1); err != nil {
		t.Errorf("the newest file: %v", err)
	}
}

func TestRecording_BoundsTheRecordsThatWaitForAHangingDisk(t *testing.T) {
	s := openStore(t, t.TempDir(), Config{Uploaded: true})
	r := s.NewRecording(testMeta, ignoreWritten, quiet)
	const offered = maxQueued + 150
	for msn := range int64(offered) { // nothing is written yet
		r.Offer("source", segment(msn))
		r.Removed("source", msn-1)
	}
	if n := len(r.entries.queue); n > maxQueued+2*offered/100 {
		t.Errorf("%d records wait, want %d at most", n, maxQueued+2*offered/100)
	}
	runRecording(t, r, func(r *Recording) { r.End(time.Now(), "unpublished") })
	var lost int
	for i, it := range r.entries.waiting {
		if it.Segment.MSN != int64(i) {
			t.Fatalf("waiting entry %d is segment %d", i, it.Segment.MSN)
		}
		if it.Lost {
			lost++
		}
	}
	if n := testutil.ToFloat64(s.metrics.dropped.WithLabelValues(droppedQueueFull)); lost == 0 || n < float64(lost) {
		t.Errorf("%d segments are lost and %v are counted, want some, all of them counted", lost, n)
	}
	f := recoverOne(t, s)
	list := f.Segments["source"]
	if newest := list[len(list)-1].MSN; newest < offered-100 || f.Positions["source"].Discontinuities != offered/100 || f.Ended.IsZero() {
		t.Errorf("recovered up to %d, %+v, ended %v", newest, f.Positions, f.Ended)
	}
	for i := range list[1:] {
		if list[i+1].MSN != list[i].MSN+1 {
			t.Errorf("segment %d follows %d", list[i+1].MSN, list[i].MSN)
		}
	}
}

func BenchmarkRecover(b *testing.B) {
	// A thousand broadcasts of an hour, each with two renditions.
	dir := b.TempDir()
	s := NewStore(openFiles(b, dir), Config{Layout: testLayout, Window: 30 * time.Second, Sync: storage.SyncNever}, quiet, newTestMetrics())
	done, stop := context.WithCancel(b.Context())
	stop()
	for i := range 1000 {
		m := testMeta
		m.Broadcast = fmt.Sprintf("studio-%d", i)
		r := s.NewRecording(m, ignoreWritten, quiet)
		for msn := range int64(1800) {
			for _, rendition := range []string{"source", "720p"} {
				seg := segment(msn)
				if msn < 1740 { // files of old segments are not needed
					seg.Size, seg.Parts[0].Data, seg.Parts[0].Gap = 0, nil, true
				}
				r.Offer(rendition, seg)
			}
		}
		if err := r.Run(done); err != nil {
			b.Fatal(err)
		}
	}
	before := cpuTime(b)
	for b.Loop() {
		all, err := s.Recover(b.Context())
		if err != nil || len(all) != 1000 {
			b.Fatalf("%d broadcasts: %v", len(all), err)
		}
	}
	b.ReportMetric((cpuTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
}

// cpuTime returns the processor time of the process.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func FuzzParsePage(f *testing.F) {
	header := (&Header{Meta: testMeta}).record(0)
	seg := Record{Kind: KindSegment, Rendition: "source", Segment: SegmentOf(segment(3))}
	f.Add(append(header.append(nil), seg.append(nil)...))
	f.Add([]byte(`{"kind":"stored","rendition":"source"}`))
	f.Add([]byte(`{"kind":"segment","rendition":"../x","publication":"A","msn":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePage(0, text)
		if err != nil {
			return
		}
		s := newHeader(testMeta)
		for i := range p.Records {
			s.apply(&p.Records[i])
			if r := p.Records[i]; r.Segment != nil {
				key := testLayout.Media("b", "source", r.Segment.Media().Name())
				if r.Kind == KindSegment && storage.CheckKey(key) != nil {
					t.Errorf("%q is not a key", key)
				}
			}
		}
	})
}

func TestRecording_ContinuesAfterItsFolderWasRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "media")
		s := openStore(t, dir, Config{})
		r := s.NewRecording(testMeta, ignoreWritten, quiet)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		for msn := range int64(20) {
			if msn == 10 {
				synctest.Wait()
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
			}
			r.Offer("source", segment(msn))
		}
		time.Sleep(10 * time.Second)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		f := recoverOne(t, s)
		if list := f.Segments["source"]; len(list) == 0 || list[len(list)-1].MSN != 19 || f.Positions["source"].Next != 20 {
			t.Errorf("recovered %+v", f.Positions)
		}
		if got, err := r.Open(t.Context(), "source", "PUB1-19.ts", 0, -1); err != nil {
			t.Error(err)
		} else if err := got.Close(); err != nil {
			t.Error(err)
		}
	})
}
