package broadcast

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/internal/mediatest"
)

// copyDisk copies the local disk, as a crash would leave it now, and returns the folder.
func (s *testHub) copyDisk() string {
	s.t.Helper()
	dir := s.t.TempDir()
	copyDir(s.t, s.dir, dir)
	return dir
}

var (
	uriLine  = regexp.MustCompile(`(?m)^[^#\s].*\.(?:ts|m4s)$`)
	partLine = regexp.MustCompile(`(?m)^#EXT-X-PART:`)
	sequence = regexp.MustCompile(`MEDIA-SEQUENCE:(\d+)`)
	discSeq  = regexp.MustCompile(`DISCONTINUITY-SEQUENCE:(\d+)`)
)

// newestMSN returns the highest number of a segment or part in a playlist.
func newestMSN(t *testing.T, text string) int {
	t.Helper()
	first, err := strconv.Atoi(sequence.FindStringSubmatch(text)[1])
	if err != nil {
		t.Fatal(err)
	}
	segments := uriLine.FindAllStringIndex(text, -1)
	newest, end := first+len(segments)-1, 0
	if len(segments) > 0 {
		end = segments[len(segments)-1][1]
	}
	if partLine.MatchString(text[end:]) {
		newest++
	}
	return newest
}

// discontinuities returns how many discontinuities there were up to the end of a playlist.
func discontinuities(t *testing.T, text string) int {
	t.Helper()
	before, err := strconv.Atoi(strings.TrimPrefix(discSeq.FindString(text), "DISCONTINUITY-SEQUENCE:"))
	if err != nil {
		t.Fatal(err)
	}
	return before + strings.Count(text, "#EXT-X-DISCONTINUITY\n")
}

func TestHub_KilledServerContinuesTheBroadcast(t *testing.T) {
	for _, away := range []time.Duration{100 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			old := newTestHub(t)
			e := old.mustPublish("b")
			e.play(t, 4*time.Second)
			e.sink.Close(errors.New("connection reset"))
			e = old.mustPublish("b")
			e.play(t, 41*time.Second)
			before := old.tsPlaylist("b")
			bucket := old.copyDisk()
			e.sink.Close(nil)

			<-time.After(away)
			s := newTestHubIn(t, bucket, 0)
			synctest.Wait()
			if s.state("b") != "reconnecting" {
				t.Fatalf("after the restart: %s", s.state("b"))
			}
			waiting := s.tsPlaylist("b")
			if got, want := newestMSN(t, waiting), newestMSN(t, before); got < want {
				t.Errorf("players saw %d, now the newest is %d:\n%s", want, got, waiting)
			}
			if _, ok := s.Multivariant("b"); !ok {
				t.Error("there is no multivariant playlist")
			}
			e = s.mustPublish("b")
			e.play(t, 5*time.Second)
			after := s.tsPlaylist("b")
			if got, want := discSeq.FindString(after), discSeq.FindString(before); got != want {
				t.Errorf("%s after the restart, want %s", got, want)
			}
			if strings.Count(after, "#EXT-X-DISCONTINUITY\n") != 1 || !strings.Contains(after, "#EXT-X-GAP\n") {
				t.Errorf("the playlist after the publisher's return:\n%s", after)
			}
			if newestMSN(t, after) <= newestMSN(t, waiting) {
				t.Errorf("the numbers do not continue:\n%s", after)
			}
			if live := s.livePlaylist("b"); discontinuities(t, live) != discontinuities(t, after) || newestMSN(t, live) < newestMSN(t, after) ||
				strings.Count(live, "#EXT-X-GAP\n") < 2 || !strings.Contains(live, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:") {
				t.Errorf("with low latency after the return:\n%s\nwithout:\n%s", live, after)
			}
			// Stored segments are still available by their old names.
			m := uriLine.FindString(before)
			w, _ := s.Window("b", SourceRendition)
			found, ok := w.Snapshot().Find(m)
			if !ok || found.Size == 0 {
				t.Fatalf("%s is not found", m)
			}
			r, err := s.Open(t.Context(), "b", SourceRendition, found.Object, 0, found.Size)
			if err != nil {
				t.Errorf("%s: %v", m, err)
			} else if err := r.Close(); err != nil {
				t.Error(err)
			}
			e.sink.Close(nil)
			<-time.After(3 * time.Minute)
			if keys := s.keys(""); len(keys) > 0 {
				t.Errorf("the bucket still has %v", keys)
			}
		})
	}
}

// newestPublication returns the publication of a playlist's newest segment.
func newestPublication(t *testing.T, text string) string {
	t.Helper()
	names := uriLine.FindAllString(text, -1)
	if len(names) == 0 {
		t.Fatalf("no segment in\n%s", text)
	}
	publication, _, _ := strings.Cut(names[len(names)-1], "-")
	return publication
}

func TestHub_RestartEndsABroadcastWhosePublisherDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newTestHub(t)
		e := old.mustPublish("b")
		e.play(t, 41*time.Second)
		bucket := old.copyDisk()
		e.sink.Close(nil)
		orphan := filepath.Join(bucket, "live/b/source", newestPublication(t, old.tsPlaylist("b"))+"-99.ts")
		if err := os.WriteFile(orphan, nil, 0o600); err != nil {
			t.Fatal(err)
		}

		<-time.After(10 * time.Minute)
		s := newTestHubIn(t, bucket, 0)
		synctest.Wait()
		if s.state("b") != "ended" || !strings.Contains(s.tsPlaylist("b"), "#EXT-X-ENDLIST") {
			t.Errorf("%s: %s", s.state("b"), s.tsPlaylist("b"))
		}
		<-time.After(2 * time.Minute)
		if keys := s.keys(""); len(keys) > 0 {
			t.Errorf("the bucket still has %v", keys)
		}
	})
}

// After a restart a publisher's files have new names.
func TestHub_NamesNeverRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		bucket := t.TempDir()
		for range 3 {
			s := newTestHubIn(t, bucket, 0)
			e := s.mustPublish("b")
			e.play(t, 5*time.Second)
			for _, name := range uriLine.FindAllString(s.tsPlaylist("b"), -1) {
				if strings.Contains(name, "index") {
					continue
				}
				w, _ := s.Window("b", SourceRendition)
				if m, ok := w.Snapshot().Find(name); ok && m.Slabs != nil {
					if seen[name] {
						t.Errorf("%s was used again", name)
					}
					seen[name] = true
				}
			}
			bucket = s.copyDisk()
			e.sink.Close(nil)
			<-time.After(time.Second)
		}
		if len(seen) < 3 {
			t.Errorf("saw %d names, want 3 at least", len(seen))
		}
	})
}

func TestRendition_DescriptionFollowsTheTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		e.play(t, 3*time.Second)
		in := mediatest.Stream{
			Video: mediatest.H264(1280, 72), FPS: 30, GOP: 60, Length: 5 * time.Second,
			Offset: 3 * 90000, Epoch: time.Now().Add(-3 * time.Second),
		}
		for _, u := range in.Units() {
			if err := e.sink.WriteUnit(u); err != nil {
				t.Fatal(err)
			}
		}
		text, _ := s.Multivariant("b")
		if !strings.Contains(string(text.Plain), "RESOLUTION=1280x72") {
			t.Errorf("no RESOLUTION=1280x72 in\n%s", text.Plain)
		}
		e.sink.Close(nil)
	})
}
