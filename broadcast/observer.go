package broadcast

import (
	"context"
	"slices"
	"sync"
	"time"

	"golive/ingest"
)

// Observer is told what happens to the broadcasts that are this node's.
type Observer interface {
	// Changed is called for each Change. Those of one broadcast come in order, one at a time. It
	// does not block, and calls none of the Hub's methods that change broadcasts.
	Changed(c Change)
}

// Change is something that has happened to a broadcast.
type Change struct {
	ID   string
	Kind ChangeKind
	// State and Reason are those of a StateChanged; Reason says why it ended.
	State  State
	Reason string
	// Warnings are the codes of a WarningsChanged, in the order in which they began: those that
	// there are now, and maxReportedWarnings at most.
	Warnings []ingest.WarningCode
	At       time.Time
}

// ChangeKind is what has happened.
type ChangeKind int

// The kinds.
const (
	// StateChanged: the broadcast is in another state, once for each change. One that was
	// recovered after a restart begins as Reconnecting. One that had no media ends for the
	// reason EndedWithoutMedia: it may begin another time. The end of one that another node
	// has is not reported: that node goes on reporting.
	StateChanged ChangeKind = iota
	// ReplayReady: the bucket has all of the ended broadcast.
	ReplayReady
	// WarningsChanged: the Warnings of its Status are others, at most once in warningsInterval.
	WarningsChanged
	// KeyUsed: a publisher was admitted by an issued stream key.
	KeyUsed
)

// warningsInterval is how long a change of warnings is not reported after another one.
const warningsInterval = 10 * time.Second

// maxReportedWarnings bounds the codes of a Change, which are kept until everybody knows them.
const maxReportedWarnings = 16

// EndedWithoutMedia is the reason of an end before which nothing could be watched.
const EndedWithoutMedia = "no_media"

// notReported is the state of a broadcast of which no state was reported.
const notReported State = -1

// maxWaiting bounds the changes that wait. Beyond it, those in the middle are left out: the first tell
// that the broadcast began, and the newest what it is now.
const maxWaiting = 64

// reports are the changes of one broadcast, which wait until it is known to be this node's.
type reports struct {
	mu      sync.Mutex
	owned   bool
	waiting []Change
}

// report reports a change to the Observer, unless another node has the broadcast.
func (b *Broadcast) report(c Change) {
	if b.cfg.Observer == nil || b.superseded || b.lostLease() {
		return
	}
	c.ID = b.id
	r := &b.reports
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.owned {
		if len(r.waiting) == maxWaiting {
			r.waiting = slices.Delete(r.waiting, maxWaiting/2, maxWaiting/2+1)
		}
		r.waiting = append(r.waiting, c)
		return
	}
	b.cfg.Observer.Changed(c)
}

// reportOwned reports what waits as soon as the broadcast is this node's.
func (b *Broadcast) reportOwned(ctx context.Context) {
	if b.lease.Ready(ctx) != nil {
		return // another node reports
	}
	r := &b.reports
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owned = true
	for _, c := range r.waiting {
		b.cfg.Observer.Changed(c)
	}
	r.waiting = nil
}

// transition moves the broadcast to another state; at is when, and reason why it ended. It is the
// only place that does so, and belongs to the supervisor.
func (b *Broadcast) transition(to State, at time.Time, reason string) {
	b.state.Store(int32(to))
	if b.reported == to || reason == endedMoved {
		return
	}
	b.reported = to
	if to == Live {
		b.begin()
	}
	b.report(Change{Kind: StateChanged, State: to, Reason: reason, At: at})
}

// goLive moves a broadcast that has just got something to watch.
func (b *Broadcast) goLive() {
	if b.State() == Starting && b.published() {
		b.transition(Live, time.Now(), "")
	}
}
