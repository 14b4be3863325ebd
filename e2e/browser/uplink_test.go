//go:build e2e

package browser

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"golive/e2e/harness"
)

// busyCamera makes the camera show coarse noise, which needs all of the bit rate that there is, and no more.
const busyCamera = `(() => {
	const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
	navigator.mediaDevices.getUserMedia = async (wanted) => {
		const canvas = Object.assign(document.createElement('canvas'), {width: 1280, height: 720});
		const context = canvas.getContext('2d', {alpha: false});
		const noise = Object.assign(document.createElement('canvas'), {width: 32, height: 18});
		const small = noise.getContext('2d');
		const pixels = small.createImageData(32, 18);
		setInterval(() => {
			for (let i = 0; i < pixels.data.length; i++) pixels.data[i] = Math.random() * 256;
			small.putImageData(pixels, 0, 0);
			context.drawImage(noise, 0, 0, 1280, 720);
		}, 33);
		const sound = await real({audio: true});
		return new MediaStream([...canvas.captureStream(30).getVideoTracks(), ...sound.getAudioTracks()]);
	};
	return true;
})()`

// uplinkRate is a slow upload, in bytes a second.
const uplinkRate = 600_000 / 8

// On a slow upload the quality is lowered, within four seconds from the throttling to what the screen
// shows, and the delay stays bounded; afterwards both come back. The page says so.
func TestUplink_ThatIsSlowLowersTheQuality(t *testing.T) {
	parallel(t)
	slow := 4 * time.Second
	if harness.Strict() {
		slow = 30 * time.Second
	}
	s := harness.Start(t, harness.Options{})
	uplink := harness.StartProxy(t, s.HTTP)
	p := &screen{Page: harness.OpenBrowser(t).Open(t, "http://"+uplink.Address+"/golive")}
	harness.Evaluate[bool](p.Page, watchStates)
	harness.Evaluate[bool](p.Page, busyCamera)
	p.choose("camera")
	p.goLive()
	harness.Pause(t.Context(), 2*time.Second)
	sent := uplink.Bytes()
	const before = 4
	harness.Pause(t.Context(), before*time.Second)
	sent = uplink.Bytes() - sent

	uplink.Throttle(uplinkRate, 0)
	began := time.Now()
	p.WaitUntil(10*time.Second, "/Your upload is slow: \\d+p now/.test(document.querySelector('[data-issues]').innerText)")
	t.Logf("with %.1f Mbit/s before, the page says %q after %.1f s", float64(sent)*8/before/1e6, p.Text("[data-issues] li b"), time.Since(began).Seconds())
	p.WaitUntil(10*time.Second, rateOf+" < 600")
	lowered := time.Since(began)
	var worst, last float64
	for time.Since(began) < slow {
		last = p.delay()
		worst = max(worst, last)
		harness.Pause(t.Context(), 500*time.Millisecond)
	}
	t.Logf("less than 600 kbit/s after %.1f s; the delay was %.1f s at most, and %.1f s after %v, with %.0f kbit/s",
		lowered.Seconds(), worst, last, slow, p.rate()/1000)
	if harness.Strict() && (lowered > 4*time.Second || worst > 4 || last > 1.5) {
		t.Error("the quality is not lowered soon enough")
	}

	uplink.Resume()
	if recovered := time.Now(); harness.Strict() { // a busy machine is like a slow upload
		p.WaitUntil(30*time.Second, "/Your upload has recovered/.test(document.querySelector('[data-issues]').innerText)")
		t.Logf("the page says %q after %.1f s; the delay is %.1f s", p.Text("[data-issues] li b"), time.Since(recovered).Seconds(), p.delay())
	}
	if got := p.states(); got[len(got)-1] != "live" {
		t.Errorf("the screen showed %q", got)
	}
	p.end()
	p.mustBeOneBroadcast(t, s)
}

// rateOf is the bit rate that the screen shows, in kbit/s.
const rateOf = `(([, n, unit]) => n * (unit === 'M' ? 1000 : 1))(document.querySelector('[data-number=bitrate]').innerText.match(/([\d.]+) ?([kM])/) ?? [0, NaN, 'k'])`

// rate returns what the encoder is set to, in bits a second, as the screen shows it.
func (p *screen) rate() float64 { return 1000 * harness.Evaluate[float64](p.Page, rateOf) }

var number = regexp.MustCompile(`[\d.]+`)

// delay returns the delay of the upload that the screen shows, in seconds.
func (p *screen) delay() float64 {
	n, _ := strconv.ParseFloat(number.FindString(p.Text("[data-number=delay]")), 64) // 0 before it is known
	return n
}
