//go:build e2e && field

package e2e

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"golive/e2e/harness"
)

// recordedTone records 2 s of the page's sound, and returns its frequency in Hz. Firefox does not
// tell how much sound it has decoded.
const recordedTone = `(async () => {
	const sound = document.querySelector('video').mozCaptureStream().getAudioTracks();
	const recorder = new MediaRecorder(new MediaStream(sound));
	const recorded = new Promise((done) => { recorder.ondataavailable = (event) => done(event.data); });
	recorder.start();
	setTimeout(() => recorder.stop(), 2000);
	const file = await (await recorded).arrayBuffer();
	const samples = (await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(file)).getChannelData(0);
	const rising = samples.filter((s, i) => s >= 0 && samples[i - 1] < 0).length;
	return rising / samples.length * 48000;
})()`

// mustPlay plays a page for a while, which must show a picture and play the tone of the sources. How
// smoothly it plays is checked in a strict run only.
func mustPlay(t *testing.T, p *harness.Page, when string, d time.Duration) {
	t.Helper()
	p.WaitForPicture(20 * time.Second)
	p.Mark()
	p.MustPlay(d)
	m := p.Meter()
	t.Logf("%s: %v; hls.latency is %.2f s", when, m, harness.Evaluate[float64](p, "hls.latency"))
	if harness.Strict() && m.Longest > 0.5 {
		t.Errorf("%s the picture stalled for %.1f s", when, m.Longest)
	}
	// Interruptions, and noise in them, change the number.
	if tone := harness.Evaluate[float64](p, recordedTone); tone < 220 || tone > 880 {
		t.Errorf("%s a tone of %.0f Hz is heard, want about 440", when, tone)
	}
	if lines := p.FatalErrors(); len(lines) > 0 {
		t.Errorf("%s hls.js reports %q", when, lines)
	}
	if !p.Playback().Same {
		t.Errorf("%s the page was reloaded", when)
	}
}

func TestFirefox_PlaysTheWatchPage(t *testing.T) {
	d := 8 * time.Second
	if harness.Strict() {
		d = time.Minute
	}
	s := harness.Start(t, harness.Options{})
	b := harness.OpenFirefox(t)
	source := sources.Plain(t)
	parent := t // the broadcast continues after the first subtest
	t.Run("from the first second", func(t *testing.T) {
		p := b.Open(t, s.WatchURL("show"))
		p.WaitUntil(10*time.Second, "document.querySelector('[data-title]').textContent === 'Not live yet'")
		harness.PublishLooped(parent, source, s.PublishURL("show"))
		mustPlay(t, p, "from the first second", d)
	})
	t.Run("from the middle", func(t *testing.T) {
		p := b.Open(t, s.WatchURL("show"))
		mustPlay(t, p, "from the middle", d)
		p.Screenshot("firefox-watch")
	})
}

// Firefox decodes all that is packaged, except MP3 in fMP4.
func TestFirefox_DecodesWhatIsPackaged(t *testing.T) {
	base := harness.ServePlayers(t)
	b := harness.OpenFirefox(t)
	for _, c := range []struct{ clip, list string }{
		{"HEVC and AAC", "index.m3u8"},
		{"HEVC and AAC", "ts.m3u8"},
		{"HEVC and Opus", "index.m3u8"},
		{"AV1 and AAC", "index.m3u8"},
		{"AV1 and Opus", "index.m3u8"},
		{"H.264 and Opus", "index.m3u8"},
		{"H.264 and MP3", "ts.m3u8"},
		{"H.264 and AAC", "ts.m3u8"},
	} {
		t.Run(c.clip+" "+c.list, func(t *testing.T) {
			clip, ok := clips()[c.clip]
			if !ok {
				clip = harness.Clip{Video: harness.H264, Audio: harness.AAC}
			}
			clip.Seconds = 8
			s := harness.Start(t, harness.Options{})
			publishClip(t, s, sources.Enhanced(t, clip), "show")
			list := s.URL("/live/show/" + c.list)
			harness.Until(t, c.list, 15*time.Second, func() bool { // ts.m3u8 exists once the first segment is complete
				_, err := harness.Get(t.Context(), list)
				return err == nil
			})
			p := b.Open(t, base+"/play?player=hls.js&url="+url.QueryEscape(list))
			mustPlay(t, p, c.clip, 8*time.Second)
			p.Screenshot(fmt.Sprint("firefox ", c.clip, " ", c.list))
		})
	}
}
