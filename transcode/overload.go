package transcode

import "time"

// sample is the measured load of the node in a window of time.
type sample struct {
	// cpu is the processor time that ffmpeg used, as a share of what it may use.
	cpu float64
	// lag is the longest time by which a rung is behind its source.
	lag time.Duration
}

// decision is what to do about the load.
type decision uint8

const (
	keep decision = iota
	shed
	restore
)

const (
	maxLoad     = 1.0
	restoreLoad = 0.8

	windowsToShed = 2 // windows

	minHold = 5 * time.Second
	maxHold = time.Minute
)

// overload decides when rungs are shed and restored. A rung is shed after two consecutive windows
// of overload. One is restored when the load has been low for the time hold, which doubles each
// time that a rung must be shed soon after one was restored.
type overload struct {
	maxLag   time.Duration
	over     int // consecutive windows of overload
	lowFor   time.Duration
	hold     time.Duration // 0 stands for minHold
	restored time.Duration // since a rung was restored; 0 if none was
}

// step takes the load in a window, and returns the decision. missing reports whether there are
// rungs to restore.
func (o *overload) step(s sample, missing bool) decision {
	o.hold = max(o.hold, minHold)
	if o.restored > 0 {
		o.restored += window
	}
	if s.cpu > maxLoad || s.lag > o.maxLag {
		o.lowFor = 0
		o.over++
		if o.over < windowsToShed {
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
		o.lowFor = 0
		return keep
	}
	o.lowFor += window
	if o.restored > 2*o.hold {
		o.hold, o.restored = minHold, 0 // the rung could be kept
	}
	if !missing || o.lowFor < o.hold {
		return keep
	}
	o.lowFor = 0
	o.restored = max(o.restored, 1)
	return restore
}
