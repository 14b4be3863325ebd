package segmenter

import (
	"encoding/binary"
	"slices"
	"time"

	"golive/codec/h264"
	"golive/media"
)

const (
	// repeatEvery is the time from a picture to its repetition, and how long a picture
	// may be overdue before it is held.
	repeatEvery = media.Second / 2
	// holdEvery is about the time between the skipped pictures of a hold. hls.js 1.7 plays
	// a picture when the next one is there: a part must have more than one.
	holdEvery = media.Second / 10
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
// none come the last key frame is held (FIELD rows 61 and 64): with skipped pictures, and
// repeated where a segment begins, or all the time if there is no skipped picture. A held
// IDR picture leaves a decoder as the first one did: when no other picture came in
// between, those that follow can be decoded.
type picture struct {
	skip   []byte           // data of a skipped picture; nil when none can be made
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
		p.noteKey(u)
	}
	return true
}

// noteKey notes the newest key frame.
func (p *picture) noteKey(u *media.AccessUnit) {
	p.key.Track = nil
	if u.Independent() {
		p.key = *u
	}
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

// newPicture begins with a track, of which nothing came yet; it may be nil.
func newPicture(t *media.Track) picture {
	if t == nil || len(t.SPS) != 1 || len(t.PPS) == 0 {
		return picture{}
	}
	skipper, err := h264.NewSkipper(t.SPS[0], t.PPS[len(t.PPS)-1])
	if err != nil {
		return picture{}
	}
	nal := skipper.NAL()
	if len(nal)>>(8*t.NALLengthSize) > 0 {
		return picture{}
	}
	skip := binary.BigEndian.AppendUint32(nil, uint32(len(nal)))[4-t.NALLengthSize:]
	return picture{skip: append(skip, nal...)}
}

// repeat shows the last key frame again at dts.
func (s *Segmenter) repeat(dts media.Ticks) {
	p := &s.picture
	s.show(p.key, dts)
	p.lost = !p.intact
}

// show puts a copy of u, which is made of the last key frame, at dts.
func (s *Segmenter) show(u media.AccessUnit, dts media.Ticks) {
	p := &s.picture
	u.PTS += dts - u.DTS
	u.DTS = dts
	p.newest, p.repeated = dts, true
	if n := len(s.units); n > 0 {
		u.Arrived = s.units[n-1].Arrived
	}
	at := slices.IndexFunc(s.units, func(v media.AccessUnit) bool { return v.DTS >= dts })
	if at < 0 {
		at = len(s.units)
	}
	s.units = slices.Insert(s.units, at, u)
	s.bytes += len(u.Data)
}

// holdPicture holds the last key frame in the part that is passed up to end, if it is
// time.
func (s *Segmenter) holdPicture(end media.Ticks) {
	p := &s.picture
	if s.video != nil && p.wire-p.real >= max(noticeable, 3*s.rate.frame()) && !s.rate.alone() {
		p.silent = true
	}
	overdue := end-p.newest > repeatEvery
	if !overdue && (!p.skips() || !p.repeated && !s.slow()) || !s.mayRepeat() {
		return
	}
	if s.start > p.newest && !p.skips() {
		s.repeat(s.start)
	}
	if p.skips() {
		s.skipTo(end)
	}
}

// skips tells whether a skipped picture would show the key frame.
func (p *picture) skips() bool { return p.skip != nil && (p.intact || p.lost) }

// skipTo puts skipped pictures in the open part, up to end.
func (s *Segmenter) skipTo(end media.Ticks) {
	p := &s.picture
	u := p.key
	u.Key, u.Data = false, p.skip
	if s.start > p.newest && s.start < end {
		s.show(u, s.start)
	}
	target := s.partTarget()
	every := target / max(2, target/holdEvery)
	for at := s.start + every; at < end; at += every {
		if at-p.newest >= every/2 {
			s.show(u, at)
		}
	}
}

// holdUntil holds the last key frame up to dts, where the next picture is, if they are
// known to be far apart.
func (s *Segmenter) holdUntil(dts media.Ticks) {
	if !s.picture.repeated && !s.slow() || !s.mayRepeat() {
		return
	}
	for target := s.partTarget(); dts-s.start > target; {
		s.passPart(s.start + target)
	}
	if dts-s.start <= jitter {
		return
	}
	if s.picture.skips() {
		s.skipTo(max(s.start+1, dts-holdEvery/2))
	} else if len(s.units) == 0 && s.start > s.picture.newest {
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
