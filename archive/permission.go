package archive

import (
	"context"
	"slices"
	"strings"
	"time"

	"golive/storage"
)

// Permission is what a node may write of a broadcast: each allows less than the one before.
// The node's lease decides, and for the time in which the node had no lease the logs in the
// bucket. What they have forbidden once stays forbidden.
type Permission uint8

const (
	// MayWriteExclusively allows everything. No other node can have had the broadcast since it was
	// claimed.
	MayWriteExclusively Permission = iota
	// MayWrite allows everything. No other node is known to have the broadcast, but the logs in the
	// bucket may show that one has.
	MayWrite
	// MustWait allows segments and the log, but no playlist now.
	MustWait
	// MayStore allows the rest of the segments and the log, and the broadcast's own replay. The
	// playlists of the id are another broadcast's, or another node's.
	MayStore
	// MustLeave allows nothing: another node continues this very broadcast, or has ended it.
	MustLeave
)

// permissionEvery is how often the permission is read again while playlists must wait.
const permissionEvery = time.Second

// updatePermission updates the permission from memory. When all is written it does not change any
// more.
func (u *Uploader) updatePermission() {
	if u.run.permission >= MayStore || isClosed(u.drained) {
		return
	}
	now := MayWriteExclusively
	if u.cfg.Permission != nil {
		now = u.cfg.Permission()
	}
	if now < MayStore {
		u.run.permission = now
		return
	}
	u.restrict(now)
	u.run.pages.complete = true
}

// restrict forbids something for good.
func (u *Uploader) restrict(to Permission) {
	u.run.permission = max(u.run.permission, to)
	u.run.pending = slices.DeleteFunc(u.run.pending, isShared)
}

// isShared reports whether an object belongs to the id rather than to the broadcast: a playlist, or the
// poster.
func isShared(o storage.Object) bool {
	return o.ContentType == storage.PlaylistType || strings.HasSuffix(o.Key, "/"+PosterName)
}

// firstPending returns the index of the first pending object that may be put now, or -1. With
// MayStore no playlist is pending but that of the broadcast's own replay.
func (u *Uploader) firstPending() int {
	if u.run.permission != MustWait {
		return min(len(u.run.pending), 1) - 1
	}
	return slices.IndexFunc(u.run.pending, func(o storage.Object) bool { return !isShared(o) })
}

// readLogs restricts the permission to what the logs of the id in the bucket show: that another
// node has written to this broadcast's since this one had it, or that a later broadcast has the
// playlists. decided reports whether they show either.
func (u *Uploader) readLogs(ctx context.Context) (logs bucketLogs, decided bool, err error) {
	own := u.rec.meta.logKey()
	u.health.begin("list "+u.cfg.Layout.Logs(own.Broadcast), 0)
	if logs, err = listLogs(ctx, u.bucket, u.cfg.Layout, own.Broadcast); err != nil {
		return nil, false, err
	}
	newest, found := logs.newest(own)
	if u.cfg.TakenOver && !u.run.begun {
		u.run.previousOwner = newest.owner
	}
	switch {
	case !found && u.run.acknowledged, found && newest.owner != u.rec.meta.Owner && newest.owner != u.run.previousOwner:
		u.restrict(MustLeave)
	case logs.hasLater(own):
		u.restrict(MayStore)
	default:
		return logs, false, nil
	}
	return logs, true, nil
}
