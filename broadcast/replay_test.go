package broadcast

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/internal/mediatest"
	"golive/storage"
)

// newReplayHub runs a Hub that keeps replays for an hour.
func newReplayHub(t *testing.T, dir string) *testHub {
	t.Helper()
	return newTestHubIn(t, dir, time.Hour)
}

func (s *testHub) object(key string) string {
	s.t.Helper()
	r, err := s.bucket.Get(s.t.Context(), key, 0, -1)
	if errors.Is(err, storage.ErrNotExist) {
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Close()); err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

var replayLine = regexp.MustCompile(`(?m)(#EXT-X-GAP\n)?#EXTINF:([\d.]+),\nsource/(\w+-(\d+)\.ts)$`)

// checkReplay checks that the text is a complete replay from MSN first on: consecutive numbers,
// every segment in the bucket except gaps, and at most that many gaps. It returns the replay's
// length and number of segments.
func (s *testHub) checkReplay(text string, first, gaps int) (length time.Duration, n int) {
	s.t.Helper()
	if !strings.Contains(text, "#EXT-X-PLAYLIST-TYPE:VOD\n") || !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") {
		s.t.Fatalf("no replay:\n%s", text)
	}
	for i, m := range replayLine.FindAllStringSubmatch(text, -1) {
		if m[4] != strconv.Itoa(first+i) {
			s.t.Fatalf("segment %d is %s", first+i, m[3])
		}
		seconds, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		length += time.Duration(seconds * float64(time.Second))
		n++
		if m[1] != "" {
			gaps--
		} else if s.object("live/b/source/"+m[3]) == "" {
			s.t.Errorf("%s is not in the bucket", m[3])
		}
	}
	if gaps < 0 {
		s.t.Errorf("%d gaps too many:\n%s", -gaps, text)
	}
	return length, n
}

func TestHub_KeepsTheReplayForItsRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReplayHub(t, t.TempDir())
		e := s.mustPublish("b")
		e.play(t, 70*time.Second)
		e.sink.Close(errors.New("connection reset"))
		<-time.After(5 * time.Second)
		e = s.mustPublish("b")
		e.play(t, 20*time.Second)
		if _, err := s.Replay(t.Context(), "b", "replay.m3u8"); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("the replay while the broadcast is live: error %v, want ErrNotExist", err)
		}
		e.sink.Close(nil)
		<-time.After(3 * time.Second)
		text, err := s.Replay(t.Context(), "b", "replay.m3u8")
		if err != nil {
			t.Fatal(err)
		}
		length, n := s.checkReplay(string(text.Plain), 1, 0)
		if length < 89*time.Second || length > 91*time.Second || strings.Count(string(text.Plain), "#EXT-X-DISCONTINUITY\n") != 1 {
			t.Errorf("the replay has %v of 90 s, in %d segments:\n%s", length, n, text.Plain)
		}

		<-time.After(2 * time.Minute) // forgotten
		if s.state("b") != "forgotten" {
			t.Errorf("state is %s, want forgotten", s.state("b"))
		}
		if s.object("live/b/index.m3u8") != "" || s.object("live/b/source/index.m3u8") != "" || len(s.keys("live/~manifests/live/")) > 0 {
			t.Errorf("left of the live broadcast: %v", s.keys(""))
		}
		past, ok := s.Past(t.Context(), "b")
		if !ok || past.Ended.Sub(past.Began) < 94*time.Second {
			t.Errorf("the past broadcast is %+v", past)
		}
		again, err := s.Replay(t.Context(), "b", past.Replay)
		if err != nil || !bytes.Equal(again.Plain, text.Plain) {
			t.Errorf("after the linger: %v", err)
		}
		name := replayLine.FindStringSubmatch(string(text.Plain))[3]
		if r, err := s.Open(t.Context(), "b", SourceRendition, name, 0, -1); err != nil {
			t.Error(err)
		} else if err := r.Close(); err != nil {
			t.Error(err)
		}
		for _, other := range []string{"nobody-0.ts", strings.Replace(name, "-", "x-", 1), "index.m3u8", "log-x-0.jsonl"} {
			if _, err := s.Open(t.Context(), "b", SourceRendition, other, 0, -1); !errors.Is(err, storage.ErrNotExist) {
				t.Errorf("%s: %v", other, err)
			}
		}

		<-time.After(time.Hour)
		if left := s.keys(""); len(left) > 0 {
			t.Errorf("after the retention the bucket has %v", left)
		}
	})
}

