package transcode

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/media"
)

func lowRung() Rung {
	return Rung{Name: "low", Height: 90, VideoBitrate: 100_000, AudioBitrate: 128_000, Preset: "ultrafast"}
}

// TestJob_TranscodesSourcesOfEveryKind checks that a rung has a picture for each of the source, key
// pictures where the source has them, and the right size.
func TestJob_TranscodesSourcesOfEveryKind(t *testing.T) {
	for name, test := range map[string]struct {
		options       []string
		width, height int
	}{
		"without B-frames":            {[]string{"-bf", "0"}, 160, 90},
		"open GOPs":                   {[]string{"-x264-params", "open-gop=1"}, 160, 90},
		"gradual refresh":             {[]string{"-bf", "0", "-x264-params", "intra-refresh=1"}, 160, 90},
		"10 bits and 4:2:2":           {[]string{"-pix_fmt", "yuv422p10le"}, 160, 90},
		"4:4:4":                       {[]string{"-pix_fmt", "yuv444p"}, 160, 90},
		"interlaced":                  {[]string{"-x264-params", "interlaced=1"}, 160, 90},
		"an odd size":                 {[]string{"-vf", "scale=321:179,setsar=1", "-pix_fmt", "yuv444p"}, 162, 90},
		"portrait":                    {[]string{"-vf", "scale=180:320,setsar=1"}, 90, 160},
		"narrow, but not portrait":    {[]string{"-vf", "scale=180:320"}, 160, 90},
		"pixels that are not square":  {[]string{"-vf", "scale=240:180,setsar=4/3"}, 160, 90},
		"1 picture a second":          {[]string{"-t", "6", "-r", "1", "-g", "2", "-keyint_min", "2"}, 160, 90},
		"120 pictures a second":       {[]string{"-r", "120"}, 160, 90},
		"pictures at irregular times": {[]string{"-vf", "select='not(mod(n\\,2))+not(mod(n\\,7))'", "-vsync", "vfr"}, 160, 90},
		"video only":                  {[]string{"-an"}, 160, 90},
		"the size of the rung":        {[]string{"-s", "160x90"}, 160, 90},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, ladderOf(lowRung()))
			units := clip(t, "2", test.options...)
			b.write(units...)
			b.finish(t)
			got := b.units("low", true)
			if diff := cmp.Diff(inOrder(pictureTimes(units, false)), pictureTimes(got, false)); diff != "" {
				t.Errorf("pictures (-source +rung):\n%s", diff)
			}
			if diff := cmp.Diff(pictureTimes(units, true), pictureTimes(got, true)); diff != "" {
				t.Errorf("key pictures (-source +rung):\n%s", diff)
			}
			if len(b.runs["low"]) != 1 {
				t.Fatalf("%d runs, want 1", len(b.runs["low"]))
			}
			if v := b.runs["low"][0].video; v.Width != test.width || v.Height != test.height {
				t.Errorf("the size is %dx%d, want %dx%d", v.Width, v.Height, test.width, test.height)
			}
		})
	}
}

func TestJob_DropsPicturesAboveTheFrameRate(t *testing.T) {
	r := lowRung()
	r.FrameRate = 30
	b := start(t, ladderOf(r))
	units := clip(t, "3", "-r", "60", "-g", "45", "-keyint_min", "45")
	b.write(units...)
	b.finish(t)
	got := b.units("low", true)
	if n := len(got); n < 85 || n > 95 {
		t.Errorf("%d pictures in 3 s, want about 90", n)
	}
	if diff := cmp.Diff(pictureTimes(units, true), pictureTimes(got, true)); diff != "" {
		t.Errorf("key pictures (-source +rung):\n%s", diff)
	}
	times := pictureTimes(units, false)
	for _, at := range pictureTimes(got, false) {
		if !slices.Contains(times, at) {
			t.Errorf("the source has no picture at %d", at)
		}
	}
}

