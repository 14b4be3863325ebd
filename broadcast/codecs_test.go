package broadcast

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/archive"
	"golive/container/flv"
	"golive/ingest"
	"golive/internal/mediatest"
	"golive/playlist"
)

// tsMultivariant returns the multivariant playlist of MPEG-TS, or "" if there is none.
func (s *testHub) tsMultivariant(id string) string {
	s.t.Helper()
	b, ok := s.Find(id)
	if !ok {
		s.t.Fatalf("no broadcast %s", id)
	}
	if text := b.multivariant.Load().named(playlist.PlainName); text != nil {
		return string(text.Plain)
	}
	return ""
}

// multivariant returns the multivariant playlist.
func (s *testHub) multivariant(id string) string {
	s.t.Helper()
	text, ok := s.Multivariant(id)
	if !ok {
		s.t.Fatalf("no playlist of %s", id)
	}
	return string(text.Plain)
}

func (s *testHub) warningCodes(id string) (codes []ingest.WarningCode) {
	s.t.Helper()
	for _, w := range s.broadcast(id).Status().Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}

func TestCodecs_Row83_MPEGTSDeclaresWhatItCarries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReplayHub(t, t.TempDir())
		e := s.mustPublish("b")
		e.audio = mediatest.Opus()
		e.play(t, 7*time.Second)
		if text, _ := s.Multivariant("b"); !strings.Contains(string(text.Plain), `CODECS="avc1.64001f,Opus"`) {
			t.Errorf("CMAF is declared as\n%s", text.Plain)
		}
		if text := s.tsMultivariant("b"); !strings.Contains(text, `CODECS="avc1.64001f"`) || !strings.Contains(text, "RESOLUTION") {
			t.Errorf("MPEG-TS is declared as\n%s", text)
		}
		if text := s.tsPlaylist("b"); strings.Contains(text, "GAP") {
			t.Errorf("gaps in\n%s", text)
		}
		if codes := s.warningCodes("b"); !slices.Contains(codes, ingest.WarnNotInMPEGTS) {
			t.Errorf("warnings %v", codes)
		}
		// The sound becomes AAC.
		e.audio = mediatest.AAC()
		e.play(t, 7*time.Second)
		if text := s.tsMultivariant("b"); !strings.Contains(text, `CODECS="avc1.64001f,mp4a.40.2"`) {
			t.Errorf("MPEG-TS is declared as\n%s", text)
		}
		if codes := s.warningCodes("b"); slices.Contains(codes, ingest.WarnNotInMPEGTS) {
			t.Errorf("warnings %v", codes)
		}
		e.sink.Close(nil)
	})
}

// Media of before a change of the picture's size is listed for a while, and in the replay.
func TestCodecs_CoverWhatWasBroadcastBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReplayHub(t, t.TempDir())
		e := s.mustPublish("b")
		e.play(t, 4*time.Second)
		small := *e.video
		small.Width, small.CodecString = e.video.Width/2, "avc1.4d4015"
		large := e.video
		e.video = &small
		for _, length := range []time.Duration{4 * time.Second, time.Minute} {
			e.play(t, length)
			for _, text := range []string{s.tsMultivariant("b"), s.multivariant("b")} {
				if !strings.Contains(text, `CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=320x36`) {
					t.Errorf("%v after the picture became smaller:\n%s", length, text)
				}
			}
		}
		larger := *large
		larger.CodecString = "avc1.640028"
		e.video = &larger
		e.play(t, 4*time.Second)
		if text := s.multivariant("b"); !strings.Contains(text, `CODECS="avc1.640028,mp4a.40.2",RESOLUTION=640x36`) {
			t.Errorf("after it became larger:\n%s", text)
		}
		e.video = mediatest.AV1()
		e.play(t, 4*time.Second)
		if text := s.multivariant("b"); !strings.Contains(text, `CODECS="`+e.video.CodecString+`,`) {
			t.Errorf("after it became AV1:\n%s", text)
		}
		e.sink.Close(nil)
	})
}

