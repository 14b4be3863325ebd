package origin

import (
	"context"
	"fmt"
	"io"
	"time"

	"golive/media"
	"golive/playlist"
)

// stall is how long a connection to a store stays open while no viewer takes anything from
// it: another request for the rest costs more than a short wait.
const stall = 2 * time.Second

// upstream is an object that is open in its store. The cache's mu guards it, except while read
// runs for a turn, which then owns it.
type upstream struct {
	next    int64 // the slab to read next
	end     int64 // the offset up to which it is read; media.UnknownSize is the object's end
	release func()
	turn    *turn // of the viewer that reads; nil when none does

	ctx    context.Context //nolint:containedctx // of the open connection, which outlives the request that opened it
	cancel context.CancelFunc
	body   io.ReadCloser // nil before the first read
	size   int64         // of the object
	idle   *time.Timer
}

// read reads n slabs, or those that there are, and opens the object first if it is not
// open. size is that of the object.
func (u *upstream) read(open playlist.Opener, n int64) (size int64, slabs [][]byte, err error) {
	if u.idle != nil {
		u.idle.Stop()
	}
	if u.body == nil {
		from, length := u.next*slabSize, int64(-1)
		if u.end != media.UnknownSize {
			length = u.end - from
		}
		body, size, err := open(u.ctx, from, length)
		if err != nil {
			return media.UnknownSize, nil, err
		}
		u.body, u.size = body, size
		if u.end == media.UnknownSize {
			u.end = size
		}
	}
	for ; n > 0 && !u.done(); n-- {
		b := make([]byte, min(slabSize, u.end-u.next*slabSize))
		if _, err := io.ReadFull(u.body, b); err != nil {
			return u.size, nil, fmt.Errorf("read from storage: %w", err)
		}
		slabs = append(slabs, b)
		u.next++
	}
	return u.size, slabs, nil
}

// done reports whether all was read.
func (u *upstream) done() bool { return u.next*slabSize >= u.end }

// whenIdle calls f unless the upstream is read again soon.
func (u *upstream) whenIdle(f func()) {
	if u.idle == nil {
		u.idle = time.AfterFunc(stall, f)
		return
	}
	u.idle.Reset(stall)
}

// close closes the connection.
func (u *upstream) close() {
	if u.idle != nil {
		u.idle.Stop()
	}
	u.cancel() // first: Close must not wait for a store that does not answer
	if u.body != nil {
		_ = u.body.Close() // all that was wanted was read, or reading has failed already
	}
	u.release()
}
