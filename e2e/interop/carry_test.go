//go:build e2e || interop

package interop

import (
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// wanted is the expected output of golive when an encoder publishes.
type wanted struct {
	// video and audio are the access units that were sent; negative if the
	// number is not known, and at least one must arrive.
	video, audio int
	// received is set if they are the numbers that golive logs at the end of the session. More
	// may come out: when the encoder is slow, golive repeats pictures and inserts silence.
	received bool
	// width and height are of the last picture; 0 when there is none.
	width, height int
	// discontinuities are marks after the first segment.
	discontinuities int
	// rebuilt is set if hls.js must be created again: it cannot add a track during
	// playback.
	rebuilt bool
	// excused are rules that this encoder's stream breaks.
	excused []int
	// length is how long the page is watched; 5 s when 0.
	length time.Duration
}

// mustCarry publishes the broadcast id, follows it to its end, plays it in the browser, and
// checks the output. publish starts the encoder; stop, if not
// nil, ends it after the page was watched.
func mustCarry(t *testing.T, s *harness.Server, b *harness.Browser, id string, publish func() *harness.Process, stop func(*harness.Process), want wanted) {
	t.Helper()
	if want.length == 0 {
		want.length = 5 * time.Second
	}
	f := harness.Follow(t, s.PlaylistURL(id), hlscheck.Options{LowLatency: true})
	page := b.Open(t, s.WatchURL(id)) // first, because it is slow on a slow machine
	page.Rebuilds = want.rebuilt
	encoder := publish()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the encoder's log:\n%s", encoder.Logs)
		}
	})
	page.WaitForPlay(30 * time.Second)
	v := page.View()
	harness.Pause(t.Context(), want.length)
	v.WaitFor("picture and sound as at the end", 10*time.Second, want.reached)
	page.Screenshot("interop-" + id)
	seen := v.Stop()
	// On a slow machine the page has played the broadcast to its end by now, and unloaded it.
	if i := slices.IndexFunc(seen, func(s harness.Sample) bool { return s.State == "ended" && s.Time == 0 }); i > 0 {
		seen = seen[:i]
	}
	if stop != nil {
		stop(encoder)
	} else {
		encoder.Wait(30 * time.Second)
	}
	r := f.Wait(30 * time.Second)
	// Many encoders share this machine, so the arrival times of media are not checked.
	f.Check(append(want.excused, pace...)...)
	if !r.Ended {
		t.Error("the playlist has no end")
	}
	if want.received {
		want.video, want.audio = receivedUnits(t, s, id)
	}
	want.checkBytes(t, r)
	want.checkPicture(t, seen)
}

// receivedUnits returns how many access units golive received from the one publisher of the
// broadcast id.
func receivedUnits(t *testing.T, s *harness.Server, id string) (video, audio int) {
	t.Helper()
	line := regexp.MustCompile(`msg="session ended" .*\bbroadcast=` + id + ` .*\bvideo_units=(\d+) audio_units=(\d+)`)
	m := line.FindAllStringSubmatch(s.Logs.String(), -1)
	if len(m) != 1 {
		t.Fatalf("%d sessions of %s ended, want 1", len(m), id)
	}
	video, _ = strconv.Atoi(m[0][1])
	audio, _ = strconv.Atoi(m[0][2])
	return video, audio
}

func (want wanted) reached(now harness.Playback) bool {
	return now.Width == want.width && now.Height == want.height && (want.audio == 0 || now.Audio > 0)
}

func (want wanted) checkBytes(t *testing.T, r *hlscheck.Rendition) {
	t.Helper()
	if n := harness.Discontinuities(r); n != want.discontinuities {
		t.Errorf("%d discontinuities, want %d", n, want.discontinuities)
	}
	video, audio := 0, 0
	for _, file := range harness.Runs(t, r) {
		v, a := harness.Packets(t, file)
		video, audio = video+len(v), audio+len(a)
		for _, line := range harness.DecodeErrors(t, file) {
			t.Error(line)
		}
	}
	t.Logf("%d segments, %d parts: %d video and %d audio units", len(r.Segments), len(r.Parts), video, audio)
	for _, c := range []struct {
		what      string
		got, want int
	}{{"video", video, want.video}, {"audio", audio, want.audio}} {
		if c.want >= 0 && c.got < c.want || c.want >= 0 && c.got > c.want && !want.received || c.want < 0 && c.got == 0 {
			t.Errorf("%d %s units came out, %d went in", c.got, c.what, c.want)
		}
	}
}

func (want wanted) checkPicture(t *testing.T, seen []harness.Sample) {
	t.Helper()
	sum, first, last := harness.Summarise(seen), seen[0], seen[len(seen)-1]
	wall := last.At.Sub(first.At).Seconds()
	t.Logf("the page played %.1f s in %.1f s, %dx%d, %d frames, %d bytes of audio, stalled for at most %.1f s",
		sum.Played, wall, last.Width, last.Height, last.Frames-first.Frames, last.Audio-first.Audio, sum.Longest.Seconds())
	if sum.Reloads > 0 || sum.Back > 0 && !want.rebuilt || len(sum.Faults) > 0 {
		t.Errorf("%d reloads, %d steps back, faults %q", sum.Reloads, sum.Back, sum.Faults)
	}
	if harness.Strict() && sum.Played < 0.7*wall {
		t.Errorf("the page played %.1f s in %.1f s", sum.Played, wall)
	}
	if frames := last.Frames - first.Frames; harness.Strict() && want.width > 0 && !want.rebuilt && float64(frames) < 0.7*30*wall {
		t.Errorf("%d frames were decoded in %.1f s of a 30 Hz stream", frames, wall)
	}
}
