package segmenter

import "golive/media"

// leading finds the pictures behind the intra picture of an open GOP that are shown
// before it. They refer to pictures that whoever joins at the segment does not have:
// Chromium's decoder gives up at them, and hls.js begins at the same place again. So
// where an open GOP begins a segment they are left out.
type leading struct {
	on  bool
	pts media.Ticks // of the intra picture
}

// begin notes the picture that a segment begins with.
func (l *leading) begin(u media.AccessUnit) {
	*l = leading{on: u.Key && u.Access == media.AccessOpen, pts: u.PTS}
}

// has tells whether the next picture is one. From the next key picture on none is.
func (l *leading) has(u *media.AccessUnit) bool {
	if !l.on {
		return false
	}
	l.on = !u.Key || u.PTS == l.pts
	return l.on && u.PTS < l.pts
}

// closed tells whether u is the intra picture, so that nothing behind it refers back.
func (l *leading) closed(u *media.AccessUnit) bool {
	return u.Key && u.Access == media.AccessOpen && u.PTS == l.pts
}
