package segmenter

import "golive/media"

// leading finds the pictures after the intra picture of an open GOP, where a stream
// begins, that are shown before it: they refer to pictures that nobody has.
type leading struct {
	on  bool
	pts media.Ticks // of the intra picture
}

// begin notes the key picture that a stream begins with.
func (l *leading) begin(u media.AccessUnit) {
	*l = leading{on: u.Key && u.Access == media.AccessOpen, pts: u.PTS}
}

// has says whether the next picture is one. From the next key picture on none is.
func (l *leading) has(u *media.AccessUnit) bool {
	if !l.on {
		return false
	}
	l.on = !u.Key || u.PTS == l.pts
	return l.on && u.PTS < l.pts
}
