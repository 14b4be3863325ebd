package archive

import (
	"slices"
	"time"

	"golive/storage"
)

// What an Uploader writes while another node may own the broadcast.

// permissionEvery is how often the permission is read again while playlists must wait.
const permissionEvery = time.Second

// updatePermission reads what may be written now. A node that must leave keeps no pending
// playlist, and begins no page of the log: the next owner may begin one of that number.
func (u *Uploader) updatePermission() {
	if u.run.permission == MustLeave {
		return // it does not change any more
	}
	if u.run.permission = u.cfg.Permission(); u.run.permission != MustLeave {
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
	if u.run.permission != MustWait {
		return min(len(u.run.pending), 1) - 1
	}
	return slices.IndexFunc(u.run.pending, func(o storage.Object) bool { return !isPlaylist(o) })
}

const (
	// claimEvery is how often the bucket is asked whether the new owner continues the
	// broadcast, and claimTimeout for how long: until that node has stored something.
	claimEvery   = 2 * time.Second
	claimTimeout = time.Minute
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

// continuedByAnother is called when all segments are in the bucket. It reports whether another
// node continues the broadcast, so that this node's work ends. If not, the broadcast ends
// here, beside a later one under its id; again is true while that is not known yet.
func (u *Uploader) continuedByAnother(now time.Time) (yes, again bool) {
	u.mu.Lock()
	moved := u.moved
	u.mu.Unlock()
	switch {
	case u.run.permission != MustLeave:
		return false, false
	case !moved && u.run.claim == Owned:
		u.run.claim = Displaced
		return false, false
	case !moved || u.run.claim == Displaced:
		return false, false
	}
	u.noteStored()
	if u.run.claim == Owned && u.run.claimUntil.IsZero() {
		u.run.claimUntil = now.Add(claimTimeout)
	}
	if u.run.claim == Owned && now.Before(u.run.claimUntil) {
		u.run.endAt = now.Add(claimEvery)
		return false, true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.run.claim, u.run.ended = Continued, true
	u.expiries, u.run.due = nil, nil
	return true, false
}
