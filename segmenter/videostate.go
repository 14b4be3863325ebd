package segmenter

import (
	"encoding/binary"
	"time"

	"golive/codec/h264"
	"golive/media"
)

const (
	// repeatEvery is the time from a picture to its repetition.
	repeatEvery = media.Second / 2
	// skipEvery is the approximate interval of skipped pictures that repeat a key frame.
	// hls.js 1.7 plays a picture when it has the next one: a part must have more than one.
	skipEvery = media.Second / 10
	// defaultRepeatAfter is how long audio continues alone after a picture that is not a key
	// frame until the last key frame is repeated. Pictures that depend on each other may be
	// a second apart.
	defaultRepeatAfter = maxAudioLead
	// maxRepeatAfter bounds its growth for slow video.
	maxRepeatAfter = 30 * media.Second
	// slowInterval is the interval above which pictures do not determine where parts end.
	slowInterval = media.Second / 2
	// maxReceiveDelay is how late a picture may be received without the previous one being
	// repeated in its place.
	maxReceiveDelay = 300 * media.Millisecond
)

// videoState is the state of the video. A player cannot continue without pictures, so if none
// are received the last key frame is repeated (docs/encoders.md rows 61 and 64): by skipped
// pictures, and by a copy at the beginning of a segment, or only by copies if no skipped
// picture can be made. A copy of an IDR picture leaves a decoder in the state of the
// original: if no other picture came in between, the following ones can be decoded.
type videoState struct {
	skip     []byte           // data of a skipped picture; nil if none can be made
	key      media.AccessUnit // the newest IDR picture; its Track is nil if there is none
	newest   media.Ticks      // DTS of the newest picture, received or repeated
	received media.Ticks      // DTS of the newest received one
	audioDTS media.Ticks      // DTS of the newest audio
	// dropped is the DTS of the newest one that could not be decoded.
	dropped media.Ticks
	// intact is set if key is the newest received picture.
	intact   bool
	repeated bool // a picture was repeated since the newest received one
	// lost is set if key was repeated after pictures that depend on each other: no picture
	// can be decoded before the next key frame.
	lost        bool
	silent      bool // no picture was received for a noticeable time
	repeatAfter media.Ticks
}

