package registry

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// The bounds of what waits while the registry is away.
const (
	maxReports            = 100_000
	maxReportsOfBroadcast = 64
)

// worklist is the set of ids for which something is to be done.
type worklist struct {
	wake chan struct{} // holds a token when there is something new

	mu  sync.Mutex
	ids map[string]struct{}
}

func newWorklist() *worklist {
	return &worklist{wake: make(chan struct{}, 1), ids: map[string]struct{}{}}
}

func (w *worklist) add(id string) {
	w.putBack(id)
	signal(w.wake)
}

// putBack adds an id for which nothing could be done now.
func (w *worklist) putBack(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids[id] = struct{}{}
}

func (w *worklist) take() map[string]struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := w.ids
	w.ids = map[string]struct{}{}
	return ids
}

// run does what there is to be done until ctx is done. What fails is tried again each second.
func (w *worklist) run(ctx context.Context, do func(ctx context.Context, id string) error) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		w.runOnce(ctx, do)
		select {
		case <-w.wake:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *worklist) runOnce(ctx context.Context, do func(ctx context.Context, id string) error) {
	var g errgroup.Group
	g.SetLimit(writers)
	for id := range w.take() {
		g.Go(func() error {
			if do(ctx, id) != nil {
				w.putBack(id)
			}
			return nil
		})
	}
	_ = g.Wait() // it has no error
}

// reports are those that were not applied yet.
type reports struct {
	work *worklist

	mu     sync.Mutex
	queues map[string][]Report // by the broadcast's id
	count  int
}

func newReports() *reports { return &reports{work: newWorklist(), queues: map[string][]Report{}} }

// Report has a report applied to the record of its broadcast, after those before it, as soon as the
// registry can be reached. It never blocks. A broadcast without a record gets one, unless it has
// ended. What a node says of a broadcast that another node has is ignored.
func (r *Registry) Report(report Report) {
	if report.At.IsZero() {
		report.At = time.Now()
	}
	if dropped := r.reports.add(report); dropped > 0 {
		r.metrics.reportsDropped.Add(float64(dropped))
	}
}

// add queues a report, and returns how many were dropped for that.
func (q *reports) add(report Report) (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	queue := q.queues[report.ID]
	queue = append(queue, report)
	switch {
	case len(queue) > maxReportsOfBroadcast:
		i := dispensable(queue)
		queue, dropped = slices.Delete(queue, i, i+1), 1
	case q.count >= maxReports:
		return 1
	default:
		q.count++
	}
	q.queues[report.ID] = queue
	q.work.add(report.ID)
	return dropped
}

// dispensable returns the index of the report whose loss matters least: not the first that a
// broadcast is live, nor that it ended, nor the newest.
func dispensable(queue []Report) int {
	live := false
	for i, report := range queue[:len(queue)-1] {
		switch {
		case report.State == Live && !live:
			live = true
		case report.State == Ended:
			live = false
		default:
			return i
		}
	}
	return 0
}

// next returns the oldest report of a broadcast.
func (q *reports) next(id string) (Report, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if queue := q.queues[id]; len(queue) > 0 {
		return queue[0], true
	}
	return Report{}, false
}

// done removes the report that next returned, unless it was dropped meanwhile.
func (q *reports) done(report Report) {
	q.mu.Lock()
	defer q.mu.Unlock()
	queue := q.queues[report.ID]
	if len(queue) == 0 || queue[0] != report {
		return
	}
	q.count--
	if len(queue) == 1 {
		delete(q.queues, report.ID)
	} else {
		q.queues[report.ID] = queue[1:]
	}
}

// applyReports applies the reports of a broadcast, in order.
func (r *Registry) applyReports(ctx context.Context, records *store, id string) error {
	for {
		report, ok := r.reports.next(id)
		if !ok {
			return nil
		}
		switch r.standingOf(id) {
		case awaited:
			return errNotOwner // it may become this node's
		case foreign:
			r.log.Debug("report ignored, another node has the broadcast", "broadcast", id, "state", report.State)
		default:
			err := r.applyReport(ctx, records, report)
			switch {
			case errors.Is(err, ErrAway):
				return err
			case err != nil:
				r.log.Warn("report was not applied", "broadcast", id, "state", report.State, "event", report.Event, "err", err)
			}
		}
		r.reports.done(report)
	}
}

// errNotOwner is the error of a report of a node that does not have the broadcast yet.
var errNotOwner = errors.New("another node has the broadcast still")

// standing is what a node has to say of a broadcast.
type standing int

const (
	own     standing = iota // no other node has it
	awaited                 // another node has it, and this one has claimed it
	foreign                 // another node has it
)

func (r *Registry) standingOf(id string) standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := keyOf(broadcastKeys, id)
	rec, ok := r.state.table.records[key]
	switch {
	case !ok || rec.identity == r.identity() || !r.state.table.alive(rec.identity):
		return own
	case r.state.owned[key] != nil:
		return awaited
	}
	return foreign
}

// applyReport changes the record as a report says; a report of something else than a state is
// only recorded if somebody consumes events.
func (r *Registry) applyReport(ctx context.Context, records *store, report Report) error {
	if report.State == "" && !r.cfg.Events {
		return nil
	}
	why := cause{at: report.At, reason: report.Reason, issues: report.Issues, event: report.Event}
	_, err := r.change(ctx, records, report.ID, why, func(b *Broadcast) error {
		b.follow(report)
		return nil
	})
	if !errors.Is(err, ErrNoRecord) || report.State == "" || report.State == Ended || report.State == Created && report.Owner == "" {
		return ignoreMissing(err)
	}
	b := Broadcast{ID: report.ID, Channel: report.Channel, Owner: report.Owner, State: report.State, Details: Details{Visibility: Public}, Times: Times{Created: report.At}}
	if b.State == Live {
		b.Started = report.At
	}
	err = r.make(ctx, records, &b, why)
	if errors.Is(err, ErrExists) { // made meanwhile
		return r.applyReport(ctx, records, report)
	}
	return err
}

// ignoreMissing returns err unless the record is gone.
func ignoreMissing(err error) error {
	if errors.Is(err, ErrNoRecord) {
		return nil
	}
	return err
}

// follow makes the record's state what a report says. A broadcast of the API ends once; one that
// was published without it begins again.
func (b *Broadcast) follow(report Report) {
	if b.State == Ended {
		if b.Owner != "" || report.State != Starting && report.State != Live {
			return
		}
		b.State, b.Started, b.Ended, b.End = report.State, time.Time{}, time.Time{}, false
	}
	switch report.State {
	case Created: // nothing could be watched: the key can be used another time
		switch {
		case !b.Started.IsZero():
		case b.Owner == "":
			b.State, b.Ended = Ended, report.At
		default:
			b.State = Created
		}
	case Starting:
		if b.Started.IsZero() { // else its publisher comes back, maybe on another node
			b.State = Starting
		}
	case Live:
		b.State = Live
		if b.Started.IsZero() {
			b.Started = report.At
		}
	case Reconnecting:
		b.State = Reconnecting
	case Ended:
		b.State, b.Ended = Ended, report.At
	default: // a report of something else
	}
}
