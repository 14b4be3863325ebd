//go:build e2e && field

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// pageBits are the bits of the clock in the picture, in milliseconds: 17 minutes.
const pageBits = 20

// flashingCamera makes the camera of a page show white pictures, once a second, each with a tone on the
// left, and at the top the time in milliseconds, as the numbers in numberedPictures.
var flashingCamera = fmt.Sprintf(`(() => {
	navigator.mediaDevices.getUserMedia = async () => {
		const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 360});
		const draw = canvas.getContext('2d', {alpha: false});
		%[3]s
		let white = false;
		setInterval(() => {
			const now = Date.now(), on = now %% 1000 < 150;
			if (on !== white) tone(on);
			white = on;
			draw.fillStyle = on ? '#fff' : '#000';
			draw.fillRect(0, 0, 640, 360);
			for (let bit = 0; bit < %[1]d; bit += 1) {
				draw.fillStyle = Math.floor(now / 2 ** bit) %% 2 ? '#fff' : '#000';
				draw.fillRect(bit * %[2]d, 0, %[2]d, %[2]d);
			}
		}, 1000 / 30);
		return new MediaStream([...canvas.captureStream(30).getTracks(), ...out.stream.getTracks()]);
	};
	return true;
})()`, pageBits, clockSize, toneSource)

// Viewers see a broadcast from a page with little delay, and its sound and picture are still in sync
// after five minutes.
func TestLatency_OfABroadcastFromAPageAndItsSound(t *testing.T) {
	const length, judged = 5*time.Minute + 20*time.Second, 5 * time.Minute
	const most, apart = 1200 * time.Millisecond, 40 // in ms
	s := harness.Start(t, harness.Options{})
	p := harness.OpenBrowser(t).Open(t, s.URL("/golive"))
	harness.Evaluate[bool](p, flashingCamera)
	p.WaitUntil(20*time.Second, "document.querySelector('[data-source=camera]')")
	p.Do(chromedp.Click("[data-source=camera]"))
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-start]').disabled && document.querySelector('[data-preview]').readyState >= 3")
	p.Do(chromedp.Click("[data-start]"))
	p.WaitUntil(30*time.Second, "document.querySelector('[data-screen]').dataset.state === 'live'")
	id := harness.Evaluate[string](p, "document.querySelector('[data-link]').textContent.split('/').at(-1)")
	stream := harness.Follow(t, s.PlaylistURL(id), hlscheck.Options{})
	viewer := harness.OpenBrowser(t).Open(t, s.WatchURL(id)) // a tab in the background does not show its pictures
	viewer.WaitForPicture(20 * time.Second)

	var latencies []time.Duration
	for began := time.Now(); time.Since(began) < length; {
		seen := harness.Evaluate[clockReading](viewer, fmt.Sprintf(readClock, pageBits, clockSize))
		shown := time.UnixMicro(int64(seen.At * 1000))
		behind := (shown.UnixMilli() - int64(seen.N)) & (1<<pageBits - 1)
		latencies = append(latencies, time.Duration(behind)*time.Millisecond)
		harness.Pause(t.Context(), 250*time.Millisecond)
	}
	p.Do(chromedp.Click("[data-stop]"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-ask]').open")
	p.Do(chromedp.Click("[data-ask-yes]"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-screen]').dataset.state === 'ended'")
	latest := slices.Clone(latencies[len(latencies)/2:]) // at first it catches up
	slices.Sort(latest)
	slices.Sort(latencies)
	median := latest[len(latest)/2]
	t.Logf("%d pictures: drawn to shown %v at the median of the second half, %v to %v in all", len(latencies), median, latencies[0], latencies[len(latencies)-1])
	if median > most {
		t.Errorf("the latency is %v, want at most %v", median, most)
	}
	checkFlashes(t, stream, judged.Seconds(), apart)
}
