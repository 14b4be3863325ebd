package transcode

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/media"
)

func twoRungs() []Rung {
	return []Rung{
		{Name: "high", Height: 180, VideoBitrate: 200_000, AudioBitrate: 128_000, Preset: "ultrafast"},
		{Name: "low", Height: 90, VideoBitrate: 80_000, AudioBitrate: 128_000, Preset: "ultrafast"},
	}
}

// inOrder returns the times of pictures in the order of presentation.
func inOrder(times []media.Ticks) []media.Ticks { return slices.Sorted(slices.Values(times)) }

// checkPictures checks that a rung has each picture of the source, and the same key pictures.
func (b *testJob) checkPictures(t *testing.T, rung string, source []media.AccessUnit) {
	t.Helper()
	got := b.units(rung, true)
	if diff := cmp.Diff(inOrder(pictureTimes(source, false)), pictureTimes(got, false)); diff != "" {
		t.Errorf("pictures of %s (-source +rung):\n%s", rung, diff)
	}
	if diff := cmp.Diff(pictureTimes(source, true), pictureTimes(got, true)); diff != "" {
		t.Errorf("key pictures of %s (-source +rung):\n%s", rung, diff)
	}
}

func TestJob_EncodesEachPictureAndTheSameKeyPictures(t *testing.T) {
	b := start(t, ladderOf(twoRungs()...))
	units := clip(t, "4")
	b.write(units...)
	b.finish(t)
	for _, rung := range []string{"high", "low"} {
		b.checkPictures(t, rung, units)
		if v := b.runs[rung][0].video; min(v.Width, v.Height) != map[string]int{"high": 180, "low": 90}[rung] || v.Width%2 != 0 {
			t.Errorf("%s has %dx%d, want the height of the rung and an even width", rung, v.Width, v.Height)
		}
		if n := len(b.runs[rung]); n != 1 {
			t.Errorf("%s began %d times, want once", rung, n)
		}
		if diff := cmp.Diff([]StopReason{StopEnded}, b.stops[rung]); diff != "" {
			t.Errorf("stops of %s (-want +got):\n%s", rung, diff)
		}
	}
}

func TestJob_PassesTheSourcesAudioOn(t *testing.T) {
	b := start(t, ladderOf(append(twoRungs(), Rung{Name: "audio", AudioOnly: true, AudioBitrate: 96_000})...))
	units := clip(t, "2")
	b.write(units...)
	b.finish(t)
	var want []media.AccessUnit
	for _, u := range units {
		if !u.Track.Video() {
			want = append(want, u)
		}
	}
	for _, rung := range []string{"high", "low", "audio"} {
		got := b.units(rung, false)
		same := slices.EqualFunc(got, want, func(a, b media.AccessUnit) bool {
			return a.DTS == b.DTS && a.Track == b.Track && bytes.Equal(a.Data, b.Data)
		})
		if !same {
			t.Errorf("%s has %d units of sound, want the %d of the source", rung, len(got), len(want))
		}
	}
}
