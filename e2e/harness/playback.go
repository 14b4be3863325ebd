package harness

import (
	"fmt"
	"time"
)

// SeekBar is the selector of the page's seek bar.
const SeekBar = "[data-seek]"

// Playback is the state of a page's video element.
type Playback struct {
	// Same is false if the page was reloaded.
	Same    bool    `json:"same"`
	Time    float64 `json:"time"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Frames  int     `json:"frames"`
	Dropped int     `json:"dropped"`
	Audio   int     `json:"audio"` // bytes decoded
	// Waits is the number of "waiting" events since MustPlay began.
	Waits int    `json:"waits"`
	State string `json:"state"` // the state that the page shows
	Fault string `json:"fault"` // the element's error
}

const playbackScript = `(() => {
	const v = document.querySelector('video');
	const q = v.getVideoPlaybackQuality();
	return {same: window.sameDocument === true, time: v.currentTime, width: v.videoWidth, height: v.videoHeight,
		frames: q.totalVideoFrames, dropped: q.droppedVideoFrames, audio: v.webkitAudioDecodedByteCount ?? 0, waits: window.waits ?? 0,
		state: document.querySelector('[data-player]')?.dataset.state ?? '', fault: v.error?.message ?? ''};
})()`

func (p *Page) playback() (Playback, error) { return evaluate[Playback](p, playbackScript) }

// Playback returns the current state of the page's video.
func (p *Page) Playback() Playback {
	p.tb.Helper()
	now, err := p.playback()
	if err != nil {
		p.tb.Fatal(err)
	}
	return now
}

// WaitFor waits until wanted returns true for the state of the video.
func (p *Page) WaitFor(what string, limit time.Duration, wanted func(Playback) bool) Playback {
	p.tb.Helper()
	var now Playback
	p.eventually(limit, func() (err error) {
		if now, err = p.playback(); err == nil && !wanted(now) {
			err = fmt.Errorf("no %s within %v: %+v", what, Timeout(limit), now)
		}
		return err
	})
	return now
}

// WaitForPlay waits until another second was played.
func (p *Page) WaitForPlay(limit time.Duration) Playback {
	p.tb.Helper()
	first := p.WaitFor("media", limit, func(now Playback) bool { return now.Time > 0 })
	return p.WaitFor("progress", limit, func(now Playback) bool { return now.Time > first.Time+1 })
}

// WaitForPicture waits until the page's video shows pictures.
func (p *Page) WaitForPicture(limit time.Duration) {
	p.tb.Helper()
	p.WaitFor("picture", limit, func(now Playback) bool { return now.Width > 0 })
	p.WaitForPlay(limit)
}

// MustPlay waits until d of the page's video was played, and fails if nothing is decoded or it
// takes too long. If Strict it also fails if the video stalls for a second, runs out of data,
// or falls behind real time.
func (p *Page) MustPlay(d time.Duration) {
	p.tb.Helper()
	const countWaits = `(() => {
		window.waits = 0;
		document.querySelector('video').addEventListener('waiting', () => { window.waits += 1; });
		return true;
	})()`
	if _, err := evaluate[bool](p, countWaits); err != nil {
		p.tb.Fatal(err)
	}
	begin := time.Now()
	first := p.Playback()
	last, moved := first, begin
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for limit := Timeout(2*d + 10*time.Second); last.Time-first.Time < d.Seconds(); {
		<-tick.C
		now := p.Playback()
		if now.Time > last.Time {
			moved = time.Now()
		}
		if still := time.Since(moved); Strict() && still > time.Second || time.Since(begin) > limit {
			p.logFailure()
			p.tb.Fatalf("%.2f s were played in %v; the video stalled at %.2f s for %v", now.Time-first.Time,
				time.Since(begin).Round(time.Millisecond), now.Time, still.Round(time.Millisecond))
		}
		last = now
	}
	took := time.Since(begin).Seconds()
	p.tb.Logf("played %.2f s in %.2f s: %dx%d, %d frames, %d dropped, %d stalls", last.Time-first.Time, took,
		last.Width, last.Height, last.Frames-first.Frames, last.Dropped-first.Dropped, last.Waits)
	if Strict() && last.Waits > 0 {
		p.tb.Errorf("the video ran out of data %d times in %v", last.Waits, d)
	}
	if last.Width == 0 || last.Height == 0 {
		p.tb.Error("the video has no size")
	}
	if frames := float64(last.Frames - first.Frames); frames == 0 || Strict() && frames < 0.8*30*took {
		p.tb.Errorf("%.0f frames were decoded in %.1f s of a 30 Hz stream", frames, took)
	}
	if played := last.Time - first.Time; Strict() && played < 0.9*took {
		p.tb.Errorf("the picture played %.2f s in %.2f s", played, took)
	}
}
