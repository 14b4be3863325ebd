package whip

import (
	"time"

	"golive/media"
)

const (
	// soundWait is how long the first pictures wait for sound whose packets have begun: for ffmpeg to
	// start, which takes seconds on a busy machine.
	soundWait = 4 * time.Second
	// packetWait is how long they wait for the first packet of sound.
	packetWait = 1500 * time.Millisecond
)

// opening holds the first pictures until there is sound to begin with. Otherwise the broadcast would
// begin without sound, and have a discontinuity where it begins.
type opening struct {
	over  bool // nothing is held any more
	units []media.AccessUnit
	bytes int
}

// hold holds a picture and reports true, or reports false if it is to be written.
func (o *opening) hold(u media.AccessUnit, most int) bool {
	if o.over || o.bytes+len(u.Data) > most {
		return false
	}
	o.units, o.bytes = append(o.units, u), o.bytes+len(u.Data)
	return true
}

// open writes what is held, and ends the opening.
func (v *video) open() error {
	units := v.opening.units
	v.opening = opening{over: true}
	for _, u := range units {
		if err := v.session.Write(u); err != nil {
			return err
		}
	}
	return nil
}

// starting reports whether the first pictures wait for sound, that long after the session began.
func (t *tracks) starting(after time.Duration) bool {
	a := t.audio
	switch {
	case a.converter == nil || a.failing || a.aacTrack != nil:
		return false
	case a.clock.begun:
		return after-a.clock.base.Duration() < soundWait
	}
	return !t.video.clock.begun || after-t.video.clock.base.Duration() < packetWait
}