func TestJob_EncodesAudioThatCannotBePassedOn(t *testing.T) {
	for name, options := range map[string][]string{
		"six channels":     {"-ac", "6", "-b:a", "256k"},
		"a high bit rate":  {"-b:a", "192k"},
		"MP3":              {"-c:a", "libmp3lame", "-ar", "44100"},
		"a low rate, mono": {"-c:a", "libmp3lame", "-ar", "22050", "-ac", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			low, audio := lowRung(), Rung{Name: "audio", AudioOnly: true, AudioBitrate: 64_000}
			low.AudioBitrate = 64_000
			b := start(t, ladderOf(low, audio))
			units := clip(t, "2", options...)
			b.write(units...)
			b.finish(t)
			for _, rung := range []string{"low", "audio"} {
				sound := b.units(rung, false)
				if len(sound) == 0 {
					t.Fatalf("%s has no sound", rung)
				}
				track := sound[0].Track
				if track.Codec != media.AAC || track.Channels > 2 || track != b.runs[rung][0].audio {
					t.Errorf("the track of %s is %+v, want that of its run, in AAC with at most 2 channels", rung, track)
				}
				checkSound(t, rung, units, sound)
			}
		})
	}
}

// checkSound checks that the rung's audio covers the time of the source's, without gaps.
func checkSound(t *testing.T, rung string, units, sound []media.AccessUnit) {
	t.Helper()
	var first, last media.Ticks = math.MaxInt64, 0
	for _, u := range units {
		if !u.Track.Video() {
			first, last = min(first, u.DTS), max(last, u.DTS)
		}
	}
	const tolerance = 100 * media.Millisecond // priming frames, and padding at the end
	if at := sound[0].DTS; distance(at, first) > tolerance {
		t.Errorf("the sound of %s begins at %d, the source's at %d", rung, at, first)
	}
	if at := sound[len(sound)-1].DTS; distance(at, last) > tolerance {
		t.Errorf("the sound of %s ends at %d, the source's at %d", rung, at, last)
	}
	frame := media.Ticks(1024 * int64(media.Second) / int64(sound[0].Track.SampleRate))
	for i := range sound[1:] {
		if d := sound[i+1].DTS - sound[i].DTS; distance(d, frame) > 1 {
			t.Errorf("frames %d and %d of %s are %d apart, want %d", i, i+1, rung, d, frame)
		}
	}
}

func TestJob_SkipsRungsLargerThanTheSource(t *testing.T) {
	tall := lowRung()
	tall.Name, tall.Height = "tall", 182
	b := start(t, ladderOf(tall))
	b.write(clip(t, "1")...)
	b.finish(t)
	if len(b.runs) != 0 {
		t.Errorf("runs of %v, want none", b.runs)
	}
}

func TestJob_TranscodesAudioOnly(t *testing.T) {
	b := start(t, ladderOf(lowRung(), Rung{Name: "audio", AudioOnly: true, AudioBitrate: 96_000}))
	units := clip(t, "2", "-vn")
	b.write(units...)
	b.finish(t)
	if n := len(b.units("audio", false)); n != len(units) {
		t.Errorf("the rung has %d units, want the %d of the source", n, len(units))
	}
	if len(b.runs["low"]) != 0 {
		t.Error("the rung with video began without video")
	}
}

func TestPlan_SharesAudioEncodings(t *testing.T) {
	s := source{
		video: &media.Track{Codec: media.H264, Width: 1280, Height: 720}, audio: &media.Track{Codec: media.Opus, SampleRate: 48000, Channels: 2},
	}
	p := newPlan(s, []Rung{
		{Name: "a", AudioOnly: true, AudioBitrate: 64_000}, {Name: "b", Height: 360, AudioBitrate: 128_000}, {Name: "c", Height: 720, AudioBitrate: 128_000},
	})
	if len(p.encodings) != 2 || !slices.Equal(p.encodings[1].rungs, []int{1, 2}) {
		t.Errorf("encodings are %+v, want one for a and one for b and c", p.encodings)
	}
}

func TestPlan_DropsPicturesOnlyAboveTheFrameRate(t *testing.T) {
	for rate, want := range map[float64]bool{25: false, 30: false, 31: false, 50: true, 60: true} {
		r := lowRung()
		r.FrameRate = 30
		p := newPlan(fullSource(1280, 720, rate), []Rung{r})
		args := strings.Join(p.args(x264(), 0), " ")
		if got := strings.Contains(args, "select="); got != want {
			t.Errorf("at %v pictures a second: drops pictures: %t, want %t: %s", rate, got, want, args)
		}
	}
}
