package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golive/api"
	"golive/internal/config"
)

// The tests are named after the rows of docs/encoders.md. These rows need a whole server, with
// an encoder at one end and a player at the other.

// startInMemory starts a server that stores in memory; the test runs in parallel with others.
func startInMemory(t *testing.T, change func(*config.Config)) *running {
	t.Helper()
	t.Parallel() // a test mostly waits until the server has stopped
	return startServer(t, func(c *config.Config) {
		c.Storage.Backend = "memory"
		c.Broadcast.Linger = 2 * time.Second
		change(c)
	})
}

func asIs(*config.Config) {}

// number returns the value of a tag that has one.
func number(t *testing.T, playlist, tag string) int {
	t.Helper()
	m := regexp.MustCompile(`(?m)^#` + tag + `:(\d+)`).FindStringSubmatch(playlist)
	if m == nil {
		t.Fatalf("no %s in\n%s", tag, playlist)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// durations returns the EXTINF of all segments.
func durations(playlist string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^#EXTINF:([\d.]+)`).FindAllStringSubmatch(playlist, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestRow31_BroadcastBeginsWithTheFirstKeyFrameThatCanBeDecoded(t *testing.T) {
	s := startInMemory(t, asIs)
	e := s.publish(t, "studio")
	e.video(0, 1000, 500) // before the sequence header
	e.videoConfig(1000, large())
	for at := uint32(1000); at < 3000; at += 40 {
		e.send(9, at, picture(false)) // before the key frame
	}
	e.video(3000, 5400, 2000)
	text := s.mediaPlaylist(t, "studio", "#EXTINF:")
	if d := durations(text); len(d) != 1 || !strings.HasPrefix(d[0], "2.000") {
		t.Errorf("segments of %q s, want one of 2 s, from the key frame on:\n%s", d, text)
	}
	if first := regexp.MustCompile(`#EXT-X-PART:.*`).FindString(text); !strings.Contains(first, "INDEPENDENT=YES") {
		t.Errorf("the first part is %s", first)
	}
}

func TestRow33_ChangeOfResolutionIsADiscontinuityAtTheNextKeyFrame(t *testing.T) {
	s := startInMemory(t, asIs)
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4000, 2000)
	e.videoConfig(4000, small())
	e.video(4000, 8400, 2000)
	text := s.mediaPlaylist(t, "studio", "#EXT-X-DISCONTINUITY\n")
	before, _, _ := strings.Cut(text, "#EXT-X-DISCONTINUITY\n")
	if d := durations(before); fmt.Sprint(d) != "[2.00000 2.00000]" {
		t.Errorf("segments of %q s before the change:\n%s", d, text)
	}
	s.status(t, "studio", "the small picture", func(b api.Broadcast) bool {
		return len(b.Renditions) == 1 && b.Renditions[0].Width < 320 && b.Renditions[0].Width > 0
	})
}

func TestRow37_LateAudioJoinsWithADiscontinuity(t *testing.T) {
	s := startInMemory(t, asIs)
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4000, 2000)
	b := s.status(t, "studio", "video", func(b api.Broadcast) bool { return len(b.Renditions) == 1 })
	if strings.Contains(b.Renditions[0].Codecs, "mp4a") {
		t.Fatalf("codecs %s before any audio", b.Renditions[0].Codecs)
	}
	e.audioConfig()
	for at := uint32(4000); at < 10_000; at += 1000 {
		e.audio(at, at+1000)
		e.video(at, at+1000, 1000)
	}
	s.mediaPlaylist(t, "studio", "#EXT-X-DISCONTINUITY\n")
	s.status(t, "studio", "both tracks", func(b api.Broadcast) bool {
		return len(b.Renditions) == 1 && strings.Contains(b.Renditions[0].Codecs, "avc1") && strings.Contains(b.Renditions[0].Codecs, "mp4a")
	})
}

func TestRow37_AudioAloneIsABroadcast(t *testing.T) {
	s := startInMemory(t, asIs)
	e := s.publish(t, "radio")
	e.audioConfig()
	e.audio(0, 7000)
	s.mediaPlaylist(t, "radio", "#EXTINF:")
	b := s.status(t, "radio", "audio", func(b api.Broadcast) bool { return b.State == "live" && len(b.Renditions) == 1 })
	if b.Renditions[0].Codecs != "mp4a.40.2" || b.Renditions[0].Width != 0 {
		t.Errorf("rendition %+v", b.Renditions[0])
	}
}

