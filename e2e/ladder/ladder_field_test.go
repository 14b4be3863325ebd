//go:build e2e && field

package ladder

import (
	"fmt"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// heights are the renditions with video of smallLadder and sources.Plain.
func heights() map[string]int { return map[string]int{"source": 360, "240p": 240, "160p": 160} }

// startLadder starts golive with a configuration that makes three rungs of each broadcast, and
// publishes sources.Plain as show until all renditions are listed.
func startLadder(t *testing.T, config string) *harness.Server {
	t.Helper()
	s := harness.Start(t, harness.Options{Config: config})
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	s.WaitForState("show", "live", 10*time.Second)
	waitForRungs(t, s, "show", 4)
	// Each has a complete segment. Shaka Player (5.2.12) cannot switch to a rendition that has only parts.
	waitForVariants(t, s.URL("/live/show/ts.m3u8"), 4)
	// What the rungs missed at the beginning is more than three segments old. video.js (8.24) requests gaps, and
	// then excludes the rung for five minutes.
	harness.Pause(t.Context(), 8*time.Second)
	return s
}

// pin makes a player of players/page.html play one rendition.
func pin(p *harness.Page, name string) {
	harness.Evaluate[bool](p, fmt.Sprintf("(view.pin(%q, %d), true)", name, heights()[name]))
}

// Players that play a rung continue with the source when there are no more rungs.
func TestLadder_PlayersContinueWithoutTheirRung(t *testing.T) {
	base := harness.ServePlayers(t)
	for _, list := range []string{"index.m3u8", "ts.m3u8"} {
		for _, player := range []string{"hls.js", "shaka", "video.js"} {
			t.Run(player+" "+list, func(t *testing.T) {
				config, broken := breakableFFmpeg(t)
				s := startLadder(t, config)
				p := harness.OpenBrowser(t).Open(t, base+"/play?player="+player+"&url="+url.QueryEscape(s.URL("/live/show/"+list)))
				p.WaitUntil(20*time.Second, "globalThis.look && look().at > 1 && look().pictures > 0 && view.pin")
				pin(p, "160p")
				p.WaitUntil(40*time.Second, "look().height === 160")
				harness.Evaluate[bool](p, "(view.choose(), true)")
				harness.Pause(t.Context(), 4*time.Second)
				before := harness.Evaluate[harness.PlayerState](p, "look()")
				setFlagFile(t, broken, true)
				killTranscoder(t, s)
				waitForRungs(t, s, "show", 1)
				t.Log("no rungs")
				began := time.Now()
				p.WaitUntil(15*time.Second, "look().height === 360")
				took := time.Since(began)
				harness.Pause(t.Context(), 8*time.Second)
				after := harness.Evaluate[harness.PlayerState](p, "look()")
				t.Logf("source after %v: before %+v, then %+v", took, before, after)
				if len(after.Errors) > 0 || after.Failed != "" || after.At < before.At+6 {
					t.Errorf("it does not go on")
				}
			})
		}
	}
}

// Players are made to play every rung, back and forth. Shaka Player (5.2.12) shows all pictures with segments;
// with parts it may load the segment that is played over it, after which Chromium waits for the next key frame.
// video.js (8.24) loads again what it has buffered, for every choice.
func TestLadder_PlayersSwitch(t *testing.T) {
	base := harness.ServePlayers(t)
	for _, c := range []struct {
		player, file string
		most         time.Duration // until a rung is shown
	}{
		{"shaka", "index.m3u8", 10 * time.Second},
		{"video.js", "index.m3u8", 10 * time.Second},
		{"shaka", "ts.m3u8", 20 * time.Second},
		{"video.js", "ts.m3u8", 20 * time.Second},
	} {
		t.Run(c.player+" "+c.file, func(t *testing.T) {
			s := startLadder(t, smallLadder)
			p := harness.OpenBrowser(t).Open(t, base+"/play?player="+c.player+"&url="+url.QueryEscape(s.URL("/live/show/"+c.file)))
			p.WaitUntil(20*time.Second, "globalThis.look && look().at > 1 && look().pictures > 0 && view.pin")
			began := harness.Evaluate[harness.PlayerState](p, "look()")
			for _, name := range []string{"160p", "source", "240p", "160p", "240p", "source"} {
				pin(p, name)
				t.Logf("to %s: %+v", name, harness.Evaluate[harness.PlayerState](p, "look()"))
				p.WaitUntil(c.most, fmt.Sprintf("look().height === %d", heights()[name]))
				at := harness.Evaluate[harness.PlayerState](p, "look()").At
				p.WaitUntil(20*time.Second, fmt.Sprintf("look().at > %f", at+1))
			}
			l := harness.Evaluate[harness.PlayerState](p, "look()")
			t.Logf("%+v", l)
			if len(l.Errors) > 0 || l.Failed != "" || harness.Strict() && l.Longest > max(1, began.Longest) {
				t.Errorf("it fails: %+v", l)
			}
			rate := float64(l.Pictures-began.Pictures) / (l.At - began.At)
			t.Logf("%.1f pictures in a second of the media", rate)
			if harness.Strict() && c.player == "shaka" && c.file == "ts.m3u8" && rate < 27 {
				t.Errorf("%.1f pictures were shown of each second, want 30", rate)
			}
		})
	}
}

// ffmpeg is killed and stopped ten times in all. The source is not affected, and the rungs return.
func TestLadder_RungsReturnWhenFFmpegFails(t *testing.T) {
	s := startLadder(t, smallLadder)
	source := harness.Follow(t, s.MediaURL("show"), hlscheck.Options{LowLatency: true, Discard: true})
	rung := harness.Follow(t, s.URL("/live/show/240p/index.m3u8"), hlscheck.Options{LowLatency: true, Discard: true})
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitUntil(20*time.Second, qualityMenu+".options.length === 5")
	choose(p, "240p")
	waitForQuality(p, "240p", 240)
	v := p.View()
	for i := range 10 {
		before := transcoderPID(s)
		sig := []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP}[i%2]
		if err := syscall.Kill(before, sig); err != nil {
			t.Fatalf("no ffmpeg: %v", err)
		}
		began := time.Now()
		harness.Until(t, "ffmpeg is running again", 20*time.Second, func() bool { now := transcoderPID(s); return now != 0 && now != before })
		restarted := time.Since(began)
		// A part that is not a gap is listed when access units arrive again.
		list := s.URL("/live/show/240p/index.m3u8")
		seen := newestPart(t, list)
		harness.Until(t, "the rung is back", 20*time.Second, func() bool { return newestPart(t, list) > seen+1 })
		t.Logf("%v: another ffmpeg after %v, media after %v", sig, restarted.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
		// An ffmpeg that fails soon after its start is started again with increasing delays.
		harness.Pause(t.Context(), 11*time.Second)
	}
	waitForRungs(t, s, "show", 4)
	waitForQuality(p, "240p", 240)
	report := harness.Summarise(v.Stop())
	t.Logf("the viewer: %+v", report)
	if report.Reloads > 0 || len(report.Faults) > 0 {
		t.Errorf("the viewer: %+v", report)
	}
	for name, f := range map[string]*harness.Follower{"source": source, "240p": rung} {
		r := f.Stop()
		gaps := 0
		for _, part := range r.Renditions[0].Parts {
			if part.Gap {
				gaps++
			}
		}
		t.Logf("%s: %d segments, %d of %d parts are gaps", name, len(r.Renditions[0].Segments), gaps, len(r.Renditions[0].Parts))
		if name == "source" && gaps > 0 {
			t.Errorf("the source has %d gaps", gaps)
		}
		for _, violation := range r.Violations {
			// Nothing is listed of a rung while there is no ffmpeg.
			if !harness.Late(violation) && (name == "source" || violation.Rule != 12) {
				t.Errorf("%s: %v", name, violation)
			}
		}
	}
}

// newestPart returns a number that grows with each part of a playlist that is not a gap: 1000 times its
// MSN, plus its index.
func newestPart(t *testing.T, url string) int64 {
	t.Helper()
	text, err := harness.Get(t.Context(), url)
	if err != nil {
		return 0
	}
	m, _ := hlscheck.ParseMedia(url, text)
	var newest int64
	for _, s := range m.Segments {
		if !s.Gap {
			newest = s.MSN * 1000
		}
	}
	for i, part := range m.Parts {
		if !part.Gap {
			newest = (m.MediaSequence+int64(len(m.Segments)))*1000 + int64(i)
		}
	}
	return newest
}

func TestLadder_LeavesNoEncoderWhenGoliveIsKilled(t *testing.T) {
	s := startLadder(t, smallLadder)
	pid := transcoderPID(s)
	if pid == 0 {
		t.Fatal("there is no ffmpeg")
	}
	s.Kill()
	harness.Until(t, "ffmpeg is gone", 2*time.Second, func() bool { return syscall.Kill(pid, 0) != nil })
}

// Qualities can be chosen before the live end and in the replay too.
func TestLadder_ThePageSwitchesQualitiesOfOlderMedia(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: smallLadder + "playlist: { window: 60s }\n"})
	encoder := harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	s.WaitForState("show", "live", 10*time.Second)
	b := harness.OpenBrowser(t)
	p := b.Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.WaitUntil(60*time.Second, "Number(document.querySelector('[data-seek-input]').min) < -35")
	p.ClickAt(harness.SeekBar, 0.4)
	p.WaitUntil(20*time.Second, "document.querySelector('[data-golive-text]').textContent === 'Go to live'")
	p.WaitForPlay(20 * time.Second)
	qualities := []quality{{"160p", "160p", 160}, {"source", "Source · 360p", 360}, {"240p", "240p", 240}}
	mustSwitch(t, p, "rewound", qualities)
	p.Screenshot("quality-rewound")
	p.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)))
	p.Do(chromedp.Focus("[data-quality] select"))
	p.Screenshot("quality-rewound-phone")
	// All controls in the row are on the screen.
	for _, width := range []int64{390, 320} {
		p.Do(chromedp.EmulateViewport(width, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
		p.WaitUntil(5*time.Second, "innerWidth === "+fmt.Sprint(width))
		if over := harness.Evaluate[[]string](p, `Array.from(document.querySelectorAll('.controls-row > *'))
			.filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML)`); len(over) > 0 {
			t.Errorf("%d pixels wide: not on the screen: %q", width, over)
		}
	}

	encoder.Quit()
	s.WaitForState("show", "ended", 20*time.Second)
	p = b.Open(t, s.WatchURL("show")+"?replay")
	p.WaitForPicture(30 * time.Second)
	mustSwitch(t, p, "replay", qualities)
	p.Screenshot("quality-replay")
}
