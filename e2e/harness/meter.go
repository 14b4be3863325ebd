package harness

import "fmt"

// meterScript makes window.meter, which watches the page's video. A picture stands still when
// the position has not changed for 100 ms.
const meterScript = `(() => {
	const m = window.meter = {at: 0, since: 0, begun: 0, first: 0, longest: 0, stills: 0, log: []};
	m.mark = () => { Object.assign(m, {begun: performance.now(), since: performance.now(), first: 0, longest: 0, stills: 0, log: []}); return true; };
	setInterval(() => {
		const v = document.querySelector('video');
		const now = performance.now();
		if (!v || v.currentTime === m.at || v.seeking) return;
		const still = now - m.since;
		if (!m.first) m.first = now - m.begun;
		else if (still > 100 && !v.ended) {
			m.stills += still;
			m.longest = Math.max(m.longest, still);
			if (still > 200) m.log.push((m.since - m.begun).toFixed(0) + '+' + still.toFixed(0) + '@' + m.at.toFixed(2) + '>' + v.currentTime.toFixed(2));
		}
		m.at = v.currentTime;
		m.since = now;
	}, 25);
	m.look = () => {
		const v = document.querySelector('video');
		const standing = m.first && !v.ended ? performance.now() - m.since : 0;
		const date = window.hls?.playingDate;
		return {first: m.first / 1000, longest: Math.max(m.longest, standing > 100 ? standing : 0) / 1000, stills: m.stills / 1000, log: m.log,
			latency: date ? (Date.now() - date) / 1000 : -1, paused: v.paused, at: v.currentTime, rate: v.playbackRate};
	};
})()`

// Meter is what a page's video did since the page was opened or Mark was called.
type Meter struct {
	First   float64 `json:"first"`   // seconds until it moved
	Longest float64 `json:"longest"` // seconds of the longest time that it stood still after that
	Stills  float64 `json:"stills"`  // seconds of all of them
	Latency float64 `json:"latency"` // seconds from the program date-time of the picture to now; -1 if not known
	At      float64 `json:"at"`
	Rate    float64 `json:"rate"`
	Paused  bool    `json:"paused"`
	// Log has the longer times: when in milliseconds, for how long, and the positions before and
	// after.
	Log []string `json:"log"`
}

func (m Meter) String() string {
	return fmt.Sprintf("moved after %.2f s, still for at most %.2f s and %.2f s in all, latency %.2f s, at %.2f x%.2f, paused %v %v",
		m.First, m.Longest, m.Stills, m.Latency, m.At, m.Rate, m.Paused, m.Log)
}

// Mark begins a new measurement.
func (p *Page) Mark() {
	p.tb.Helper()
	Evaluate[bool](p, "meter.mark()")
}

// Meter returns the measurement.
func (p *Page) Meter() Meter {
	p.tb.Helper()
	return Evaluate[Meter](p, "meter.look()")
}
