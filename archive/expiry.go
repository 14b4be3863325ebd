package archive

import (
	"context"
	"math"
	"slices"
	"sort"
	"time"

	"golive/storage"
)

// expiry is an object with the time at which it is deleted.
type expiry struct {
	key   string
	at    time.Time
	until time.Time // until when a failed deletion is retried
	local bool      // only the file on the local disk is deleted
}

// expiries are sorted by time.
type expiries []expiry

func (e *expiries) add(x expiry) {
	i := sort.Search(len(*e), func(i int) bool { return (*e)[i].at.After(x.at) })
	*e = slices.Insert(*e, i, x)
}

const (
	// deleteTimeout is how long the deletion of an object is retried.
	deleteTimeout = time.Hour
	// localDelay is the time between two looks at a local file that must be kept, because the
	// bucket has no record of its segment yet: a restart would need the file.
	localDelay = 10 * time.Second
)

// delete tries once to delete the first object of the expiries, which is due. One that fails
// goes behind all others that are due.
func (u *Uploader) delete(ctx context.Context) {
	x, now := u.run.expiries[0], time.Now()
	u.run.expiries = slices.Delete(u.run.expiries, 0, 1)
	if x.local && u.awaitsLog(x.key) {
		x.at = now.Add(localDelay)
		u.run.expiries.add(x)
		return
	}
	if x.local || u.uploads() {
		if err := u.rec.store.files.Delete(ctx, x.key); err != nil && ctx.Err() == nil {
			u.log.Warn("local file was not deleted", "err", err)
		}
	}
	if x.local {
		return
	}
	u.run.pending = slices.DeleteFunc(u.run.pending, func(o storage.Object) bool { return o.Key == x.key })
	u.logged(x.key, math.MaxInt64)
	u.health.begin("delete "+x.key, 0)
	err := u.bucket.Delete(ctx, x.key)
	if ctx.Err() == nil && u.outcome(opDeletes, err, storage.Retryable(err)) && now.Before(x.until) {
		x.at = now
		u.run.expiries.add(x)
	}
}
