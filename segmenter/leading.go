package segmenter

import (
	"golive/codec/h264"
	"golive/media"
)

// leading handles leading pictures: those after the intra picture of an open GOP that are
// presented before it. They refer to pictures that a player which joins at the segment does
// not have: Chromium's decoder fails at them, and hls.js retries at the same place. So an
// open GOP that begins a segment is turned into a closed one, in which pictures that repeat
// the intra picture replace the leading ones. If that is not possible, they are dropped.
//
// In HEVC they are marked, and decoders that begin at the CRA picture skip them (ISO 23008-2
// section 8.1), so only those after a discontinuity are dropped. AV1 has none.
type leading struct {
	marked bool        // decoders know leading pictures
	on     bool        // leading pictures may follow that are to be replaced or dropped
	first  media.Ticks // PTS of the first picture of the segment
	begun  bool        // first is set
	closer *h264.Closer
	closed bool // closer turned the first picture into an IDR picture
}

// newLeading returns the state for a track, which may be nil.
func newLeading(t *media.Track) leading {
	if t == nil || t.Codec != media.H264 || len(t.SPS) != 1 {
		return leading{marked: t != nil && t.Codec == media.HEVC}
	}
	closer, err := h264.NewCloser(t.SPS[0], t.PPS, t.NALLengthSize)
	if err != nil {
		return leading{}
	}
	return leading{closer: closer}
}

// begin takes the first picture of a segment, and turns it into an IDR picture if possible.
func (l *leading) begin(u *media.AccessUnit) {
	if l.isFirst(u) {
		return
	}
	l.on = u.Key && u.Access == media.AccessOpen && !(l.marked && l.begun)
	l.first, l.begun, l.closed = u.PTS, u.Key, false
	if !l.on || l.closer == nil {
		return
	}
	if data, err := l.closer.Close(u.Data); err == nil {
		u.Data, u.Access = data, media.AccessClosed
		l.closed = true
	}
}

// isFirst reports whether u is the first picture of the segment.
func (l *leading) isFirst(u *media.AccessUnit) bool { return l.begun && u.Key && u.PTS == l.first }

// rewrite adapts the next picture to the first one of the segment. whole is false if the content
// of u is lost, keep is false if u must be dropped. From the next key picture on there are
// no leading pictures.
func (l *leading) rewrite(u *media.AccessUnit) (keep, whole bool) {
	if l.isFirst(u) {
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

// intra reports whether u is the intra picture of an open GOP that begins the segment.
func (l *leading) intra(u *media.AccessUnit) bool {
	return u.Access == media.AccessOpen && l.isFirst(u)
}
