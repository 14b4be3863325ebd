package ingest

import (
	"slices"
	"strings"
	"testing"

	"golive/media"
)

// keyFrames writes 25 pictures per second of several tracks to a KeyFrames, and keeps the warnings.
type keyFrames struct {
	checker KeyFrames
	list    warningList
	first   *media.Track
}

func newKeyFrames() *keyFrames { return &keyFrames{first: &media.Track{Codec: media.H264}} }

// play writes pictures from one number to another. gops are the key frame intervals of the
// default track and of the additional ones, in pictures; 0 is no key frame, -1 no picture.
// late is how many pictures the additional tracks are behind; negative is ahead.
func (k *keyFrames) play(from, to, late int, gops ...int) {
	for i := from; i < to; i++ {
		for n, gop := range gops {
			at := i
			if n > 0 {
				at -= late
			}
			if gop < 0 || at < 0 {
				continue
			}
			u := media.AccessUnit{Track: k.first, DTS: media.Ticks(at) * media.Second / 25, Key: gop > 0 && at%gop == 0}
			u.PTS = u.DTS + media.Second/25
			if n == 0 {
				k.checker.Default(&u, &k.list)
				continue
			}
			u.Track = extraTracks[n-1]
			k.checker.Extra(&u)
		}
	}
}

func TestKeyFrames_WarnsOfTracksWithoutTheDefaultTracksKeyFrames(t *testing.T) {
	for _, c := range []struct {
		name string
		late int
		gops []int
		text string // of the warning; "" for none
	}{
		{"the same interval", 0, []int{50, 50, 50}, ""},
		{"the same interval, arriving late", 40, []int{50, 50, 50}, ""},
		{"the same interval, arriving early", -40, []int{50, 50, 50}, ""},
		{"a shorter interval", 0, []int{50, 25, 1}, ""},
		{"twice as long", 0, []int{50, 100, 50}, ""},
		{"three times as long", 0, []int{50, 150, 50}, "video track 1: no key frame"},
		{"another interval", 0, []int{50, 50, 60}, "video track 2: no key frame"},
		{"other intervals in both", 0, []int{50, 60, 61}, "video tracks 1, 2: no key frame"},
		{"no key frames", 0, []int{50, 0, 50}, "video track 1: no key frame"},
		{"no pictures", 0, []int{50, -1, 50}, ""},
	} {
		k := newKeyFrames()
		k.play(0, 1500, c.late, c.gops...)
		switch {
		case c.text == "" && len(k.list.codes) > 0:
			t.Errorf("%s: warned %q, want no warning", c.name, k.list.texts)
		case c.text != "" && (!slices.Equal(k.list.codes, []WarningCode{WarnKeysNotAligned}) || !strings.HasPrefix(k.list.texts[0], c.text)):
			t.Errorf("%s: warned %q, want %q", c.name, k.list.texts, c.text)
		}
	}
}

func TestKeyFrames_ClearsTheWarning(t *testing.T) {
	k := newKeyFrames()
	k.play(0, 1500, 0, 50, 60)
	if len(k.list.codes) != 1 {
		t.Fatalf("warnings %q, want one", k.list.codes)
	}
	k.play(1500, 1650, 0, 50, 50)
	if len(k.list.codes) != 1 {
		t.Error("the warning was cleared after three key frames")
	}
	k.play(1650, 1950, 0, 50, 50)
	if len(k.list.codes) != 0 {
		t.Errorf("warnings %q are left", k.list.codes)
	}
}

func TestKeyFrames_IgnoresATrackThatHasStopped(t *testing.T) {
	k := newKeyFrames()
	k.play(0, 500, 0, 50, 50)
	k.play(500, 1500, 0, 50, -1)
	if len(k.list.codes) != 0 {
		t.Errorf("warnings %q, want none", k.list.texts)
	}
}
