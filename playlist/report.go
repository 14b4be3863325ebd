package playlist

import "strconv"

// Other is another rendition of a broadcast.
type Other struct {
	// URI is its media playlist's, relative to that which reports it.
	URI string
	// Window is its live state; nil while it has none. It is called by the writer of
	// the window that reports it.
	Window func() *Window
}

// appendReports writes how far the other renditions are (section 4.4.5.4), so that a
// player that changes to one of them asks for the right part at once. It loads
// their snapshots, and waits for nobody.
func (w *Window) appendReports(b []byte) []byte {
	for _, o := range w.others {
		other := o.Window()
		if other == nil {
			continue
		}
		last, ok := other.Snapshot().last()
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

// last is the newest part; false when there is none.
func (s *Snapshot) last() (Position, bool) {
	if s.open != nil && len(s.open.Parts) > 0 {
		return Position{MSN: s.open.MSN, Part: len(s.open.Parts) - 1}, true
	}
	if n := len(s.entries); n > 0 {
		e := s.entries[n-1]
		return Position{MSN: e.msn, Part: max(0, e.partCount-1)}, true
	}
	return Position{}, false
}