// The segments in the log of a killed server are in the replay.
func TestHub_ReplayOfAKilledServersBroadcastIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newReplayHub(t, t.TempDir())
		e := old.mustPublish("b")
		e.play(t, 3*time.Minute)
		bucket := old.copyDisk()
		e.sink.Close(nil)

		<-time.After(3 * time.Second)
		s := newReplayHub(t, bucket)
		synctest.Wait()
		if s.state("b") != "reconnecting" {
			t.Fatalf("after the restart: %s", s.state("b"))
		}
		e = s.mustPublish("b")
		e.play(t, time.Minute)
		e.sink.Close(nil)
		<-time.After(3 * time.Second)
		length, n := s.checkReplay(s.object("live/b/replay.m3u8"), 1, 6)
		if length < 239*time.Second || length > 245*time.Second {
			t.Errorf("the replay has %v in %d segments", length, n)
		}
		<-time.After(70 * time.Minute)
		if left := s.keys(""); len(left) > 0 {
			t.Errorf("after the retention the bucket has %v", left)
		}
	})
}

// A broadcast that never ends does not fill the bucket.
func TestHub_ReplayOfALongBroadcastIsAsLongAsTheRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), 5*time.Minute)
		e := s.mustPublish("b")
		stream := mediatest.Stream{Video: mediatest.H264(640, 36), FPS: 2, GOP: 2, BitRate: 8000, Length: 45 * time.Minute, Epoch: time.Now()}
		for _, u := range stream.Units() {
			if wait := time.Until(u.Arrived); wait > 0 {
				<-time.After(wait)
			}
			if err := e.sink.WriteUnit(u); err != nil {
				t.Fatal(err)
			}
		}
		segments := 0
		for _, k := range s.keys("live/b/source/") {
			if strings.HasSuffix(k, ".ts") {
				segments++
			}
		}
		pages := s.keys("live/b/log-")
		if segments < 148 || segments > 160 || len(pages) > 4 {
			t.Errorf("%d segments of 2 s and %d pages of the log are kept for 5 minutes", segments, len(pages))
		}
		e.sink.Close(nil)
		<-time.After(3 * time.Second)
		text := s.object("live/b/replay.m3u8")
		if length, _ := s.checkReplay(text, s.firstReplayMSN(text), 0); length < 295*time.Second || length > 305*time.Second {
			t.Errorf("the replay has %v", length)
		}
		<-time.After(10 * time.Minute)
		if left := s.keys(""); len(left) > 0 {
			t.Errorf("after the retention the bucket has %v", left)
		}
	})
}

// A later broadcast under the same id replaces replay.m3u8, but not the replay of the earlier one.
func TestHub_ReplaysOfOneIDDoNotReplaceEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReplayHub(t, t.TempDir())
		var texts []string
		for i := range 3 {
			e := s.mustPublish("b")
			e.play(t, 10*time.Second)
			e.sink.Close(nil)
			<-time.After([]time.Duration{3 * time.Second, 5 * time.Minute, 20 * time.Minute}[i])
			texts = append(texts, s.object("live/b/replay.m3u8"))
		}
		var replays []string
		for _, k := range s.keys("live/b/replay-") {
			text := s.object(k)
			replays = append(replays, text)
			s.checkReplay(text, s.firstReplayMSN(text), 0)
		}
		if len(replays) != 3 || texts[0] == texts[1] || texts[1] == texts[2] || !slices.Contains(replays, texts[0]) || !slices.Contains(replays, texts[1]) {
			t.Errorf("%d replays, want 3 different ones", len(replays))
		}
		<-time.After(37 * time.Minute) // the first two are due
		if text := s.object("live/b/replay.m3u8"); text != texts[2] || len(s.keys("live/b/replay-")) != 1 {
			t.Errorf("the bucket has %v, want the last replay only", s.keys(""))
		}
		s.checkReplay(texts[2], 1, 0)
	})
}
