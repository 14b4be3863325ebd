package registry

import "strings"

// protection is who may watch a broadcast.
type protection struct {
	hidden     bool
	generation int // of its playback tokens
}

// Protected reports whether only those with a playback token may watch a broadcast, and of which
// generation the token must be. It is asked for every request of a viewer, and takes no lock.
//
// Before the records were read for the first time, after a start, everything that may have been made
// by the API is protected: a preview must not be public for that long.
func (r *Registry) Protected(id string) (protected bool, generation int) {
	all := r.catalog.protections.Load()
	if all == nil {
		return isIssuedID(id), 0
	}
	found, _ := all.Load(id)
	p, _ := found.(protection)
	return p.hidden, p.generation
}

// isIssuedID reports whether text has the form of an id that the API gives.
func isIssuedID(text string) bool {
	return len(text) == idLength && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// protect keeps who may watch the broadcast of an id, in one step; nil is none.
func (t *recordTable) protect(id string, b *Broadcast) {
	if b == nil || !b.IsHidden() && b.Generation == 0 {
		t.protections.Delete(id)
		return
	}
	t.protections.Store(id, protection{b.IsHidden(), b.Generation})
}
