package broadcast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/archive"
	"golive/pictures"
	"golive/playlist"
	"golive/storage"
	"golive/storage/storagetest/memory"
)

// fakeFFmpeg returns the path of a program that always writes the same pictures.
func fakeFFmpeg(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, size := range map[string]image.Rectangle{"poster": image.Rect(0, 0, 640, 36), "preview": image.Rect(0, 0, 160, 90)} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(size), nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "ffmpeg")
	script := "#!/bin/sh\ncat > /dev/null\ncat " + dir + "/poster\ncat " + dir + "/preview >&3\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return program
}

// withPictures runs a Maker, and returns a change of settings that uses it.
func withPictures(t *testing.T, program string) func(*Settings) {
	t.Helper()
	return func(s *Settings) {
		s.Pictures = pictures.NewMaker(pictures.DefaultConfig(), program, discard(), pictures.NewMetrics(prometheus.NewRegistry()))
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- s.Pictures.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-over; err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
	}
}

// hasPicture reports whether a viewer gets a picture of that name, whose bytes begin with begins.
func (s *testHub) hasPicture(name, begins string) bool {
	s.t.Helper()
	text, err := s.Picture(s.t.Context(), "b", name)
	if err != nil && !errors.Is(err, storage.ErrNotExist) && !errors.Is(err, playlist.ErrNotFound) {
		s.t.Fatal(err)
	}
	return err == nil && strings.HasPrefix(string(text.Plain), begins)
}

const jpegStart = "\xff\xd8"

// Pictures are available while a broadcast is live, after the server was killed, after the end
// and after the linger. They are deleted with the replay.
func TestPictures_LastAsLongAsTheReplay(t *testing.T) {
	for _, inBucket := range []bool{false, true} {
		t.Run(fmt.Sprintf("bucket=%v", inBucket), func(t *testing.T) {
			program := fakeFFmpeg(t)
			synctest.Test(t, func(t *testing.T) {
				dir, bucket := t.TempDir(), &outageBucket{Bucket: memory.New()}
				start := func(dir string) *testHub {
					if inBucket {
						return node{dir}.startOn(t, bucket.Bucket, bucket, time.Hour, withPictures(t, program))
					}
					return newTestHubIn(t, dir, time.Hour, withPictures(t, program))
				}
				old := start(dir)
				e := old.mustPublish("b")
				b := old.broadcast("b")
				<-time.After(10 * time.Millisecond)
				if !b.opening.done {
					e.open(t)
				}
				if old.hasPicture("poster.jpg", "") || b.Status().Poster != "" {
					t.Error("there is a poster before the first picture")
				}
				e.play(t, 299*time.Second)
				synctest.Wait()
				if !old.hasPicture("poster.jpg", jpegStart) || !strings.HasPrefix(b.Status().Poster, "poster.jpg?v=") || b.Status().Storyboard != "" {
					t.Errorf("while it is live the poster is %q", b.Status().Poster)
				}
				killed := t.TempDir()
				copyDir(t, dir, killed)
				bucket = copyOf(t, bucket)
				e.sink.Close(nil)

				s := start(killed)
				<-time.After(time.Second)
				if s.state("b") != "reconnecting" || !s.hasPicture("poster.jpg", jpegStart) {
					t.Errorf("after the restart it is %s, and has a poster: %v", s.state("b"), s.hasPicture("poster.jpg", ""))
				}
				e = s.mustPublish("b")
				e.play(t, 20*time.Second)
				b = s.broadcast("b")
				e.sink.Close(nil)
				<-time.After(5 * time.Second)
				token := b.meta.Load().Token
				vtt := archive.StoryboardName(token)
				if b.Status().Storyboard != vtt {
					t.Fatalf("the storyboard is %q, want %q; stored: %v", b.Status().Storyboard, vtt, s.keys("live/b/s"))
				}
				for _, when := range []string{"lingers", "is forgotten"} {
					if s.hasPicture(archive.SheetName(token, 2), "") || s.hasPicture(archive.SheetName("x", 0), "") || s.hasPicture(archive.StoryboardName("x"), "") {
						t.Error("a picture that does not exist is served")
					}
					for _, name := range []string{"poster.jpg", archive.SheetName(token, 0), archive.SheetName(token, 1)} {
						if !s.hasPicture(name, jpegStart) {
							t.Errorf("while it %s there is no %s: %v", when, name, s.keys("live/b/"))
						}
					}
					if !s.hasPicture(vtt, "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\n"+archive.SheetName(token, 0)+"#xywh=0,0,160,90\n") {
						t.Errorf("while it %s the storyboard is\n%s", when, s.object("live/b/"+vtt))
					}
					<-time.After(2 * time.Minute)
				}
				// At the kill a sheet of 25 previews was stored and 5 were lost; 2 more followed.
				if text := s.object("live/b/" + vtt); strings.Count(text, "-->") != 27 {
					t.Errorf("%d cues, want 27:\n%s", strings.Count(text, "-->"), text)
				}
				past, ok := s.Past(t.Context(), "b")
				if !ok || past.Poster != "poster.jpg" || past.Storyboard != vtt {
					t.Errorf("the past broadcast is %+v", past)
				}
				<-time.After(time.Hour)
				if keys := s.keys(""); len(keys) > 0 || s.hasPicture("poster.jpg", "") || s.hasPicture(vtt, "") {
					t.Errorf("after the retention there are %v", keys)
				}
			})
		})
	}
}

