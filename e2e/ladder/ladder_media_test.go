//go:build e2e

package ladder

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// checkLadder follows all renditions of "show" for a time, and checks that they break no rule and
// play like the source: the same segments, key frames, pictures and sound, and no less than a
// number of segments.
func checkLadder(t *testing.T, s *harness.Server, watched time.Duration, least int64) {
	t.Helper()
	s.WaitForState("show", "live", 10*time.Second)
	waitForRungs(t, s, "show", 4)
	harness.Pause(t.Context(), 4*time.Second)
	f := harness.Follow(t, s.PlaylistURL("show"), hlscheck.Options{LowLatency: true, Probe: true, Behind: time.Second})
	harness.Pause(t.Context(), watched)
	r := f.Stop()
	// Each time ffmpeg begins its file of 20 s again, its sound pauses for 0.1 s (its pictures for less).
	pauses := 1 + int(watched/(20*time.Second))
	for _, v := range r.Violations {
		if v.Rule == 12 && strings.HasPrefix(v.Rendition, "audio/") && pauses > 0 {
			pauses--
			continue
		}
		if !harness.Late(v) {
			t.Error(v)
		}
	}
	if len(r.Renditions) != 4 {
		t.Fatalf("%d renditions", len(r.Renditions))
	}
	for _, each := range r.Renditions {
		each.Parts = nil // as large as the segments, and not used below
	}
	first, last := commonSegments(t, r)
	if last-first < least {
		t.Fatalf("the renditions have the segments %d to %d in common", first, last)
	}
	// A file of all segments would be large, and decoding it would take long.
	const piece = 15
	for from := first; from <= last; from += piece {
		to := min(from+piece-1, last)
		if last-to < piece/2 {
			to = last // a short rest is part of this piece
		}
		checkPiece(t, r, from, to)
		if to == last {
			break
		}
	}
}

// commonSegments returns the numbers of the first and the last segment that all renditions have. Between
// them none may be missing.
func commonSegments(t *testing.T, r *hlscheck.Recording) (first, last int64) {
	t.Helper()
	last = math.MaxInt64
	for _, each := range r.Renditions {
		each.Segments = slices.DeleteFunc(each.Segments, func(s *hlscheck.FetchedSegment) bool { return s.Data == nil })
		if len(each.Segments) == 0 {
			t.Fatalf("%s has no segments", each.Name)
		}
		first, last = max(first, each.Segments[0].MSN), min(last, each.Segments[len(each.Segments)-1].MSN)
	}
	for _, each := range r.Renditions {
		if n := int64(len(between(each, first, last))); n != last-first+1 {
			t.Errorf("%s has %d of the segments %d to %d", each.Name, n, first, last)
		}
	}
	return first, last
}

func between(r *hlscheck.Rendition, first, last int64) []*hlscheck.FetchedSegment {
	return slices.DeleteFunc(slices.Clone(r.Segments), func(s *hlscheck.FetchedSegment) bool { return s.MSN < first || s.MSN > last })
}

