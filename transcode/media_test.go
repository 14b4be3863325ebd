package transcode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/container/flv"
	"golive/media"
)

// clip encodes a moving test picture of 320x180 with a tone, and returns its units. options
// are output options of ffmpeg.
func clip(tb testing.TB, seconds string, options ...string) []media.AccessUnit {
	tb.Helper()
	args := []string{
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
	}
	base := []string{
		"-t", seconds, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
		"-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-bf", "2", "-b:v", "300k", "-c:a", "aac", "-b:a", "96k", "-ac", "2",
	}
	return unitsOf(tb, encode(tb, append(append(args, base...), options...)...))
}

// encode runs ffmpeg, and returns the FLV file that it writes.
func encode(tb testing.TB, args ...string) []byte {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "source.flv")
	cmd := exec.CommandContext(tb.Context(), "ffmpeg", append(append([]string{"-v", "error", "-y"}, args...), "-f", "flv", file)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// unitsOf returns the units of an FLV file.
func unitsOf(tb testing.TB, file []byte) []media.AccessUnit {
	tb.Helper()
	reader, demuxer := flv.NewReader(bytes.NewReader(file)), flv.NewDemuxer()
	var times flv.Timestamps
	var units []media.AccessUnit
	for {
		tag, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return units
		}
		if err != nil {
			tb.Fatal(err)
		}
		var u media.AccessUnit
		var ok bool
		switch tag.Type {
		case flv.TagVideo:
			u, ok, err = demuxer.Video(times.Video(tag.Timestamp), tag.Body)
		case flv.TagAudio:
			u, ok, err = demuxer.Audio(times.Audio(tag.Timestamp), tag.Body)
		}
		if err != nil {
			tb.Fatal(err)
		}
		if ok {
			units = append(units, u)
		}
	}
}

// run holds what a recorder received after a call of Start.
type run struct {
	video, audio *media.Track
	units        []media.AccessUnit
}

// recorder is an Output that keeps everything.
type recorder struct {
	mu    sync.Mutex
	runs  map[string][]*run
	stops map[string][]StopReason
	// change is closed and replaced with each call.
	change chan struct{}
}

func newRecorder() *recorder {
	return &recorder{runs: map[string][]*run{}, stops: map[string][]StopReason{}, change: make(chan struct{})}
}

func (r *recorder) Start(rung string, video, audio *media.Track) {
	r.update(func() { r.runs[rung] = append(r.runs[rung], &run{video: video, audio: audio}) })
}

func (r *recorder) Write(rung string, u media.AccessUnit) {
	r.update(func() {
		runs := r.runs[rung]
		if len(runs) == len(r.stops[rung]) && r.ended(rung) {
			panic("a unit of a rung that has been stopped")
		}
		last := runs[len(runs)-1]
		last.units = append(last.units, u)
	})
}

func (r *recorder) ended(rung string) bool {
	s := r.stops[rung]
	return len(s) > 0 && s[len(s)-1] == StopEnded
}

func (r *recorder) Stop(rung string, reason StopReason) {
	r.update(func() { r.stops[rung] = append(r.stops[rung], reason) })
}

func (r *recorder) update(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.change)
	r.change = make(chan struct{})
}

// units returns the units of a rung's video or audio.
func (r *recorder) units(rung string, video bool) []media.AccessUnit {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []media.AccessUnit
	for _, run := range r.runs[rung] {
		for _, u := range run.units {
			if u.Track.Video() == video {
				all = append(all, u)
			}
		}
	}
	return all
}

// await waits until a condition on what was recorded holds.
func (r *recorder) await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	timeout := time.After(time.Minute)
	for {
		r.mu.Lock()
		change := r.change
		r.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-change:
		case <-time.After(10 * time.Millisecond): // what is not recorded may have changed
		case <-timeout:
			tb.Fatalf("waited a minute until %s", what)
		}
	}
}

// testJob is a running job, and what it has sent to its Output.
type testJob struct {
	*recorder
	node *Transcoder
	job  *Job
	log  *bytes.Buffer
	done chan struct{}
}

func ladderOf(rungs ...Rung) Config {
	cfg := DefaultConfig()
	cfg.Ladder, cfg.Encoder, cfg.MaxCPU = rungs, EncoderX264, 1
	return cfg
}

// start runs a node with one job until the test ends.
func start(tb testing.TB, cfg Config) *testJob {
	tb.Helper()
	r := newRecorder()
	b := startWith(tb, cfg, r)
	b.recorder = r
	return b
}

// startWith is like start, with an Output that is no recorder.
func startWith(tb testing.TB, cfg Config, out Output) *testJob {
	tb.Helper()
	b := &testJob{log: &bytes.Buffer{}, done: make(chan struct{})}
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: b.log}, nil))
	b.node = New(cfg, log, NewMetrics(prometheus.NewRegistry(), cfg.Ladder))
	b.node.setProbed(probed{ok: true, encoder: x264(), version: "of the test"})
	b.job = b.node.NewJob(b.node.Ladder(), out, log)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(b.done)
		if err := b.job.Run(ctx); err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(func() {
		cancel()
		wg.Wait()
		if tb.Failed() {
			tb.Logf("log:\n%s", b.log)
		}
	})
	return b
}

// write gives units to the job, as if they arrived now.
func (b *testJob) write(units ...media.AccessUnit) {
	for _, u := range units {
		u.Arrived = time.Now()
		b.job.Write(u)
	}
}

// finish ends the source and waits for the job.
func (b *testJob) finish(tb testing.TB) {
	tb.Helper()
	b.job.Close()
	select {
	case <-b.done:
	case <-time.After(time.Minute):
		tb.Fatal("Run did not return")
	}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func pictureTimes(units []media.AccessUnit, keysOnly bool) (times []media.Ticks) {
	for _, u := range units {
		if u.Track.Video() && (u.Key || !keysOnly) {
			times = append(times, u.PTS)
		}
	}
	return times
}
