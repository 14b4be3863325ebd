package transcode

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golive/internal/setting"
)

// Rung is one quality of a ladder.
type Rung struct {
	// Name is the name of its rendition.
	Name string `yaml:"name"`
	// Height is the shorter side of the picture in pixels, even. The other side follows
	// the aspect ratio.
	Height int `yaml:"height"`
	// AudioOnly makes a rung without pictures.
	AudioOnly bool `yaml:"audio_only"`
	// FrameRate is the highest number of pictures in a second; more are left out. 0 keeps all.
	FrameRate float64 `yaml:"frame_rate"`
	// VideoBitrate and AudioBitrate are averages in bits per second.
	VideoBitrate setting.BitRate `yaml:"video_bitrate"`
	AudioBitrate setting.BitRate `yaml:"audio_bitrate"`
	// Preset is the preset of x264, "" for veryfast.
	Preset string `yaml:"preset"`
	// Profile is the profile of H.264, "" for high.
	Profile string `yaml:"profile"`
}

// The defaults of a rung.
const (
	defaultPreset  = "veryfast"
	defaultProfile = "high"
)

func (r Rung) preset() string  { return cmp.Or(r.Preset, defaultPreset) }
func (r Rung) profile() string { return cmp.Or(r.Profile, defaultProfile) }

// Ladder is a list of rungs. Its text is the name of a preset.
type Ladder []Rung

// UnmarshalText sets l to the preset with that name. It implements encoding.TextUnmarshaler.
func (l *Ladder) UnmarshalText(text []byte) error {
	for _, p := range ladderPresets() {
		if p.name == string(text) {
			*l = p.rungs
			return nil
		}
	}
	names := make([]string, 0, len(ladderPresets()))
	for _, p := range ladderPresets() {
		names = append(names, p.name)
	}
	return fmt.Errorf("%q is not a preset: write %s, or a list of rungs", text, strings.Join(names, ", "))
}

// sorted returns the rungs from the cheapest to the most expensive.
func (l Ladder) sorted() Ladder {
	return slices.SortedStableFunc(slices.Values(l), compareRungs)
}

// ladderPreset is a ladder with a name.
type ladderPreset struct {
	name  string
	rungs Ladder
}

// ladderPresets returns the presets, whose rungs are close to those for H.264 of Apple's HLS
// Authoring Specification, appendix B. Their rates are for 30 pictures a second.
func ladderPresets() []ladderPreset {
	const fullRate, halfRate, lowRate = 60, 30, 15
	var (
		p1080 = Rung{Name: "1080p", Height: 1080, FrameRate: fullRate, VideoBitrate: 6_000_000, AudioBitrate: 128_000}
		p720  = Rung{Name: "720p", Height: 720, FrameRate: fullRate, VideoBitrate: 3_000_000, AudioBitrate: 128_000}
		p540  = Rung{Name: "540p", Height: 540, FrameRate: halfRate, VideoBitrate: 2_000_000, AudioBitrate: 128_000}
		p432  = Rung{Name: "432p", Height: 432, FrameRate: halfRate, VideoBitrate: 1_100_000, AudioBitrate: 128_000}
		p360  = Rung{Name: "360p", Height: 360, FrameRate: halfRate, VideoBitrate: 730_000, AudioBitrate: 128_000}
		p234  = Rung{Name: "234p", Height: 234, FrameRate: lowRate, VideoBitrate: 200_000, AudioBitrate: 64_000}
		audio = Rung{Name: "audio", AudioOnly: true, AudioBitrate: 64_000}
	)
	return []ladderPreset{
		{"mobile", Ladder{p432, p360, p234, audio}},
		{"hd", Ladder{p720, p540, p360, p234}},
		{"full", Ladder{p1080, p720, p540, p360, p234, audio}},
	}
}

// Names returns the names of the rungs.
func (l Ladder) Names() []string {
	names := make([]string, len(l))
	for i, r := range l {
		names[i] = r.Name
	}
	return names
}
