package segmenter

import (
	"golive/codec/h264"
	"golive/media"
)

// leading finds the pictures behind the intra picture of an open GOP that are shown
// before it. They refer to pictures that a player which joins at the segment does not
// have: Chromium's decoder gives up at them, and hls.js begins at the same place again.
// So where an open GOP begins a segment it is made a closed one: pictures that repeat
// the intra picture take the place of the leading ones. Where that cannot be done, they
// are left out.
type leading struct {
	on     bool        // leading pictures may come
	first  media.Ticks // PTS of the picture that the segment begins with
	begun  bool        // first is set
	closer *h264.Closer
	closed bool // closer made an IDR picture of the first one
}

// newLeading begins with a track, of which nothing came yet; it may be nil.
func newLeading(t *media.Track) leading {
	if t == nil || len(t.SPS) != 1 {
		return leading{}
	}
	closer, err := h264.NewCloser(t.SPS[0], t.PPS, t.NALLengthSize)
	if err != nil {
		return leading{}
	}
	return leading{closer: closer}
}

// begin takes the picture that a segment begins with, which becomes an IDR picture if
// it can.
func (l *leading) begin(u *media.AccessUnit) {
	if l.is(u) {
		return
	}
	l.on = u.Key && u.Access == media.AccessOpen
	l.first, l.begun, l.closed = u.PTS, u.Key, false
	if !l.on || l.closer == nil {
		return
	}
	if data, err := l.closer.Close(u.Data); err == nil {
		u.Data, u.Access = data, media.AccessClosed
		l.closed = true
	}
}

// is tells whether u is the picture that the segment begins with.
func (l *leading) is(u *media.AccessUnit) bool { return l.begun && u.Key && u.PTS == l.first }

// fit makes the next picture follow the one that the segment begins with. whole is
// false when what u shows is lost, keep when it has to be left out. From the next key
// picture on none is a leading one.
func (l *leading) fit(u *media.AccessUnit) (keep, whole bool) {
	if l.is(u) {
		return true, true
	}
	l.on = l.on && !u.Key
	lost := l.on && u.PTS < l.first
	if l.closer == nil || lost && !l.closed {
		return !lost, !lost
	}
	put := l.closer.Follow
	if lost {
		put = l.closer.Replace
	}
	data, err := put(u.Data)
	if err != nil {
		return false, false
	}
	u.Data = data
	return true, !lost
}

// intra tells whether u is the intra picture of an open GOP behind which nothing refers
// back.
func (l *leading) intra(u *media.AccessUnit) bool {
	return u.Access == media.AccessOpen && l.is(u)
}