// take records a received picture, and moves it after pictures that are already in the
// output, and not before start. It returns false if the picture cannot be decoded.
func (p *videoState) take(u *media.AccessUnit, start media.Ticks) bool {
	if p.lost && !u.Key {
		if gap := u.DTS - p.dropped; p.dropped > p.received && gap > defaultRepeatAfter {
			p.repeatAfter = min(gap*3/2, maxRepeatAfter) // slow video, not missing pictures
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
	p.received, p.newest = u.DTS, u.DTS
	p.intact, p.repeated, p.lost, p.silent = u.Key, false, false, false
	if u.Key {
		p.noteKey(u)
	}
	return true
}

// noteKey records the newest key frame.
func (p *videoState) noteKey(u *media.AccessUnit) {
	p.key.Track = nil
	if u.Independent() {
		p.key = *u
	}
}

// slow reports whether pictures are too far apart to determine where parts end, or there is
// only one.
func (s *Segmenter) slow() bool {
	return s.video != nil && (s.rate.frame() > slowInterval || s.rate.singleFrame())
}

// canRepeat reports whether the last key frame can be repeated.
func (s *Segmenter) canRepeat() bool {
	p := &s.videoState
	if s.video == nil || p.key.Track != s.video {
		return false
	}
	return p.intact || p.lost || p.audioDTS-p.received >= max(p.repeatAfter, defaultRepeatAfter)
}

// newVideoState returns the state for a track, which may be nil.
func newVideoState(t *media.Track) videoState {
	if t == nil || t.Codec != media.H264 || len(t.SPS) != 1 || len(t.PPS) == 0 {
		return videoState{}
	}
	skipper, err := h264.NewSkipper(t.SPS[0], t.PPS[len(t.PPS)-1])
	if err != nil {
		return videoState{}
	}
	nal := skipper.NAL()
	if len(nal)>>(8*t.NALLengthSize) > 0 {
		return videoState{}
	}
	skip := binary.BigEndian.AppendUint32(nil, uint32(len(nal)))[4-t.NALLengthSize:]
	return videoState{skip: append(skip, nal...)}
}

// repeat adds a copy of the last key frame at dts.
func (s *Segmenter) repeat(dts media.Ticks) {
	p := &s.videoState
	s.addRepetition(p.key, dts)
	p.lost = !p.intact
}

// addRepetition adds the repetition u of the last key frame at dts.
func (s *Segmenter) addRepetition(u media.AccessUnit, dts media.Ticks) {
	p := &s.videoState
	u.PTS += dts - u.DTS
	u.DTS = dts
	p.newest, p.repeated = dts, true
	if n := len(s.units); n > 0 {
		u.Arrived = s.units[n-1].Arrived
	}
	s.insert(u)
}

// repeatPicture repeats the last key frame in the open part, up to end, if it is due.
func (s *Segmenter) repeatPicture(end media.Ticks) {
	p := &s.videoState
	if s.video != nil && p.audioDTS-p.received >= max(silentAfter, 3*s.rate.frame()) && !s.rate.singleFrame() {
		p.silent = true
	}
	overdue := end-p.newest > repeatEvery
	if !overdue && (!p.skips() || !p.repeated && !s.slow()) || !s.canRepeat() {
		return
	}
	if s.start > p.newest && !p.skips() {
		s.repeat(s.start)
	}
	if p.skips() {
		s.skipTo(end)
	}
}

// skips reports whether a skipped picture would repeat the key frame.
func (p *videoState) skips() bool { return p.skip != nil && (p.intact || p.lost) }

// skipTo adds skipped pictures to the open part, up to end.
func (s *Segmenter) skipTo(end media.Ticks) {
	p := &s.videoState
	u := p.key
	u.Key, u.Data = false, p.skip
	if s.start > p.newest && s.start < end {
		s.addRepetition(u, s.start)
	}
	target := s.partTarget()
	every := target / max(2, target/skipEvery)
	for at := s.start + every; at < end; at += every {
		if at-p.newest >= every/2 {
			s.addRepetition(u, at)
		}
	}
}

// repeatUntil repeats the last key frame up to the next picture at dts, if pictures are known
// to be far apart.
func (s *Segmenter) repeatUntil(dts media.Ticks) {
	if !s.videoState.repeated && !s.slow() || !s.canRepeat() {
		return
	}
	for target := s.partTarget(); dts-s.start > target; {
		s.closeTimedPart(s.start + target)
	}
	if dts-s.start <= jitter {
		return
	}
	if s.videoState.skips() {
		s.skipTo(max(s.start+1, dts-skipEvery/2))
	} else if len(s.units) == 0 && s.start > s.videoState.newest {
		s.repeat(s.start) // otherwise the rest would be a gap
	}
}

// Advance is called when nothing was received for a while. Slow video without audio is
// repeated until now: then it returns true.
func (s *Segmenter) Advance(now time.Time) (slow bool) {
	if g := &s.gather; g.on {
		if g.video == nil {
			return false
		}
		// More may be on its way: allow a slow uplink twice the time.
		s.releaseWhenReady(media.TicksFromDuration(now.Sub(g.arrived)) / 2)
		return true
	}
	p := &s.videoState
	if !s.open || s.audio != nil && !s.audioState.silent || !p.intact || !s.slow() || !s.canRepeat() {
		return false
	}
	at := p.received + media.TicksFromDuration(now.Sub(p.key.Arrived)) - maxReceiveDelay
	for target := s.partTarget(); at-s.start >= target; {
		s.closeTimedPart(s.start + target)
	}
	return true
}