// checkPiece checks some segments of the source and its rungs.
func checkPiece(t *testing.T, r *hlscheck.Recording, first, last int64) {
	t.Helper()
	files := map[string]string{}
	for _, each := range r.Renditions {
		name, _, _ := strings.Cut(each.Name, "/")
		files[name] = filepath.Join(t.TempDir(), "media.mp4")
		if err := os.WriteFile(files[name], hlscheck.Join(between(each, first, last)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source := files["source"]
	keys, pictures := pictureTimes(t, source)
	if len(keys) < int(last-first) {
		t.Errorf("segments %d to %d: the source has key frames at %v", first, last, keys)
	}
	beeps := beepTimes(t, source)
	if len(beeps) < int(last-first) {
		t.Errorf("segments %d to %d: the source has sounds at %v", first, last, beeps)
	}
	for name, file := range files {
		for _, line := range harness.DecodeErrors(t, file) {
			t.Errorf("%s: %s", name, line)
		}
		if name == "source" {
			continue
		}
		sounds := beepTimes(t, file)
		apart, ok := maxDistance(beeps, sounds)
		if !ok || apart > 0.020 {
			t.Errorf("%s has sounds at %v, the source at %v", name, sounds, beeps)
		}
		if name == "audio" {
			continue
		}
		rungKeys, rungPictures := pictureTimes(t, file)
		if d := cmp.Diff(keys, rungKeys); d != "" {
			t.Errorf("%s has other key frames (-source +rung):\n%s", name, d)
		}
		if d := cmp.Diff(pictures, rungPictures); d != "" {
			t.Errorf("%s has other pictures (-source +rung):\n%s", name, d)
		}
		same, least := similarity(t, file, source, 0)
		shifted, _ := similarity(t, file, source, 1)
		t.Logf("segments %d to %d, %s: similarity %.4f, of one picture at least %.4f, %.4f if it is one picture late; %d key frames, %d pictures, %d sounds at most %.1f ms away",
			first, last, name, same, least, shifted, len(rungKeys), len(rungPictures), len(sounds), 1000*apart)
		if same < leastSimilarity || least < leastOfPicture || same <= shifted {
			t.Errorf("%s does not look like its source: similarity %.4f, of one picture %.4f, %.4f if it is one picture late", name, same, least, shifted)
		}
	}
}

// The lowest structural similarity (SSIM) of a rung and its scaled source, in the mean and of a single
// picture. Of the test picture at 160 lines they are 0.96 and 0.95, and 0.87 if it is one picture late.
const (
	leastSimilarity = 0.94
	leastOfPicture  = 0.92
)

// maxDistance returns the longest time between two sounds that belong together; false if a and b do
// not have the same number of them.
func maxDistance(a, b []float64) (apart float64, ok bool) {
	if len(a) != len(b) {
		return 0, false
	}
	for i := range a {
		apart = max(apart, math.Abs(a[i]-b[i]))
	}
	return apart, true
}

// pictureTimes returns the presentation times of a file's key frames and pictures, in order, in the
// units of its video track.
func pictureTimes(t *testing.T, file string) (keys, all []int64) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := hlscheck.Demux(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range c.Streams {
		if stream.Codec != hlscheck.H264 {
			continue
		}
		for _, u := range stream.Units {
			at := u.PTS * 90_000 / stream.Timescale
			all = append(all, at)
			if u.Key {
				keys = append(keys, at)
			}
		}
	}
	slices.Sort(all)
	return keys, all
}

// beepTimes returns when sounds begin after silence, in seconds.
func beepTimes(t *testing.T, file string) (at []float64) {
	t.Helper()
	for _, m := range regexp.MustCompile(`silence_end: ([\d.]+)`).FindAllSubmatch(ffmpegLog(t,
		"-copyts", "-i", file, "-vn", "-af", "silencedetect=noise=-30dB:d=0.3", "-f", "null", "-"), -1) {
		at = append(at, parse(t, m[1]))
	}
	return at[:max(0, len(at)-1)] // the last one is the end of the file
}

// similarity returns the SSIM of a rung and its source, which is scaled, and moved by a number of
// pictures: of all, and the lowest of a single picture.
func similarity(t *testing.T, rung, source string, late int) (all, least float64) {
	t.Helper()
	each := filepath.Join(t.TempDir(), "ssim")
	log := ffmpegLog(t, "-copyts", "-i", rung, "-copyts", "-i", source, "-an", "-filter_complex",
		fmt.Sprintf("[1:v]setpts=PTS+%d/%d/TB[moved];[moved][0:v]scale2ref=flags=bicubic[scaled][same];[same][scaled]ssim=shortest=1:stats_file=%s", late, rate, each), "-f", "null", "-")
	m := regexp.MustCompile(`SSIM .*All:([\d.]+)`).FindSubmatch(log)
	if m == nil {
		t.Fatalf("ffmpeg computes no similarity:\n%s", log)
	}
	text, err := os.ReadFile(each)
	if err != nil {
		t.Fatal(err)
	}
	least = 1
	for _, m := range regexp.MustCompile(`All:([\d.]+)`).FindAllSubmatch(text, -1) {
		least = min(least, parse(t, m[1]))
	}
	return parse(t, m[1]), least
}

func parse(t *testing.T, number []byte) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func ffmpegLog(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "info", "-nostdin", "-nostats"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}
