//go:build e2e && field

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// reportedStream is a stream that encoders in the field were reported to send (rows 57 to 68 of
// docs/encoders.md), and the expected result.
type reportedStream struct {
	name string
	// file returns the FLV file that is published in real time.
	file func(t *testing.T) string
	// warned are the codes of the warnings that the broadcaster must have seen.
	warned []string
	// excused are the rules that the stream itself breaks; docs/encoders.md explains why.
	excused []int
	// unplayable is set if Chromium cannot decode it: it is only forwarded.
	unplayable bool
	// maxStall is how long the picture may be frozen in the browser; 1.5 s when 0: three
	// streams are encoded, checked and decoded on two cores.
	maxStall time.Duration
	// minPlayed is the share of the time watched that must be played; 0.85 when 0.
	minPlayed float64
	// noAudio and noVideo are set if the browser decodes none.
	noAudio, noVideo bool
	// rebuilt is set if hls.js must be created again because a track was added or removed.
	rebuilt bool
	// multivariant must be in the multivariant playlist.
	multivariant string
}

func TestField_StreamsFromTheFieldAreCarriedAndPlayed(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	b := harness.OpenBrowser(t)
	slots := make(chan struct{}, 3) // more would not decode in real time on two cores
	x264 := func(params string, options ...string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			return sources.FLV(t, append([]string{"-t", "16", "-x264-params", params}, options...)...)
		}
	}
	for _, f := range []reportedStream{
		{name: "57-adts", file: func(t *testing.T) string { t.Helper(); return adtsInside(t, "adts", sources.Plain(t), true) }},
		{name: "57-adts-and-header", file: func(t *testing.T) string { t.Helper(); return adtsInside(t, "adts-header", sources.Plain(t), false) }},
		{name: "58-open-gop", file: x264("open-gop=1:keyint=60:min-keyint=60:scenecut=0:bframes=3"), warned: []string{"open_gop"}},
		{name: "58-open-gop-strict", file: x264("open-gop=1:keyint=60:min-keyint=60:scenecut=0:bframes=4:b-adapt=0:b-pyramid=strict:ref=4:cabac=0"), warned: []string{"open_gop"}},
		{name: "58-intra-refresh", file: x264("intra-refresh=1:keyint=60:min-keyint=60:scenecut=0"), warned: []string{"intra_refresh"}},
		{name: "58-one-key-frame", file: x264("keyint=infinite:scenecut=0"), warned: []string{"key_frames_far_apart"}},
		{name: "59-surround-side", file: layout("5.1(side)")},
		{name: "59-surround-wide", file: layout("7.1(wide)")},
		{name: "59-two-one", file: layout("2.1")},
		{name: "60-low-rate", file: encoded("-vn", "-t", "16", "-ar", "8000", "-ac", "1"), noVideo: true},
		{name: "61-slides", file: lowFrameRate("1/12", "40"), noAudio: true, maxStall: 13 * time.Second, minPlayed: 0.5},
		{name: "61-one-a-second", file: lowFrameRate("1", "20"), noAudio: true, maxStall: 3 * time.Second},
		{name: "61-slide-with-sound", file: lowFrameRateWithAudio("1/4", "24"), maxStall: 5 * time.Second},
		{name: "61-fast", file: highFrameRate("120", "12")},
		{name: "63-sound-stops", file: withoutTags(tagAudio, 4, 18, 30), warned: []string{"audio_silent"}, rebuilt: true, maxStall: 3 * time.Second},
		{name: "64-picture-stops", file: withoutTags(tagVideo, 4, 14, 26), warned: []string{"video_silent"}, maxStall: 3 * time.Second},
		{name: "62-ten-bits", file: encoded("-t", "12", "-pix_fmt", "yuv422p10le"), unplayable: true},
		{name: "67-captions", file: func(t *testing.T) string { t.Helper(); return captioned(t, "captioned", sources.Plain(t)) }, multivariant: "TYPE=CLOSED-CAPTIONS"},
		{name: "67-no-captions", file: encoded("-bf", "2"), multivariant: "CLOSED-CAPTIONS=NONE"},
		{name: "two-on-each-timestamp", file: func(t *testing.T) string {
			t.Helper()
			return paired(t, "paired", sources.FLV(t, "-t", "16", "-bf", "0"))
		}},
		{name: "both-change", file: func(t *testing.T) string {
			t.Helper()
			return joined(t, "both-change", sources.Plain(t), sources.FLV(t, "-t", "10", "-s", "480x270", "-ar", "44100"), 8)
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			f.mustPlay(t, s, b)
		})
	}
}

