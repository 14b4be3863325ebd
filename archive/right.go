package archive

import (
	"slices"
	"time"

	"golive/storage"
)

// The Uploader's half of ownership: what it still writes when another node may have the
// broadcast.

// askEvery is how often it is asked whether playlists may be written that may not now.
const askEvery = time.Second

// ask notes what may be written now. A node that must leave keeps no playlist, and begins
// no page of the log: the next owner may begin one of that number.
func (u *Uploader) ask() {
	if u.run.right == MustLeave {
		return // for good
	}
	if u.run.right = u.cfg.Right(); u.run.right != MustLeave {
		return
	}
	u.run.pending = slices.DeleteFunc(u.run.pending, isPlaylist)
	u.run.pages.last = true
	if u.run.pages.text == nil && u.run.pages.page > 0 {
		u.run.claim = Continued
	}
}

func isPlaylist(o storage.Object) bool { return o.ContentType == storage.PlaylistType }

// firstPending returns the index of the first pending object that may be put now, or -1. A
// node that must leave has no playlist pending but that of its own replay.
func (u *Uploader) firstPending() int {
	if u.run.right != MustWait {
		return min(len(u.run.pending), 1) - 1
	}
	return slices.IndexFunc(u.run.pending, func(o storage.Object) bool { return !isPlaylist(o) })
}

const (
	// decideEvery is how often the bucket is asked what becomes of a broadcast that another
	// node has, and decideTimeout for how long: until the other has stored something.
	decideEvery   = 2 * time.Second
	decideTimeout = time.Minute
)

// Stored is closed when all of the broadcast's segments are in the bucket, and its log, so
// that another node can go on with it.
func (u *Uploader) Stored() <-chan struct{} { return u.stored }

// noteStored closes Stored, once.
func (u *Uploader) noteStored() {
	select {
	case <-u.stored:
	default:
		close(u.stored)
	}
}

// goesOn reports, when all segments are in the bucket, that this is the end of the work on
// a broadcast that another node has: that goes on with it. Otherwise the broadcast ends
// here, beside a later one under its id; or it is not known yet, and again is true.
func (u *Uploader) goesOn(now time.Time) (yes, again bool) {
	u.mu.Lock()
	left := u.left
	u.mu.Unlock()
	switch {
	case u.run.right != MustLeave:
		return false, false
	case !left && u.run.claim == Owned:
		u.run.claim = Displaced
		return false, false
	case !left || u.run.claim == Displaced:
		return false, false
	}
	u.noteStored()
	if u.run.claim == Owned && u.run.decide.IsZero() {
		u.run.decide = now.Add(decideTimeout)
	}
	if u.run.claim == Owned && now.Before(u.run.decide) {
		u.run.endAt = now.Add(decideEvery)
		return false, true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.run.claim, u.run.ended = Continued, true
	u.expiries, u.run.due = nil, nil
	return true, false
}
