package transcode

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// node returns a Transcoder that is not running, as if ffmpeg had been found.
func node(cfg Config, log *bytes.Buffer) *Transcoder {
	n := New(cfg, slog.New(slog.NewTextHandler(log, nil)), NewMetrics(prometheus.NewRegistry(), cfg.Ladder))
	n.setProbed(probed{ok: true, encoder: x264()})
	return n
}

func hdRungs() []Rung {
	return []Rung{
		{Name: "720p", Height: 720, VideoBitrate: 3_000_000, AudioBitrate: 128_000},
		{Name: "360p", Height: 360, VideoBitrate: 800_000, AudioBitrate: 128_000},
	}
}

// admitted returns the number of rungs that each of several broadcasts gets.
func admitted(n *Transcoder, broadcasts int) (counts []int) {
	for range broadcasts {
		rungs, _ := n.admit(n.NewJob(n.Ladder(), newRecorder(), n.log), fullSource(1280, 720, 30))
		counts = append(counts, len(rungs))
	}
	return counts
}

func TestTranscoder_AdmitsOnlyLowerRungsWhenTheProcessorIsBusy(t *testing.T) {
	n := node(ladderOf(hdRungs()...), &bytes.Buffer{})
	both := (&load{source: fullSource(1280, 720, 30), wanted: n.Ladder()}).cost(2)
	lower := (&load{source: fullSource(1280, 720, 30), wanted: n.Ladder()}).cost(1)
	n.cores = 2*both + lower + 0.01
	if diff := cmp.Diff([]int{2, 2, 1, 0, 0}, admitted(n, 5)); diff != "" {
		t.Errorf("rungs (-want +got):\n%s", diff)
	}
}

func TestTranscoder_AdmitsOneRungOnTheSmallestMachine(t *testing.T) {
	n := node(ladderOf(hdRungs()...), &bytes.Buffer{})
	n.cores = 0.001
	if diff := cmp.Diff([]int{1, 0}, admitted(n, 2)); diff != "" {
		t.Errorf("rungs (-want +got):\n%s", diff)
	}
}

func TestTranscoder_AdmitsAsManyBroadcastsAsConfigured(t *testing.T) {
	cfg := ladderOf(hdRungs()...)
	cfg.MaxBroadcasts = 2
	n := node(cfg, &bytes.Buffer{})
	n.cores = 100
	if diff := cmp.Diff([]int{2, 2, 0}, admitted(n, 3)); diff != "" {
		t.Errorf("rungs (-want +got):\n%s", diff)
	}
}

func TestTranscoder_ShedsAndRestoresARung(t *testing.T) {
	b := start(t, ladderOf(twoRungs()...))
	units := clip(t, "4")
	third := len(units) / 3
	allow := func(n int) {
		b.node.mu.Lock()
		defer b.node.mu.Unlock()
		b.node.loads[b.job].allowed = n
	}
	b.write(units[:third]...)
	b.await(t, "both rungs run", func() bool { return len(b.units("high", true)) > 5 })
	allow(1)
	b.write(units[third : 2*third]...)
	b.await(t, "the higher rung is stopped", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.stops["high"]) == 1
	})
	allow(2)
	b.write(units[2*third:]...)
	b.finish(t)
	if diff := cmp.Diff([]StopReason{StopShed, StopEnded}, b.stops["high"]); diff != "" {
		t.Errorf("stops of high (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(inOrder(pictureTimes(units, false)), pictureTimes(b.units("low", true), false)); diff != "" {
		t.Errorf("pictures of low, which stays (-source +rung):\n%s", diff)
	}
	if high := b.runs["high"]; len(high) != 2 || !high[1].units[0].Key {
		t.Errorf("high has %d runs, want 2 that begin with key pictures", len(high))
	}
}

