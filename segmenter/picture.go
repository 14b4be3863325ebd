package segmenter

import (
	"time"

	"golive/media"
)

const (
	// repeatEvery is the time from a picture to its repetition.
	repeatEvery = media.Second / 2
	// picturePatience is how long sound goes on alone after a picture that is no key
	// frame, before the video counts as stopped and its last key frame is shown.
	// Pictures that depend on each other may be a second apart.
	picturePatience = soundLead
	// maxPicturePatience bounds what it can grow to for pictures that are far apart.
	maxPicturePatience = 30 * media.Second
	// slowPicture is the time between pictures from which on they do not set the pace.
	slowPicture = media.Second / 2
	// wireLate is how late pictures may be on the wire without being late for the
	// repetition of the one before.
	wireLate = 300 * media.Millisecond
)

// picture is where the video stands. A player cannot go on without pictures, so where
// none come the last key frame is repeated (FIELD rows 61 and 64). A repeated IDR
// picture leaves a decoder as the first one did: when no other picture came in
// between, those that follow can be decoded.
type picture struct {
	key    media.AccessUnit // the newest IDR picture; its Track is nil when there is none
	newest media.Ticks      // DTS of the newest picture, be it a repetition
	real   media.Ticks      // DTS of the newest one from the wire
	wire   media.Ticks      // how far the sound has come
	// dropped is the DTS of the newest one that could not be decoded.
	dropped media.Ticks
	// intact says that key is the newest picture from the wire.
	intact   bool
	repeated bool // since the newest one from the wire
	// lost says that key was repeated after pictures that depend on each other:
	// nothing can be decoded before the next key frame.
	lost     bool
	silent   bool // no picture came for a noticeable time
	patience media.Ticks
}

// take notes a picture from the wire, and moves it behind what was shown already, in
// the parts before start too; false when it cannot be decoded.
func (p *picture) take(u *media.AccessUnit, start media.Ticks) bool {
	if p.lost && !u.Key {
		if gap := u.DTS - p.dropped; p.dropped > p.real && gap > picturePatience {
			p.patience = min(gap*3/2, maxPicturePatience) // slow pictures, not missing ones
		}
		p.dropped = u.DTS
		return false
	}
	if p.repeated {
		u.DTS = max(u.DTS, p.newest+1, start)
		u.PTS = max(u.PTS, u.DTS)
	} else if p.key.Track != nil && u.DTS <= p.newest {
		u.DTS = p.newest + 1
		u.PTS = max(u.PTS, u.DTS)
	}
	p.real, p.newest = u.DTS, u.DTS
	p.intact, p.repeated, p.lost, p.silent = u.Key, false, false, false
	if u.Key {
		p.key.Track = nil
		if isIDR(u) {
			p.key = *u
		}
	}
	return true
}

// slow says whether pictures are known to be too far apart to set the pace of parts,
// or there is but one.
func (s *Segmenter) slow() bool {
	return s.video != nil && (s.rate.frame() > slowPicture || s.rate.alone())
}

// mayRepeat says whether the last key frame can be shown again.
func (s *Segmenter) mayRepeat() bool {
	p := &s.picture
	if s.video == nil || p.key.Track != s.video {
		return false
	}
	return p.intact || p.lost || p.wire-p.real >= max(p.patience, picturePatience)
}

// repeat shows the last key frame again at dts, before the units that are there.
func (s *Segmenter) repeat(dts media.Ticks) {
	p := &s.picture
	u := p.key
	u.PTS += dts - u.DTS
	u.DTS = dts
	p.newest = dts
	p.repeated, p.lost = true, !p.intact
	if n := len(s.units); n > 0 {
		u.Arrived = s.units[n-1].Arrived
	}
	s.append(u)
	n := len(s.units) - 1
	copy(s.units[1:], s.units[:n])
	s.units[0] = u
}

// holdPicture repeats the last key frame in the part that ends now, if it is time.
func (s *Segmenter) holdPicture() {
	p := &s.picture
	if s.video != nil && p.wire-p.real >= max(noticeable, 3*s.rate.frame()) && !s.rate.alone() {
		p.silent = true
	}
	if s.start+s.partTarget()-p.newest > repeatEvery && s.start > p.newest && s.mayRepeat() {
		s.repeat(s.start)
	}
}

// holdUntil repeats the last key frame up to dts, where the next picture is, if they
// are known to be far apart.
func (s *Segmenter) holdUntil(dts media.Ticks) {
	if !s.picture.repeated && !s.slow() || !s.mayRepeat() {
		return
	}
	for target := s.partTarget(); dts-s.start > target; {
		s.passPart(s.start + target)
	}
	if len(s.units) == 0 && dts-s.start > jitter && s.start > s.picture.newest {
		s.repeat(s.start) // or the rest would be a gap
	}
}

// Advance tells the time when nothing came from the wire for a while. Pictures that
// are known to be far apart, without sound, are held until the next one: then it
// returns true.
func (s *Segmenter) Advance(now time.Time) (slow bool) {
	if g := &s.gather; g.on {
		if g.video == nil {
			return false
		}
		// More may be on its way: a slow uplink gets twice the time.
		s.releaseWhenReady(media.TicksFromDuration(now.Sub(g.arrived)) / 2)
		return true
	}
	p := &s.picture
	if !s.open || s.audio != nil && !s.sound.silent || !p.intact || !s.slow() || !s.mayRepeat() {
		return false
	}
	at := p.real + media.TicksFromDuration(now.Sub(p.key.Arrived)) - wireLate
	for target := s.partTarget(); at-s.start >= target; {
		s.passPart(s.start + target)
	}
	return true
}

// isIDR says whether a key frame is an IDR picture (ISO 14496-10 section 7.4.1.2.4).
func isIDR(u *media.AccessUnit) bool {
	const typeMask, idr = 0x1f, 5
	size := u.Track.NALLengthSize
	for b := u.Data; size > 0 && len(b) > size; {
		n := 0
		for _, c := range b[:size] {
			n = n<<8 | int(c)
		}
		if b[size]&typeMask == idr {
			return true
		}
		if n > len(b)-size {
			break
		}
		b = b[size+n:]
	}
	return false
}