func TestRow41_KeyFrameEveryTenSecondsIsBroadcastWithAWarning(t *testing.T) {
	s := startInMemory(t, asIs)
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 24_000, 10_000)
	text := s.mediaPlaylist(t, "studio", "#EXTINF:")
	text = s.until(t, "/live/studio/source/ts.m3u8", "eight segments", func(now string) bool {
		text = now
		return len(durations(now)) >= 8
	})
	if target := number(t, text, "EXT-X-TARGETDURATION"); target != 2 {
		t.Errorf("target duration %d", target)
	}
	for _, d := range durations(text) {
		if seconds, err := strconv.ParseFloat(d, 64); err != nil || seconds > 2.5 {
			t.Errorf("a segment lasts %s s", d)
		}
	}
	s.status(t, "studio", "warning", func(b api.Broadcast) bool { return b.State == "live" && len(b.Warnings) > 0 })
}

func TestRow42_ConnectionThatVanishesOpensTheReconnectWindow(t *testing.T) {
	s := startInMemory(t, asIs)
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	before := s.mediaPlaylist(t, "studio", "#EXTINF:")
	e.vanish()
	s.status(t, "studio", "reconnecting", func(b api.Broadcast) bool { return b.State == "reconnecting" })
	if text := s.get(t, "/live/studio/source/index.m3u8"); strings.Contains(text, "ENDLIST") {
		t.Errorf("ended:\n%s", text)
	}
	e = s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	text := s.mediaPlaylist(t, "studio", "#EXT-X-DISCONTINUITY\n")
	first := regexp.MustCompile(`(?m)^\w+-1\.m4s$`).FindString(before)
	if first == "" || !strings.Contains(text, first) || number(t, text, "EXT-X-TARGETDURATION") != number(t, before, "EXT-X-TARGETDURATION") {
		t.Errorf("it is another playlist:\n%s\nbefore:\n%s", text, before)
	}
}

func TestRow43_CleanStopEndsTheBroadcastIfConfigured(t *testing.T) {
	for want, atOnce := range map[string]bool{"ended": true, "reconnecting": false} {
		t.Run(want, func(t *testing.T) {
			s := startInMemory(t, func(c *config.Config) { c.Ingest.Publish.EndOnUnpublish = atOnce })
			e := s.publish(t, "studio")
			e.videoConfig(0, large())
			e.video(0, 4400, 2000)
			s.mediaPlaylist(t, "studio", "#EXTINF:")
			e.stop()
			s.status(t, "studio", want, func(b api.Broadcast) bool { return b.State == want })
			if text := s.get(t, "/live/studio/source/index.m3u8"); strings.Contains(text, "#EXT-X-ENDLIST") != atOnce {
				t.Errorf("end_on_unpublish %v:\n%s", atOnce, text)
			}
		})
	}
}

func TestRow45_SameKeyTakesOverFromADeadConnection(t *testing.T) {
	s := startInMemory(t, asIs)
	dead := s.publish(t, "studio")
	dead.videoConfig(0, large())
	dead.video(0, 4400, 2000)
	s.mediaPlaylist(t, "studio", "#EXTINF:")
	if _, code := s.tryPublish(t, "studio"); code != "NetStream.Publish.BadName" {
		t.Errorf("a second publisher beside a living one gets %s", code)
	}
	<-time.After(1100 * time.Millisecond) // the first is silent, and still connected
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.mediaPlaylist(t, "studio", "#EXT-X-DISCONTINUITY\n")
	if code := dead.status(); code != "NetStream.Publish.Denied" {
		t.Errorf("the dead connection gets %s", code)
	}
}

func TestRow51_ShutdownStoresTheLastMediaOfAReconnectingPublisher(t *testing.T) {
	var folder string
	s := startInMemory(t, func(c *config.Config) { c.Storage.Backend, folder = "disk", c.DataDir })
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.mediaPlaylist(t, "studio", "#EXTINF:")
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.stop() }()
	if code := e.status(); code != "NetConnection.Connect.ReconnectRequest" {
		t.Errorf("got %s", code)
	}
	e.video(4400, 8000, 2000)
	if err := e.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("the server did not stop")
	}
	kept, err := os.ReadFile(filepath.Join(folder, "media", "live", "studio", "source", "index.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(kept)
	total := 0.0
	for _, d := range durations(text) {
		seconds, err := strconv.ParseFloat(d, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += seconds
	}
	if total < 7.9 || !strings.Contains(text, "#EXT-X-ENDLIST") {
		t.Errorf("%.2f s of 8 s were broadcast:\n%s", total, text)
	}
}