func TestCodecs_Row83_WhatMPEGTSDoesNotCarryIsNotArchived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReplayHub(t, t.TempDir())
		e := s.mustPublish("b")
		e.video, e.audio = mediatest.AV1(), mediatest.Opus()
		e.play(t, 7*time.Second)
		if s.state("b") != "live" || !strings.Contains(s.livePlaylist("b"), "-1.m4s") || strings.Contains(s.livePlaylist("b"), "GAP") {
			t.Errorf("state %s, want live; the playlist, which must have no gap:\n%s", s.state("b"), s.livePlaylist("b"))
		}
		b := s.broadcast("b")
		if text := s.tsMultivariant("b"); text != "" || b.Window(SourceRendition, playlist.PlainName) != nil {
			t.Errorf("there is MPEG-TS:\n%s", text)
		}
		if codes := s.warningCodes("b"); !slices.Contains(codes, ingest.WarnNotInMPEGTS) {
			t.Errorf("warnings %v", codes)
		}
		e.sink.Close(nil)
		time.Sleep(5 * time.Second)
		if s.state("b") != "ended" || b.Status().Replay != "" || !strings.Contains(s.livePlaylist("b"), "ENDLIST") {
			t.Errorf("state %s, replay %q; want ended, none", s.state("b"), b.Status().Replay)
		}
		for _, key := range s.keys("") {
			if strings.HasSuffix(key, ".ts") || strings.HasSuffix(key, ".m3u8") {
				t.Errorf("%s is stored", key)
			}
		}
		if _, ok := s.Past(t.Context(), "b"); ok {
			t.Error("there is a replay")
		}
		// The next broadcast under the id continues the numbers, and is archived.
		next := s.mustPublish("b")
		next.play(t, 5*time.Second)
		if text := s.livePlaylist("b"); !strings.Contains(text, "-5.m4s") || strings.Contains(text, "-1.m4s") {
			t.Errorf("the next broadcast has\n%s", text)
		}
		next.sink.Close(nil)
		time.Sleep(5 * time.Second)
		if replay := s.broadcast("b").Status().Replay; replay == "" {
			t.Error("the next broadcast has no replay")
		}
	})
}

// A track that MPEG-TS carries may come later: its playlists begin there, with the same numbers,
// dates and discontinuities.
func TestCodecs_Row83_MPEGTSBeginsWithTheFirstSegmentThatItCarries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReplayHub(t, t.TempDir())
		e := s.mustPublish("b")
		av1, opus, avc, aac := mediatest.AV1(), mediatest.Opus(), e.video, e.audio
		e.video, e.audio = av1, opus
		e.play(t, 4*time.Second)
		e.video, e.audio = mediatest.AV1(), opus // a discontinuity that MPEG-TS does not list
		e.play(t, 4*time.Second)
		e.video, e.audio = avc, aac
		e.play(t, 4*time.Second+100*time.Millisecond)
		text := s.tsPlaylist("b")
		for _, want := range []string{"#EXT-X-MEDIA-SEQUENCE:5\n", "#EXT-X-DISCONTINUITY-SEQUENCE:1\n", "#EXT-X-DISCONTINUITY\n", "-5.ts", "-6.ts"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		live := s.broadcast("b").rendition(SourceRendition).live().window.Load()
		plain := s.broadcast("b").rendition(SourceRendition).plain().window.Load()
		if a, b := live.DiscontinuitySequence(), plain.DiscontinuitySequence(); a != b || a != 2 {
			t.Errorf("discontinuity sequence numbers %d and %d, want 2", a, b)
		}
		// Later segments that MPEG-TS does not carry are gaps.
		e.video, e.audio = mediatest.AV1(), opus
		e.play(t, 5*time.Second)
		if text := s.tsPlaylist("b"); !strings.Contains(text, "#EXT-X-GAP\n") {
			t.Errorf("no gap in\n%s", text)
		}
		if text := s.tsMultivariant("b"); !strings.Contains(text, `CODECS="avc1.64001f,mp4a.40.2"`) {
			t.Errorf("MPEG-TS is declared as\n%s", text)
		}
		e.sink.Close(nil)
		time.Sleep(5 * time.Second)
		b := s.broadcast("b")
		if b.Status().Replay == "" {
			t.Fatal("no replay")
		}
		text = s.object("live/b/source/" + archive.PlaylistName)
		for _, want := range []string{"#EXT-X-MEDIA-SEQUENCE:5\n", "#EXT-X-DISCONTINUITY-SEQUENCE:1\n", "-5.ts"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in the stored\n%s", want, text)
			}
		}
	})
}

func TestCodecs_Row83_WithoutLowLatencyWhatMPEGTSDoesNotCarryIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), 0, func(c *Settings) { c.Playlist.LowLatency = false })
		e := s.mustPublish("b")
		units := mediatest.Stream{Video: mediatest.AV1(), Audio: mediatest.Opus(), FPS: 30, GOP: 60, Length: 5 * time.Second, Epoch: time.Now()}.Units()
		var err error
		for _, u := range units {
			if err = e.sink.WriteUnit(u); err != nil {
				break
			}
		}
		if _, ok := errors.AsType[*flv.UnsupportedError](err); !ok || !strings.Contains(err.Error(), "video codec AV1") || !strings.Contains(err.Error(), "playlist.low_latency") {
			t.Errorf("refused with %v, want an error that names the codec and playlist.low_latency", err)
		}
		if o := ingest.OutcomeOf(&ingest.CutError{Err: err}); o.End != ingest.EndUnsupported {
			t.Errorf("outcome %+v, want EndUnsupported", o)
		}
		e.sink.Close(err)

		// The picture alone can be watched.
		e = s.mustPublish("c")
		e.audio = mediatest.Opus()
		e.play(t, 5*time.Second)
		if text, _ := s.Multivariant("c"); !strings.Contains(string(text.Plain), `CODECS="avc1.64001f"`) {
			t.Errorf("declared as\n%s", text.Plain)
		}
		e.sink.Close(nil)
	})
}