func TestTranscoder_LogsOnceThatFFmpegIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := ladderOf(hdRungs()...)
		cfg.FFmpeg = "/nonexistent/ffmpeg"
		log := &bytes.Buffer{}
		n := New(cfg, slog.New(slog.NewTextHandler(log, nil)), NewMetrics(prometheus.NewRegistry(), cfg.Ladder))
		ctx, cancel := context.WithTimeout(t.Context(), 10*retryProbe)
		defer cancel()
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "ffmpeg not usable"); n != 1 {
			t.Errorf("%d lines say that ffmpeg is not usable, want 1:\n%s", n, log)
		}
		if s := n.Status(); s.Available || !strings.Contains(s.Problem, "ffmpeg") {
			t.Errorf("status is %+v, want ffmpeg as the problem", s)
		}
	})
}

func TestProbe_FallsBackToX264WithTheReason(t *testing.T) {
	for _, encoder := range []string{EncoderVAAPI, EncoderNVENC, EncoderQSV} {
		cfg := ladderOf(hdRungs()...)
		cfg.Encoder = encoder
		p := probe(t.Context(), cfg)
		if !p.ok || p.version == "" {
			t.Fatalf("ffmpeg does not work: %+v", p)
		}
		// A machine may have the hardware.
		if p.encoder.name != encoder && (p.encoder.name != EncoderX264 || !strings.Contains(p.fallback, encoder+": ")) {
			t.Errorf("%s: the encoder is %s, because of %q", encoder, p.encoder.name, p.fallback)
		}
	}
}

func TestProbe_RefusesProgramsThatAreNotFFmpeg(t *testing.T) {
	for name, text := range map[string]string{
		"another program":                "echo hello world wide",
		"a failure":                      "echo broken >&2; exit 1",
		"no encoder at all":              `[ "$2" = -version ] && echo ffmpeg version 7.1 && exit; echo Unknown encoder >&2; exit 1`,
		"an encoder that writes garbage": `[ "$2" = -version ] && echo ffmpeg version 7.1 && exit; head -c 1000 /dev/zero`,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := ladderOf(hdRungs()...)
			cfg.FFmpeg = script(t, text)
			if p := probe(t.Context(), cfg); p.ok || p.problem == "" {
				t.Errorf("the program is accepted: %+v", p)
			}
		})
	}
}

func TestPlan_UsesMoreThreadsIfOneIsNotEnough(t *testing.T) {
	for _, test := range []struct {
		source source
		want   int
	}{
		{fullSource(1280, 720, 30), 2},
		{fullSource(1280, 720, 1), 1},
		{fullSource(320, 180, 30), 1},
	} {
		r := Rung{Name: "r", Height: test.source.video.Height}
		if got := newPlan(test.source, []Rung{r}).threads(r); got != test.want {
			t.Errorf("%+v: %d threads, want %d", test.source.video, got, test.want)
		}
	}
}

// A broadcast keeps the ladder that it began with.
func TestTranscoder_UsesANewLadderForNewBroadcasts(t *testing.T) {
	n := node(ladderOf(twoRungs()...), &bytes.Buffer{})
	before := n.Ladder()
	old := n.NewJob(before, newRecorder(), n.log)
	n.SetLadder(hdRungs())
	fresh := n.NewJob(n.Ladder(), newRecorder(), n.log)
	if got := old.ladder.Names(); !slices.Equal(got, before.Names()) || len(old.rungs) != len(got) {
		t.Errorf("the old broadcast has the rungs %v, want %v", got, before.Names())
	}
	if got := fresh.ladder.Names(); len(got) != len(hdRungs()) || len(fresh.rungs) != len(got) {
		t.Errorf("the new broadcast has the rungs %v", got)
	}
}

// A server without a ladder may get one later.
func TestTranscoder_ProbesOnceThereIsALadder(t *testing.T) {
	n := node(ladderOf(), &bytes.Buffer{})
	if n.Status().Enabled {
		t.Error("transcoding is enabled without a ladder")
	}
	n.SetLadder(twoRungs())
	n.SetLadder(nil)
	n.SetLadder(twoRungs())
	select {
	case <-n.enabled:
	default:
		t.Error("Run still waits for a ladder")
	}
	if !n.Status().Enabled {
		t.Error("transcoding is not enabled with a ladder")
	}
}
