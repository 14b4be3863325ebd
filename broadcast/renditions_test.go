package broadcast

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/archive"
	"golive/internal/mediatest"
	"golive/media"
	"golive/storage/storagetest/memory"
)

// smallRendition is the name of the rendition of the second video track.
const smallRendition = "video1"

// playTwoTracks sends a stream in real time, with a second, smaller video track.
func (e *encoder) playTwoTracks(t *testing.T, length time.Duration) {
	t.Helper()
	source := mediatest.Stream{
		Video: e.video, Audio: e.audio, FPS: 30, GOP: 60, Length: length,
		Offset: media.TicksFromDuration(e.played), Epoch: time.Now(),
	}
	other := source
	other.Video, other.BitRate = e.smaller, 100_000
	e.played += length
	pictures := other.Units()
	for i, u := range source.Units() {
		if wait := time.Until(u.Arrived); wait > 0 {
			<-time.After(wait)
		}
		if err := e.sink.WriteUnit(u); err != nil {
			t.Fatal(err)
		}
		if u := pictures[i]; u.Track.Video() {
			if err := e.sink.WriteUnit(u); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRenditions_AreListedTogetherAndReportEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), time.Hour)
		e := s.mustPublish("b")
		b := s.broadcast("b")
		e.playTwoTracks(t, 10*time.Second)
		text, _ := s.Multivariant("b")
		for _, want := range []string{"RESOLUTION=640x36", "source/index.m3u8", "RESOLUTION=320x18", smallRendition + "/index.m3u8"} {
			if !strings.Contains(string(text.Plain), want) {
				t.Errorf("no %s in\n%s", want, text.Plain)
			}
		}
		for name, other := range map[string]string{SourceRendition: smallRendition, smallRendition: SourceRendition} {
			w := b.Window(name, archive.PlaylistName)
			if w == nil || !strings.Contains(string(w.Snapshot().Full.Plain), `RENDITION-REPORT:URI="../`+other+`/index.m3u8"`) {
				t.Errorf("%s does not report %s", name, other)
			}
		}
		if got := len(b.Status().Variants); got != 2 {
			t.Errorf("%d variants in the status", got)
		}
		e.sink.Close(nil)
	})
}

// A broadcast of two renditions survives SIGKILL, on a local disk and with a bucket, and
// its replay has both.
func TestRenditions_SurviveARestartAndHaveAReplay(t *testing.T) {
	for _, inBucket := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			dir, bucket := t.TempDir(), &outageBucket{Bucket: memory.New()}
			start := func(dir string) *testHub {
				if inBucket {
					return node{dir}.startOn(t, bucket.Bucket, bucket, time.Hour)
				}
				return newTestHubIn(t, dir, time.Hour)
			}
			old := start(dir)
			e := old.mustPublish("b")
			b := old.broadcast("b")
			<-time.After(10 * time.Millisecond)
			if !b.opening.done {
				e.open(t)
			}
			e.playTwoTracks(t, 41*time.Second)
			synctest.Wait()
			before := map[string]string{}
			for _, name := range []string{SourceRendition, smallRendition} {
				before[name] = old.renditionPlaylist("b", name)
			}
			killed := t.TempDir()
			copyDir(t, dir, killed)
			bucket = copyOf(t, bucket)
			e.sink.Close(nil)

			s := start(killed)
			synctest.Wait()
			if s.state("b") != "reconnecting" {
				t.Fatalf("after the restart: %s", s.state("b"))
			}
			if text, ok := s.Multivariant("b"); !ok || strings.Count(string(text.Plain), "STREAM-INF") != 2 {
				t.Errorf("multivariant playlist after the restart: %v", ok)
			}
			for name, text := range before {
				if got, want := newestMSN(t, s.renditionPlaylist("b", name)), newestMSN(t, text); got < want {
					t.Errorf("%s: players saw %d, now the newest is %d", name, want, got)
				}
			}
			e = s.mustPublish("b")
			e.playTwoTracks(t, 10*time.Second)
			e.sink.Close(nil)
			<-time.After(5 * time.Second)

			index := s.object("live/b/replay.m3u8")
			for _, name := range []string{SourceRendition, smallRendition} {
				m := strings.Index(index, name+"/replay-")
				if m < 0 {
					t.Fatalf("%s is not in the replay:\n%s", name, index)
				}
				uri, _, _ := strings.Cut(index[m:], "\n")
				text, err := s.Replay(t.Context(), "b", uri)
				if err != nil {
					t.Fatalf("%s: %v", uri, err)
				}
				n, gap := 0, false
				for line := range strings.Lines(string(text.Plain)) {
					line = strings.TrimSpace(line)
					if line == "#EXT-X-GAP" {
						gap = true
					}
					if !strings.HasSuffix(line, ".ts") {
						continue
					}
					if n++; !gap && s.object("live/b/"+name+"/"+line) == "" {
						t.Errorf("%s/%s is not in the bucket", name, line)
					}
					gap = false
				}
				if n < 25 {
					t.Errorf("%s: the replay has %d segments, want 25 at least:\n%s", name, n, text.Plain)
				}
			}
			<-time.After(2 * time.Hour)
			if left := s.keys(""); len(left) > 0 {
				t.Errorf("after the retention the bucket has %v", left)
			}
			if left := s.localKeys(""); len(left) > 0 {
				t.Errorf("the local disk still has %v", left)
			}
		})
	}
}

// broadcast returns the broadcast of the id, even if it is not watchable yet.
func (s *testHub) broadcast(id string) *Broadcast {
	s.t.Helper()
	b := (*s.broadcasts.Load())[id]
	if b == nil {
		s.t.Fatalf("there is no broadcast %s", id)
	}
	return b
}

func (s *testHub) renditionPlaylist(id, rendition string) string {
	s.t.Helper()
	w, ok := s.Window(id, rendition)
	if !ok {
		s.t.Fatalf("%s has no %s", id, rendition)
	}
	return string(w.Snapshot().Full.Plain)
}

// open opens the broadcast when the bucket has answered.
func (e *encoder) open(t *testing.T) {
	t.Helper()
	p, ok := e.sink.(*publication)
	if !ok || !p.open(false) {
		t.Fatal("the broadcast cannot be opened")
	}
}