func TestPictures_WithoutAReplayAreDeletedWithTheBroadcast(t *testing.T) {
	program := fakeFFmpeg(t)
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), 0, withPictures(t, program))
		e := s.mustPublish("b")
		e.play(t, 90*time.Second)
		if keys := s.keys("live/b/p"); !slices.Equal(keys, []string{"live/b/poster.jpg"}) || len(s.keys("live/b/st")) > 0 {
			t.Errorf("while it is live there are %v, want a poster and no storyboard", s.keys(""))
		}
		e.sink.Close(nil)
		<-time.After(2 * time.Minute)
		if keys := s.keys(""); len(keys) > 0 || s.hasPicture("poster.jpg", "") {
			t.Errorf("after the end: %v", keys)
		}
	})
}

// A long broadcast whose beginning is deleted loses the sheets of the beginning.
func TestPictures_AreDeletedWithTheirSegments(t *testing.T) {
	program := fakeFFmpeg(t)
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), 5*time.Minute, withPictures(t, program))
		e := s.mustPublish("b")
		e.play(t, 20*time.Minute)
		b := s.broadcast("b")
		e.sink.Close(nil)
		<-time.After(10 * time.Second)
		token := b.meta.Load().Token
		if n := len(s.keys("live/b/storyboard-" + token + "-")); n < 2 || n > 3 || s.hasPicture(archive.SheetName(token, 0), "") {
			t.Errorf("of 5 sheets %v are left, want the last 2 or 3", s.keys("live/b/storyboard-"))
		}
		if text := s.object("live/b/" + archive.StoryboardName(token)); strings.Count(text, "-->") < 29 || strings.Count(text, "-->") > 32 {
			t.Errorf("the storyboard is\n%s", text)
		}
		<-time.After(10 * time.Minute)
		if keys := s.keys(""); len(keys) > 0 {
			t.Errorf("after the retention: %v", keys)
		}
	})
}

// jpegRefusingBucket is a bucket that refuses JPEGs.
type jpegRefusingBucket struct{ *memory.Bucket }

func (b jpegRefusingBucket) Put(ctx context.Context, o storage.Object) error {
	if strings.HasSuffix(o.Key, ".jpg") {
		return &storage.Error{Op: "put", Key: o.Key, Err: errors.New("no space left")}
	}
	return b.Bucket.Put(ctx, o)
}

func TestPictures_RefusedByTheStoreDelayNothing(t *testing.T) {
	program := fakeFFmpeg(t)
	synctest.Test(t, func(t *testing.T) {
		inner := memory.New()
		s := newNode(t).startOn(t, inner, jpegRefusingBucket{inner}, time.Hour, withPictures(t, program))
		e := s.mustPublish("b")
		b := s.broadcast("b")
		<-time.After(10 * time.Millisecond)
		if !b.opening.done {
			e.open(t)
		}
		for range 30 {
			e.play(t, 10*time.Second)
			synctest.Wait()
			if status := b.Status(); status.StorageError != "" || status.StorageLag > 0 {
				t.Fatalf("status %+v, want no storage error and no lag", status)
			}
		}
		e.sink.Close(nil)
		<-time.After(5 * time.Second)
		if b.Status().Replay == "" || s.object("live/b/replay.m3u8") == "" {
			t.Error("there is no replay")
		}
	})
}
