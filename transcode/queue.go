package transcode

import (
	"slices"
	"sync"

	"golive/media"
)

// The bounds of a queue: the time and the bytes of the units that wait, and the bytes of those
// that are kept for a restart. An encoder may send seconds of media at once when it connects.
const (
	maxWait      = 10 * media.Second
	maxWaitBytes = 32 << 20
	maxKeptBytes = 16 << 20
	maxUnits     = 1 << 15
)

// queue holds the units of a source that wait for the child process. Before them it keeps the
// units that the child may not have encoded yet, from a key picture on: after a failure the next
// process begins there. One goroutine puts units, another one takes them.
type queue struct {
	mu    sync.Mutex
	units []taken
	next  int // index of the first unit that waits
	// waiting and kept are the bytes of the units from next on, and before it.
	waiting, kept int
	// startLost is set if the units before next do not begin with a key picture.
	startLost bool
	// dropping is set after a loss, until the next key picture.
	dropping bool
	// lost is set if units were dropped after the last one in units.
	lost   bool
	video  bool // the source has video
	closed bool
	// signal holds a value if something has changed.
	signal chan struct{}
}

func newQueue() *queue { return &queue{signal: make(chan struct{}, 1)} }

// put appends a unit. It returns the number of units that it dropped.
func (q *queue) put(u media.AccessUnit) (dropped int) {
	q.mu.Lock()
	picture := u.Track.Video()
	q.video = q.video || picture
	if q.full(&u) {
		dropped = q.clearWaiting()
		q.dropping = true
	}
	if q.dropping && (picture && u.Key || !q.video) {
		q.dropping = false
	}
	if q.dropping {
		dropped++
		q.lost = true
	} else {
		q.units = append(q.units, taken{AccessUnit: u, lost: q.lost})
		q.lost = false
		q.waiting += len(u.Data)
	}
	q.mu.Unlock()
	q.wake()
	return dropped
}

func (q *queue) full(u *media.AccessUnit) bool {
	if q.next == len(q.units) {
		return false
	}
	return u.DTS-q.units[q.next].DTS > maxWait || q.waiting+len(u.Data) > maxWaitBytes || len(q.units)-q.next >= maxUnits
}

func (q *queue) clearWaiting() int {
	n := len(q.units) - q.next
	clear(q.units[q.next:])
	q.units, q.waiting = q.units[:q.next], 0
	return n
}

// close marks the end of the source.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// taken is a unit that take has returned.
type taken struct {
	media.AccessUnit
	// lost is set if units before it were dropped, again if it was taken before a rewind.
	lost, again bool
}

// take returns the next unit and keeps it for a restart. ok is false if none waits. Then ended
// reports whether the source has ended.
func (q *queue) take() (t taken, ok, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == len(q.units) {
		return t, false, q.closed
	}
	if q.kept > maxKeptBytes || q.next >= maxUnits {
		q.dropKept(q.next)
		q.startLost = true
	}
	if q.next == 0 {
		q.startLost = !q.isStart(0)
	}
	t = q.units[q.next]
	q.units[q.next].again = true
	q.next++
	q.waiting -= len(t.Data)
	q.kept += len(t.Data)
	return t, true, false
}

// unread makes the unit that take has just returned wait again.
func (q *queue) unread() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next--
	n := len(q.units[q.next].Data)
	q.units[q.next].again = false
	q.waiting += n
	q.kept -= n
}

// release drops the kept units that no restart needs: those before the last key picture up to
// a time, which all outputs have passed.
func (q *queue) release(passed media.Ticks) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := q.next - 1; i > 0; i-- {
		if q.isStart(i) && q.units[i].PTS <= passed {
			q.dropKept(i)
			q.startLost = false
			return
		}
	}
}

// dropKept drops the first n units, which must be kept ones.
func (q *queue) dropKept(n int) {
	for i := range q.units[:n] {
		q.kept -= len(q.units[i].Data)
	}
	left := copy(q.units, q.units[n:])
	clear(q.units[left:])
	q.units, q.next = q.units[:left], q.next-n
}

// rewind makes the kept units wait again. If they do not begin with a key picture, it drops units
// up to the next one. It returns the number of waiting units that it dropped.
func (q *queue) rewind() (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.startLost {
		q.next, q.waiting, q.kept = 0, q.waiting+q.kept, 0
		return 0
	}
	return q.skipTo(func(i int) bool { return q.isStart(i) })
}

// skipToLast drops the units before the last one at which decoding can start.
func (q *queue) skipToLast() (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := len(q.units)
	for i := q.next; i < len(q.units); i++ {
		if q.isStart(i) {
			last = i
		}
	}
	return q.skipTo(func(i int) bool { return i == last })
}

func (q *queue) isStart(i int) bool {
	u := q.units[i]
	return u.Key && (u.Track.Video() || !q.video)
}

// skipTo drops waiting units up to the first one that is wanted, and all kept ones. It returns the
// number of waiting units that it dropped.
func (q *queue) skipTo(wanted func(i int) bool) (dropped int) {
	for q.next < len(q.units) && !wanted(q.next) {
		n := len(q.units[q.next].Data)
		q.waiting -= n
		q.kept += n
		q.next++
		dropped++
	}
	empty := q.next == len(q.units)
	q.dropping = q.dropping || empty && q.video
	switch {
	case dropped == 0:
	case empty:
		q.lost = true
	default:
		q.units[q.next].lost = true
	}
	q.dropKept(q.next)
	q.startLost = true
	return dropped
}

// snapshot returns the units that wait, and whether the source has ended.
func (q *queue) snapshot() (units []taken, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.units[q.next:]), q.closed
}

// first returns the first unit that waits. ok is false if none waits. ended reports whether the
// source has ended.
func (q *queue) first() (t taken, ok, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == len(q.units) {
		return t, false, q.closed
	}
	return q.units[q.next], true, q.closed
}

// waits reports whether units wait.
func (q *queue) waits() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next < len(q.units)
}

// isClosed reports whether the source has ended.
func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}
