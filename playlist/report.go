package playlist

import "strconv"

// OtherRendition is another rendition of a broadcast.
type OtherRendition struct {
	// URI is that of its media playlist, relative to the playlist that reports it.
	URI string
	// Window returns its window, or nil if it has none yet. It is called by the writer of the
	// window that reports it.
	Window func() *Window
}

// appendReports appends the newest part of each other rendition (section 4.4.5.4; see reported), so that
// a player that switches to one of them requests the right part. It loads their snapshots
// without blocking.
func (w *Window) appendReports(b []byte) []byte {
	if w.others == nil {
		return b
	}
	for _, o := range w.others() {
		other := o.Window()
		if other == nil {
			continue
		}
		last, ok := other.Snapshot().reported()
		if !ok {
			continue
		}
		b = append(b, `#EXT-X-RENDITION-REPORT:URI="`...)
		b = append(b, o.URI...)
		b = append(b, `",LAST-MSN=`...)
		b = strconv.AppendInt(b, last.MSN, 10)
		b = append(b, ",LAST-PART="...)
		b = strconv.AppendInt(b, int64(last.Part), 10)
		b = append(b, '\n')
	}
	return b
}

// reported returns the part that is reported as the newest one; false if there is none. Instead of the
// first part of a segment it is the one before: hls.js (1.7.4) takes LAST-PART=0 for a missing attribute,
// and requests a playlist with the end of that segment, for which it waits up to a segment's duration.
// A report may be older than the rendition in any case.
func (s *Snapshot) reported() (Position, bool) {
	n := len(s.entries)
	first := n == 0 || s.entries[n-1].partCount < 2 // there is no such part before
	if s.open != nil && (len(s.open.Parts) > 1 || len(s.open.Parts) == 1 && first) {
		return Position{MSN: s.open.MSN, Part: len(s.open.Parts) - 1}, true
	}
	if n > 0 {
		e := s.entries[n-1]
		return Position{MSN: e.msn, Part: max(0, e.partCount-1)}, true
	}
	return Position{}, false
}
