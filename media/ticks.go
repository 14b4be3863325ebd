package media

import "time"

// Ticks is a point in time or a duration on the 90 kHz clock of ISO 13818-1
// section 2.4.2. It has 64 bits and never wraps inside the program: the 32 bits of RTMP
// are unwrapped when they are read, and the 33 bits of MPEG-TS are wrapped when they are
// written.
type Ticks int64

// Second is the number of ticks in one second.
const Second Ticks = 90_000

// Millisecond is the number of ticks in one millisecond.
const Millisecond Ticks = Second / 1000

// TicksFromMillis converts milliseconds, the unit of RTMP, to ticks. The
// conversion is exact.
func TicksFromMillis(ms int64) Ticks { return Ticks(ms) * Millisecond }

// TicksFromDuration converts d to ticks, rounded to the nearest.
func TicksFromDuration(d time.Duration) Ticks {
	s, rest := d/time.Second, d%time.Second
	half := time.Second / 2
	if rest < 0 {
		half = -half
	}
	return Ticks(s)*Second + Ticks((rest*time.Duration(Second)+half)/time.Second)
}

// Duration converts t to a time.Duration, truncated to the nanosecond.
func (t Ticks) Duration() time.Duration {
	return time.Duration(t/Second)*time.Second + time.Duration(t%Second)*time.Second/time.Duration(Second)
}

// Seconds returns t in seconds.
func (t Ticks) Seconds() float64 { return float64(t) / float64(Second) }