// mustPlay publishes the stream, follows it to its end, watches it in the browser
// meanwhile, and collects the warnings.
func (f reportedStream) mustPlay(t *testing.T, s *harness.Server, b *harness.Browser) {
	t.Helper()
	file := f.file(t)
	follower := harness.Follow(t, s.PlaylistURL(f.name), hlscheck.Options{LowLatency: true})
	// Not ffmpeg, which repairs its input: the tags are sent unchanged.
	tags := readFLV(t, file)
	length := time.Duration(tags[len(tags)-1].time) * time.Millisecond
	var page *harness.Page
	if !f.unplayable { // first, because some have only one key frame, at the beginning
		page = b.Open(t, s.WatchURL(f.name))
		page.Rebuilds = f.rebuilt
	}
	encoder := harness.Launch(t, nil, s.Program(), "publish", "--file", file, "--duration", length.String(), s.PublishURL(f.name))
	multivariant := ""
	warned := map[string]string{}
	polling, stopPolling := context.WithCancel(t.Context())
	polled := make(chan struct{})
	go func() {
		defer close(polled)
		for polling.Err() == nil {
			if body, err := harness.Get(polling, s.PlaylistURL(f.name)); err == nil {
				multivariant = string(body)
			}
			warnings(polling, s, f.name, warned)
			harness.Pause(polling, 300*time.Millisecond)
		}
	}()
	var seen []harness.Sample
	if !f.unplayable {
		page.WaitFor("media", 40*time.Second, func(now harness.Playback) bool { return now.Time > 0 && (f.noVideo || now.Width > 0) })
		v := page.View()
		select {
		case <-encoder.Done():
		case <-time.After(time.Minute):
		}
		page.Screenshot("field-" + f.name)
		seen = v.Stop()
	}
	encoder.Wait(time.Minute)
	r := follower.Wait(30 * time.Second)
	stopPolling()
	<-polled
	// Many encoders share this machine, so the arrival times of media are not checked.
	follower.Check(append(f.excused, pace...)...)
	if !r.Ended {
		t.Error("the playlist has no end")
	}
	for _, run := range harness.Runs(t, r) {
		lines := harness.DecodeErrors(t, run)
		for _, line := range lines[:min(len(lines), 5)] {
			t.Error(line)
		}
	}
	for _, code := range f.warned {
		if warned[code] == "" {
			t.Errorf("the broadcaster was not warned of %s, but of %v", code, warned)
		}
	}
	for code, text := range warned {
		t.Logf("warned: %s: %s", code, text)
	}
	if !strings.Contains(multivariant, f.multivariant) {
		t.Errorf("%q is not in the multivariant playlist:\n%s", f.multivariant, multivariant)
	}
	if !f.unplayable {
		f.checkPlayback(t, seen)
	}
}

func (f reportedStream) checkPlayback(t *testing.T, seen []harness.Sample) {
	t.Helper()
	if len(seen) < 2 {
		t.Fatal("the page was not watched")
	}
	maxStall, share := f.maxStall, f.minPlayed
	if maxStall == 0 {
		maxStall = 1500 * time.Millisecond
	}
	if share == 0 {
		share = 0.85
	}
	sum, first, last := harness.Summarise(seen), seen[0], seen[len(seen)-1]
	wall := last.At.Sub(first.At).Seconds()
	t.Logf("the page played %.1f s in %.1f s: %d frames, %d bytes of audio, stalled for at most %.1f s, %d steps back",
		sum.Played, wall, last.Frames-first.Frames, last.Audio-first.Audio, sum.Longest.Seconds(), sum.Back)
	if sum.Reloads > 0 || sum.Back > 0 && !f.rebuilt || len(sum.Faults) > 0 {
		t.Errorf("%d reloads, %d steps back, faults %q", sum.Reloads, sum.Back, sum.Faults)
	}
	if harness.Strict() && !f.rebuilt && sum.Played < share*wall {
		t.Errorf("the page played %.1f s in %.1f s", sum.Played, wall)
	}
	if harness.Strict() && sum.Longest > maxStall {
		t.Errorf("the picture stalled for %.1f s", sum.Longest.Seconds())
	}
	if !f.noAudio && last.Audio == 0 {
		t.Error("no audio was decoded")
	}
	if !f.noVideo && last.Frames == 0 {
		t.Error("no picture was decoded")
	}
}

