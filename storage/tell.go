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

func (t *tally) add(last string) {
	t.count++
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

// countLost notes a lost segment. The caller holds the lock.
func (a *Archiver) countLost(reason string) {
	a.lost++
	a.losses.add(reason)
	a.metrics.dropped.WithLabelValues(reason).Inc()
}

// giveUp loses a segment that waits; its turn comes all the same. The caller holds
// the lock.
func (a *Archiver) giveUp(u *upload, reason string) {
	if u.spooled != nil {
		a.discard = append(a.discard, u.spooled)
	}
	a.metrics.queueBytes.Sub(float64(u.size))
	a.queue.lose(u)
	a.countLost(reason)
	a.publish()
	a.wake()
}

// tellLost logs what was lost, at most once in tellEvery; all logs what is left.
func (a *Archiver) tellLost(now time.Time, all bool) {
	a.mu.Lock()
	n, reason := a.losses.take(now, all)
	a.mu.Unlock()
	if n > 0 {
		a.log.Error("segments lost", "count", n, "reason", reason)
	}
}

// tell logs what went wrong, each kind at most once in tellEvery; all logs what is
// left.
func (r *run) tell(now time.Time, all bool) {
	if n, last := r.failures.take(now, all); n > 0 {
		r.log.Warn("storage operations failed", "count", n, "err", last)
	}
	r.tellLost(now, all)
}

// recovered says that a trouble is over which was told.
func (r *run) recovered(l *lane, now time.Time) {
	if r.failures.told.Before(l.failure.since) {
		return
	}
	r.log.Info("storage recovered", "failures", l.failures, "duration", now.Sub(l.failure.since))
}

// close lets nothing more in; the spiller then brings what is left to the spool,
// and ends.
func (r *run) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.wake()
}

// Left is what an Archiver had not done when its Run returned.
type Left struct {
	// Spooled segments are in the Spool: the next run puts them.
	Spooled int
	// Lost segments were in memory, and could not be spooled.
	Lost int
	// Playlists were rendered and not put.
	Playlists int
}

// Left returns what was left undone; it is valid when Run has returned.
func (a *Archiver) Left() Left {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.left
}

// stop lets go of everything that is left, and tells what is lost with it.
func (r *run) stop() {
	defer r.drain()
	r.mu.Lock()
	left := r.queue
	lost := left.waiting - left.spooled
	r.left = Left{Spooled: left.spooled, Lost: lost, Playlists: len(r.pending)}
	r.lost += int64(lost)
	r.queue, r.expiries, r.final, r.asked = queue{}, nil, nil, operation{}
	r.metrics.dropped.WithLabelValues(droppedStopped).Add(float64(lost))
	r.metrics.queueBytes.Sub(float64(left.bytes))
	r.publish()
	r.mu.Unlock()
	r.tell(time.Now(), true)
	if lost > 0 {
		r.log.Error("segments lost", "count", lost, "bytes", left.bytes, "reason", droppedStopped)
	}
	if left.spooled > 0 {
		r.log.Info("segments stay in the spool for the next start", "count", left.spooled, "bytes", left.spooledBytes)
	}
}
