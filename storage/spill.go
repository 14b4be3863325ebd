package storage

import (
	"errors"
	"time"
)

// spiller brings what waits for the bucket to the Spool, and removes there what is
// not needed any more, on a goroutine beside Run's: a Put may hang for long. All
// work of the Spool that writes is done there.
type spiller struct {
	*Archiver
	failures int
	next     time.Time // no Add before
	deadline time.Time // of the end; zero before

	troubles, leftovers tally
}

// runSpiller returns when Run has stopped and all that waited is in the spool, or
// SpillTimeout later.
func (a *Archiver) runSpiller() {
	s := &spiller{Archiver: a}
	defer s.tell(time.Time{}, true)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		acted, next, done := s.step(now)
		s.tell(now, false)
		switch {
		case done:
			return
		case acted:
			continue
		}
		var alarm <-chan time.Time
		if !next.IsZero() {
			timer.Reset(next.Sub(now))
			alarm = timer.C
		}
		select {
		case <-a.spill:
		case <-alarm:
		}
	}
}

// step does one thing; or it says when there will be one, zero when only news can
// tell, and whether there will be none any more.
func (s *spiller) step(now time.Time) (acted bool, next time.Time, done bool) {
	s.mu.Lock()
	if len(s.discard) > 0 {
		e := s.discard[0]
		s.discard = s.discard[1:]
		s.mu.Unlock()
		s.remove(e)
		return true, time.Time{}, false
	}
	u, next := s.queue.toSpool(now, s.cfg.SpillAfter, s.stopped)
	stopped := s.stopped
	s.mu.Unlock()

	if stopped {
		if s.deadline.IsZero() {
			s.deadline, s.next = now.Add(s.cfg.SpillTimeout), now
		}
		if u == nil || !now.Before(s.deadline) {
			return false, time.Time{}, true
		}
	}
	switch {
	case u != nil && now.Before(s.next):
		next = s.next
		if stopped && s.deadline.Before(next) {
			next = s.deadline
		}
		return false, next, false
	case u == nil:
		return false, next, false
	}
	s.add(u)
	return true, time.Time{}, false
}

// add tries once to bring u to the spool.
func (s *spiller) add(u *upload) {
	s.mu.Lock()
	seg := u.seg
	gone := u.done || u.lost
	s.mu.Unlock()
	if gone {
		return
	}
	e, err := s.cfg.Spool.Add(s.cfg.Broadcast, u.rendition, seg, u.offered)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.publish()
	switch {
	case err == nil && (u.done || u.lost):
		s.discard = append(s.discard, e)
		s.succeeded()
	case err == nil:
		s.metrics.queueBytes.Sub(float64(u.size))
		s.queue.spool(u, e)
		s.succeeded()
	case !Retryable(err):
		u.never = true // it is larger than the whole spool, say
		s.troubles.add(err.Error())
	case errors.Is(err, ErrSpoolFull) && s.makeRoom(u):
	default:
		s.failed(err)
	}
}

// makeRoom finds a way on from a full spool; false when there is none but to wait.
// What is in the bucket already goes first, then the oldest that waits. The caller
// holds the lock.
func (s *spiller) makeRoom(u *upload) bool {
	switch victim := s.queue.oldestSpooled(u); {
	case len(s.settled) > 0:
		s.discard = append(s.discard, s.settled[0])
		s.settled = s.settled[1:]
	case victim != nil:
		s.giveUp(victim, droppedSpoolFull)
	case s.queue.spooled > 0:
		// u is itself the oldest, or just behind one that is being put. Newer ones
		// must not wait for it.
		u.stays, u.never = true, s.stopped
	default:
		return false
	}
	return true
}

// remove lets the spool forget e. One that cannot be removed is put into the
// bucket once more by the next run.
func (s *spiller) remove(e *Spooled) {
	if err := s.cfg.Spool.Remove(e); err != nil {
		s.leftovers.add(err.Error())
	}
}

// failed notes that nothing can be spooled now. The caller holds the lock.
func (s *spiller) failed(err error) {
	now := time.Now()
	s.troubles.add(err.Error())
	if s.failures == 0 {
		s.spooling.since = now
	}
	s.failures++
	s.spooling.err = err
	s.next = now.Add(s.cfg.backoff(s.failures))
}

// succeeded notes that the spool is well. The caller holds the lock.
func (s *spiller) succeeded() {
	if s.failures > 0 {
		s.log.Info("spool recovered", "failures", s.failures, "duration", time.Since(s.spooling.since))
	}
	s.failures, s.spooling = 0, failure{}
}

// tell logs the spool's troubles and what was lost by them, each at most once in
// tellEvery; all logs what is left.
func (s *spiller) tell(now time.Time, all bool) {
	if n, last := s.troubles.take(now, all); n > 0 {
		s.log.Warn("segments not spooled, they wait in memory", "count", n, "err", last)
	}
	if n, last := s.leftovers.take(now, all); n > 0 {
		s.log.Warn("segments not removed from the spool", "count", n, "err", last)
	}
	s.tellLost(now, all)
}