// warnings adds the warnings that the API shows now to all, by code.
func warnings(ctx context.Context, s *harness.Server, id string, all map[string]string) {
	body, err := harness.Get(ctx, s.URL("/v1/broadcasts/"+id))
	if err != nil {
		return
	}
	var b struct {
		Warnings []struct{ Code, Text string } `json:"warnings"`
	}
	if json.Unmarshal(body, &b) != nil {
		return
	}
	for _, w := range b.Warnings {
		all[w.Code] = w.Text
	}
}

// encoded returns the usual source with other options.
func encoded(options ...string) func(*testing.T) string {
	return func(t *testing.T) string { t.Helper(); return sources.FLV(t, options...) }
}

// layout returns a picture with a tone in each channel of that layout.
func layout(name string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(sources.Dir, "layout-"+name+".flv")
		harness.Run(t, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
			"-f", "lavfi", "-i", "sine=r=48000,aformat=channel_layouts="+name, "-t", "20",
			"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "60", "-c:a", "aac", path)
		return path
	}
}

// lowFrameRate returns video without audio at a low frame rate, with only key frames.
func lowFrameRate(rate, seconds string) func(*testing.T) string {
	return encoded("-an", "-r", rate, "-g", "1", "-keyint_min", "1", "-t", seconds)
}

// lowFrameRateWithAudio returns the same with audio.
func lowFrameRateWithAudio(rate, seconds string) func(*testing.T) string {
	return encoded("-r", rate, "-g", "1", "-keyint_min", "1", "-t", seconds)
}

// highFrameRate returns video at a high frame rate.
func highFrameRate(rate, seconds string) func(*testing.T) string {
	return encoded("-vf", "fps="+rate+",scale=320:180", "-g", "240", "-keyint_min", "240", "-t", seconds)
}

// withoutTags returns the usual source of some seconds, without one kind of tag for a while.
func withoutTags(kind byte, from, to, length uint32) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		tags := readFLV(t, sources.FLV(t, "-bf", "2", "-t", fmt.Sprint(length)))
		tags = slices.DeleteFunc(tags, func(g tag) bool {
			return g.kind == kind && g.time >= from*1000 && g.time < to*1000 && len(g.body) > 1 && g.body[1] == 1
		})
		return writeFLV(t, fmt.Sprintf("without-%d-%d-%d", kind, from, to), tags)
	}
}

// adtsInside puts an ADTS header before each AAC frame, and optionally removes the
// configuration.
func adtsInside(t *testing.T, name, file string, headerless bool) string {
	t.Helper()
	var tags []tag
	for _, g := range readFLV(t, file) {
		switch {
		case g.kind != tagAudio:
		case g.body[1] == 0 && headerless:
			continue
		case g.body[1] == 1:
			frame := g.body[2:]
			n := len(frame) + 7
			// AAC-LC, 48 kHz, two channels, no CRC.
			header := []byte{0xff, 0xf1, 1<<6 | 3<<2, 2<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc}
			g.body = slices.Concat(g.body[:2], header, frame)
		}
		tags = append(tags, g)
	}
	return writeFLV(t, name, tags)
}

// paired gives every second picture the timestamp of the previous one.
func paired(t *testing.T, name, file string) string {
	t.Helper()
	tags := readFLV(t, file)
	for i, g := range tags {
		if g.kind == tagVideo {
			tags[i].time = g.time / 66 * 66
		}
	}
	return writeFLV(t, name, tags)
}

// captioned puts a NAL unit of SEI with CEA-608 before the others of each picture.
func captioned(t *testing.T, name, file string) string {
	t.Helper()
	// user_data_registered_itu_t_t35: country 0xb5, provider 0x31, GA94, cc_data with one
	// pair of field 1, which is empty (0x80 0x80).
	payload := []byte{0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 3, 0x41, 0xff, 0xfc, 0x80, 0x80, 0xff}
	sei := slices.Concat([]byte{6, 4, byte(len(payload))}, payload, []byte{0x80})
	prefixed := slices.Concat([]byte{0, 0, 0, byte(len(sei))}, sei)
	tags := readFLV(t, file)
	for i, g := range tags {
		if g.kind == tagVideo && len(g.body) > 5 && g.body[1] == 1 {
			tags[i].body = slices.Concat(g.body[:5], prefixed, g.body[5:])
		}
	}
	return writeFLV(t, name, tags)
}
