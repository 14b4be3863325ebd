//go:build e2e && field

package e2e

import (
	"testing"
	"time"

	"golive/e2e/harness"
)

func TestFirefoxTry(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	b := harness.OpenFirefox(t)
	p := b.Open(t, s.WatchURL("show"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-title]').textContent === 'Not live yet'")
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.MustPlay(12 * time.Second)
	p.Screenshot("firefox-live")
	t.Logf("%v %v", p.Meter(), harness.Evaluate[float64](p, "hls.latency"))
	t.Log(harness.Evaluate[map[string]bool](p, `Object.fromEntries(['video/mp4;codecs="hvc1.1.6.L63.90,mp4a.40.2"','video/mp4;codecs="hvc1.1.6.L93.B0"','video/mp4;codecs="av01.0.01M.08,opus"','video/mp4;codecs="av01.0.01M.08,mp4a.40.2"','audio/mp4;codecs="Opus"','audio/mp4;codecs="opus"','video/mp4;codecs="avc1.64001e,mp4a.40.2"','video/mp4;codecs="avc1.64001e,mp4a.40.34"','audio/mpeg', 'video/mp4;codecs="hev1.1.6.L93.B0"'].map((c) => [c, MediaSource.isTypeSupported(c)]))`))
	t.Log(harness.Evaluate[map[string]any](p, `(() => { const v = document.querySelector('video'); return {has: v.mozHasAudio, cap: typeof v.mozCaptureStream, cap2: typeof v.captureStream, dbg: typeof v.mozRequestDebugInfo, muted: v.muted, volume: v.volume}; })()`))
	t.Log(harness.Evaluate[map[string]any](p, `(async () => { const v = document.querySelector('video'); const c = new AudioContext(); const a = c.createAnalyser(); a.fftSize = 8192; const st = v.mozCaptureStream(); c.createMediaStreamSource(st).connect(a); await Promise.race([c.resume(), new Promise((d) => setTimeout(d, 3000))]); await new Promise((d) => setTimeout(d, 2000)); const f = new Float32Array(a.frequencyBinCount); a.getFloatFrequencyData(f); let best = 0; for (let i = 0; i < f.length; i++) if (f[i] > f[best]) best = i; return {state: c.state, tracks: st.getAudioTracks().length, hz: best * c.sampleRate / 8192, db: String(f[best]), t: c.currentTime}; })()`))
}
