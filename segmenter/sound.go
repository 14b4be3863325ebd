package segmenter

import (
	"slices"
	"time"

	"golive/codec/aac"
	"golive/media"
)

const (
	// soundPatience is how far the sound may be behind the pictures before silence
	// is put in its place. Encoders interleave far closer than that, and a low-latency
	// player is not much further from the end of the playlist.
	soundPatience = media.Second / 2
	// maxSoundPatience bounds what it can grow to for sound that is late all the time.
	maxSoundPatience = 3 * media.Second
	// noticeable is how long a track must have brought nothing before it is called
	// silent, and how long its sound must be back before it no longer is.
	noticeable = 2 * media.Second
)

// sound is where the sound beside pictures stands. A player that was told of a sound
// track waits for it, so time without sound is filled with silence (FIELD row 63): the
// tracks never change, and sound that comes and goes needs no discontinuity.
type sound struct {
	period  media.Ticks // of one access unit
	end     media.Ticks // where the newest unit ends, be it silence
	filled  media.Ticks // where the silence ends; sound before it comes too late
	filling bool        // the newest unit is silence
	// patience is soundPatience, or more when the sound is late all the time.
	patience media.Ticks

	real   media.Ticks // where the newest unit from the wire ends
	back   media.Ticks // when sound came back after silence
	silent bool        // it brought nothing for a noticeable time

	frame []byte // one frame of silence; nil when none is known
	// Silence is counted in samples from its beginning, so that it does not drift.
	began media.Ticks
	units int64
}

func newSound(t *media.Track, at media.Ticks) sound {
	if t == nil {
		return sound{}
	}
	return sound{
		period: periodOf(t), end: at, real: at, filled: at - media.Second, patience: soundPatience, frame: aac.Silence(t.Channels, t.ProgramConfig),
	}
}

// periodOf is how long one access unit of a sound track lasts.
func periodOf(t *media.Track) media.Ticks {
	return max(1, unitsAt(t, 1))
}

// unitsAt is how long n access units of a sound track last.
func unitsAt(t *media.Track, n int64) media.Ticks {
	return media.Ticks(n) * media.Ticks(t.SamplesPerUnit) * media.Second / media.Ticks(max(t.SampleRate, 1))
}

// take notes a unit of sound; false when silence has taken its place already.
func (v *sound) take(dts, picture media.Ticks) bool {
	if dts+v.period/2 < v.filled {
		// It is not missing, but late. If it stays so, silence must wait longer.
		v.filling = false
		v.patience = max(v.patience, min(picture-dts+soundPatience, maxSoundPatience))
		return false
	}
	if v.filling || dts-v.real > noticeable {
		v.back = dts
	}
	v.filling = false
	v.end = dts + v.period
	v.real = v.end
	if v.silent && v.end-v.back >= noticeable {
		v.silent = false
	}
	return true
}

// fillSound puts silence up to end where sound is missing beside pictures.
func (s *Segmenter) fillSound(end media.Ticks, arrived time.Time) {
	v := &s.sound
	if s.video == nil || s.audio == nil || !v.filling && end-v.end <= v.patience {
		return
	}
	if end-v.real >= noticeable {
		v.silent = true
	}
	if v.frame == nil {
		return
	}
	if !v.filling {
		v.filling, v.began, v.units = true, v.end, 0
	}
	for v.end+v.period <= end {
		s.units = append(s.units, media.AccessUnit{Track: s.audio, DTS: v.end, PTS: v.end, Key: true, Data: v.frame, Arrived: arrived})
		v.units++
		v.end = v.began + unitsAt(s.audio, v.units)
	}
	v.filled = v.end
	// The clock reference must not pass sound that is still to come.
	slices.SortStableFunc(s.units, func(a, b media.AccessUnit) int { return int(a.DTS - b.DTS) })
}

// skipTo notes that nothing at all came up to end: that time has no silence either.
func (v *sound) skipTo(end media.Ticks) {
	if v.end < end {
		v.end, v.filling = end, false
	}
}
