//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"golive/e2e/harness"
)

// smallLadder is a ladder that every machine can encode.
const smallLadder = `transcode:
  max_cpu: 1
  ladder:
    - { name: 240p, height: 240, video_bitrate: 300k, audio_bitrate: 128k, preset: ultrafast }
    - { name: 160p, height: 160, video_bitrate: 150k, audio_bitrate: 64k, preset: ultrafast }
    - { name: audio, audio_only: true, audio_bitrate: 64k }
`

const qualityMenu = "document.querySelector('[data-quality] select')"

// choose chooses a quality in the menu.
func choose(p *harness.Page, name string) {
	harness.Evaluate[bool](p, fmt.Sprintf(`(() => {
		%[1]s.value = %[2]q;
		%[1]s.dispatchEvent(new Event('change'));
		return true;
	})()`, qualityMenu, name))
}

// chosen returns what the menu shows.
func chosen(p *harness.Page) string {
	return harness.Evaluate[string](p, qualityMenu+".selectedOptions[0]?.textContent ?? ''")
}

func TestLadder_ThePageSwitchesQualities(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: smallLadder})
	b := harness.OpenBrowser(t)
	p := b.Open(t, s.WatchURL("show"))
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.WaitUntil(20*time.Second, qualityMenu+".options.length === 5")
	t.Log(harness.Evaluate[[]string](p, "Array.from("+qualityMenu+".options, (o) => o.textContent)"))
	v := p.View()
	for _, name := range []string{"160p", "source", "240p", "160p", "source", "240p", ""} {
		p.Mark()
		began := time.Now()
		choose(p, name)
		if name != "" {
			height := map[string]int{"160p": 160, "240p": 240, "source": 360}[name]
			p.WaitFor("quality "+name, 20*time.Second, func(now harness.Playback) bool { return now.Height == height })
		}
		took := time.Since(began)
		p.WaitForPlay(10 * time.Second)
		t.Logf("%s: shown after %v: the menu says %q; %v", name, took.Round(time.Millisecond), chosen(p), p.Meter())
		p.Screenshot("quality-" + name)
	}
	t.Logf("%+v", harness.Summarise(v.Stop()))
	p.Mark()
	choose(p, "audio")
	p.WaitFor("no picture", 20*time.Second, func(now harness.Playback) bool { return now.Width == 0 && now.Time > 0 })
	p.WaitForPlay(10 * time.Second)
	t.Logf("the menu says %q; %v", chosen(p), p.Meter())
	p.Screenshot("quality-audio")
	choose(p, "240p")
	p.WaitFor("a picture", 20*time.Second, func(now harness.Playback) bool { return now.Height == 240 })
	p.WaitForPlay(10 * time.Second)
	t.Log(harness.Evaluate[[]string](p, "window.hlsLog.filter((l) => /ERROR|warn/.test(l))"))
}
