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
	local bool // of the file on the local disk alone
}

// expiries are in the order of time.
type expiries []expiry

func (e *expiries) add(x expiry) {
	i := sort.Search(len(*e), func(i int) bool { return (*e)[i].at.After(x.at) })
	*e = slices.Insert(*e, i, x)
}

// takeDue moves the expiries that are due to run.due.
func (u *Uploader) takeDue(now time.Time) {
	n := 0
	for n < len(u.run.expiries) && !u.run.expiries[n].at.After(now) {
		n++
	}
	due := slices.Clone(u.run.expiries[:n])
	u.run.expiries = slices.Delete(u.run.expiries, 0, n)
	for _, x := range due {
		if x.local && u.awaitsLog(x.key) {
			x.at = now.Add(localAgain) // a restart would need it
			u.run.expiries.add(x)
			continue
		}
		if !x.local {
			u.run.pending = slices.DeleteFunc(u.run.pending, func(o storage.Object) bool { return o.Key == x.key })
			u.logged(x.key, math.MaxInt64)
		}
		u.run.due = append(u.run.due, x)
	}
}

// localAgain is how long a local file is kept each time that its segment has no record in
// the bucket yet.
const localAgain = 10 * time.Second

// deleteTimeout is for how long the deletion of an object is tried again.
const deleteTimeout = time.Hour

// delete tries once to delete the first object that is due. One that fails goes to the end of
// the list.
func (u *Uploader) delete(ctx context.Context) {
	x := u.run.due[0]
	var err error
	if x.local || u.uploads() {
		err = u.rec.store.files.Delete(ctx, x.key)
	}
	if err != nil && ctx.Err() == nil {
		u.log.Warn("local file was not deleted", "err", err)
		err = nil
	}
	if !x.local {
		u.health.begin("delete "+x.key, 0)
		err = u.bucket.Delete(ctx, x.key)
	}
	if ctx.Err() != nil && err != nil {
		return
	}
	again := u.outcome(opDeletes, err, storage.Retryable(err))
	u.run.due = slices.Delete(u.run.due, 0, 1)
	if again && time.Since(x.at) < deleteTimeout {
		u.run.due = append(u.run.due, x)
	}
}
