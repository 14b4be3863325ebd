package transcode

import "time"

// sample is the load of the node in a window of time.
type sample struct {
	// cpu is the time that ffmpeg used, as a share of what it may use.
	cpu float64
	// lag is the longest time that a rung is behind its source.
	lag time.Duration
}

// decision is what follows from the load.
type decision uint8

const (
	keep decision = iota
	shed
	restore
)

const (
	maxLoad     = 1.0
	restoreLoad = 0.8

	agreeing = 2 // windows

	minHold = 5 * time.Second
	maxHold = time.Minute
)

// overload decides when rungs are shed and when they come back. Two windows that agree shed
// one. One comes back when the load was low for a time, which doubles each time that a rung had
// to be shed soon after one came back.
type overload struct {
	maxLag   time.Duration
	over     int // windows of overload in sequence
	calm     time.Duration
	hold     time.Duration // 0 stands for minHold
	restored time.Duration // since a rung came back; 0 if none did
}

// step takes the load in a window, and returns the decision. missing is set if there are rungs
// that may come back.
func (o *overload) step(s sample, missing bool) decision {
	o.hold = max(o.hold, minHold)
	if o.restored > 0 {
		o.restored += window
	}
	if s.cpu > maxLoad || s.lag > o.maxLag {
		o.calm = 0
		o.over++
		if o.over < agreeing {
			return keep
		}
		o.over = 0
		if o.restored > 0 && o.restored < 2*o.hold {
			o.hold = min(2*o.hold, maxHold)
		}
		o.restored = 0
		return shed
	}
	o.over = 0
	if s.cpu >= restoreLoad || s.lag > o.maxLag/2 {
		o.calm = 0
		return keep
	}
	o.calm += window
	if o.restored > 2*o.hold {
		o.hold, o.restored = minHold, 0 // it was right
	}
	if !missing || o.calm < o.hold {
		return keep
	}
	o.calm = 0
	o.restored = max(o.restored, 1)
	return restore
}
