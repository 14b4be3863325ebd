package storage

import "time"

// tellEvery is how often at most one kind of trouble is logged.
const tellEvery = time.Second

// tally is a kind of trouble that may come thick: a log line gives how often, and
// the last of it.
type tally struct {
	count int
	last  string
	told  time.Time
}

func (t *tally) add(n int, last string) {
	t.count += n
	t.last = last
}

// next is when the tally may be told again.
func (t *tally) next() time.Time { return t.told.Add(tellEvery) }

// waits says whether there is something that may not be told yet.
func (t *tally) waits(now time.Time) bool { return t.count > 0 && now.Before(t.next()) }

// take empties the tally if it may be told.
func (t *tally) take(now time.Time, all bool) (count int, last string) {
	if t.count == 0 || !all && t.waits(now) {
		return 0, ""
	}
	count, last = t.count, t.last
	*t = tally{told: now}
	return count, last
}

// tell logs what went wrong, each kind at most once in tellEvery; all logs what is
// left.
func (r *run) tell(now time.Time, all bool) {
	r.mu.Lock()
	if r.refused > 0 {
		r.losses.add(r.refused, droppedQueueFull)
		r.refused = 0
	}
	r.mu.Unlock()
	if n, last := r.failures.take(now, all); n > 0 {
		r.log.Warn("storage operations failed", "count", n, "err", last)
	}
	if n, last := r.losses.take(now, all); n > 0 {
		r.log.Error("segments lost", "count", n, "reason", last)
	}
}

// recovered says that a trouble is over which was told.
func (r *run) recovered(l *lane, now time.Time) {
	if r.failures.told.Before(l.failure.since) {
		return
	}
	r.log.Info("storage recovered", "failures", l.failures, "duration", now.Sub(l.failure.since))
}

// stop lets go of everything that is left, and says what is lost with it.
func (r *run) stop() {
	defer r.drain()
	r.mu.Lock()
	r.stopped = true
	segments, bytes := r.queue.waiting, r.queue.bytes
	r.lost += int64(segments)
	r.queue, r.expiries, r.final = queue{}, nil, nil
	r.metrics.dropped.WithLabelValues(droppedStopped).Add(float64(segments))
	r.metrics.queueBytes.Sub(float64(bytes))
	r.publish()
	r.mu.Unlock()
	r.tell(time.Now(), true)
	if segments > 0 {
		r.log.Error("segments lost", "count", segments, "bytes", bytes, "reason", droppedStopped)
	}
	if len(r.pending) > 0 {
		r.log.Error("playlists not put", "count", len(r.pending), "reason", droppedStopped)
	}
}
