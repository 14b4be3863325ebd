package broadcast

import (
	"context"
	"errors"
	"sync"
	"time"

	"golive/ingest"
	"golive/storage"
)

// place is a broadcast's in the Hub.
type place struct {
	// leave takes it out, and says whether it was still there.
	leave func() bool
	// current says whether it is there.
	current func() bool
	// discard takes it out as if it had never been there.
	discard func()
}

// run is the broadcast's supervisor: it lives from the first claim until the
// broadcast is forgotten, and all of it is in the bucket.
func (b *Broadcast) run(quit <-chan struct{}, at place) {
	defer close(b.swept)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var working sync.WaitGroup
	working.Go(func() { b.archive(ctx) })
	if b.ready != nil {
		working.Go(func() { b.prepare(ctx) })
	}
	var reason string
	var when time.Time
	patience := claimTimeout
	if b.resumed != nil {
		b.begin()
		reason, when, patience = b.resumed.reason, b.resumed.at, b.resumed.left
	}
	if reason == "" {
		reason, when = b.supervise(quit, patience), time.Now()
	}
	if !b.aired() {
		b.discard(at)
		cancel()
		working.Wait()
		return
	}
	b.begin()
	b.end(reason, when)
	if b.linger(quit) {
		alone := at.leave()
		b.program.forget()
		if b.await(quit) {
			working.Wait()
			b.sweep(alone)
			return
		}
	}
	// At a shutdown the bucket keeps the end of the broadcast, and the Hub too:
	// players may still be reading it.
	whole := b.drain()
	failing := b.shelf.archiver.Status().Error
	cancel()
	working.Wait()
	if !whole {
		b.leave(failing)
	}
	if whole && b.shelf.replay != nil {
		b.dismantle() // the next run has nothing to do
		b.clearLocal(at.current())
	}
}

// begin counts and logs the broadcast, once: when there is something to watch.
func (b *Broadcast) begin() {
	if b.begun {
		return
	}
	b.begun = true
	b.metrics.broadcasts.Inc()
	b.log.Info("broadcast started")
}

// discard ends what never had media: no broadcast, of which nothing is kept.
func (b *Broadcast) discard(at place) {
	b.next = b.program.numbering()
	b.state.Store(int32(Ended))
	at.discard()
	close(b.ended)
	b.log.Debug("publisher left without media")
}

// archive runs the Archiver.
func (b *Broadcast) archive(ctx context.Context) {
	defer close(b.archived)
	if err := b.shelf.archiver.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		b.log.Error("archiver stopped", "err", err)
	}
}

// prepare lets the Archiver begin when the predecessor leaves the bucket alone, and
// when what comes first is done, however long the bucket is away.
func (b *Broadcast) prepare(ctx context.Context) {
	p := b.preparation
	if p.before != nil {
		select {
		case <-p.before:
		case <-ctx.Done():
			return
		}
	}
	for {
		err := b.doFirst(ctx)
		if err == nil {
			close(b.ready)
			return
		}
		if ctx.Err() == nil {
			b.log.Warn("broadcast is not archived yet, it will be tried again", "err", err)
		}
		select {
		case <-time.After(prepareRetry):
		case <-ctx.Done():
			return
		}
	}
}

// doFirst is the preparation but for the predecessor.
func (b *Broadcast) doFirst(ctx context.Context) error {
	if first := b.preparation.first; first != nil {
		return b.stores.Bucket.Put(ctx, *first)
	}
	if !b.preparation.journal {
		return nil
	}
	l := b.resumed.leftover
	r := reader{sources: []storage.Bucket{b.stores.Bucket}, layout: b.shelf.layout, log: b.log}
	journal, err := r.journal(ctx, l.manifest)
	if err != nil {
		return err
	}
	l.journal = journal
	b.shelf.recall(l, time.Now())
	return nil
}

// prepareRetry is the time between two tries.
const prepareRetry = 5 * time.Second

// await waits until the bucket has all, and what is not kept is deleted: as long as
// it takes, where what waits is on disk. False when the server stops first, or when
// what waits in memory has waited for long enough.
func (b *Broadcast) await(quit <-chan struct{}) bool {
	var enough <-chan time.Time
	if b.stores.Spool == nil {
		timer := time.NewTimer(b.cfg.DrainTimeout)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-b.shelf.archiver.Drained():
	case <-quit:
		return false
	case <-enough:
		b.log.Error("broadcast was not archived whole", "reason", "linger", "err", b.shelf.archiver.Status().Error)
		return false
	}
	select {
	case <-b.archived:
		return true
	case <-quit:
		return false
	}
}

// leave tells, when the server stops, what becomes of what the bucket has not taken.
func (b *Broadcast) leave(failing string) {
	left := b.shelf.archiver.Left()
	b.lost = left.Lost
	log := b.log.With("reason", "shutdown", "spooled", left.Spooled, "lost", left.Lost, "err", failing)
	if left.Lost > 0 || b.stores.Local == nil {
		log.Error("broadcast was not archived whole")
		return
	}
	log.Warn("rest of the broadcast is archived at the next start")
}

// drain gives the Archiver the drain timeout; false when that is not enough.
func (b *Broadcast) drain() bool {
	timer := time.NewTimer(b.cfg.DrainTimeout)
	defer timer.Stop()
	select {
	case <-b.shelf.archiver.Drained():
		return true
	case <-timer.C:
		return false
	}
}

// linger keeps the end readable; false when the server stops meanwhile.
func (b *Broadcast) linger(quit <-chan struct{}) bool {
	timer := time.NewTimer(b.cfg.Linger)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-quit:
		return false
	}
}

// supervisor decides who publishes until nobody does any more. It belongs to the
// goroutine of Broadcast.run.
type supervisor struct {
	*Broadcast
	current *publication
	waiting *claim      // takes over when current has been evicted
	window  *time.Timer // runs while the return of a lost publisher is awaited
	due     time.Time   // when it ends
}

// latest is how late the end of the window may be noticed on a busy machine. Later
// means that the process did not run when it came: it was stopped, or its machine slept.
const latest = time.Second

// wait begins the window.
func (s *supervisor) wait(d time.Duration) {
	s.due = time.Now().Add(d)
	s.window.Reset(d)
}

// paused begins the window again when it ended while the process did not run: the
// publisher may have come back meanwhile, and was not read.
func (s *supervisor) paused() bool {
	late := time.Since(s.due)
	if late < latest {
		return false
	}
	s.wait(max(min(late, s.cfg.ReconnectWindow), latest))
	return true
}

// claimTimeout is how long a new broadcast waits for the claim it was made for;
// its publisher may have left at once.
const claimTimeout = 5 * time.Second

// supervise returns why the broadcast ends. patience is how long it waits for the
// first claim.
func (b *Broadcast) supervise(quit <-chan struct{}, patience time.Duration) (reason string) {
	s := &supervisor{Broadcast: b, window: time.NewTimer(patience), due: time.Now().Add(patience)}
	defer s.window.Stop()
	for reason == "" {
		select {
		case c := <-b.claims:
			reason = s.claimed(c)
		case cause := <-b.released:
			reason = s.left(cause)
		case <-b.shown:
			b.begin()
			b.note()
		case <-s.window.C:
			if !s.paused() {
				reason = endedLost
			}
		case <-quit:
			s.close()
			reason = endedShutdown
		}
	}
	return reason
}

// claimed grants a claim, has it wait for a takeover, or refuses it.
func (s *supervisor) claimed(c claim) (reason string) {
	switch {
	case s.current == nil:
		return s.admit(c)
	case s.waiting != nil && s.waiting.left():
		s.waiting = &c // in the place of one who did not wait for the eviction
	case s.waiting == nil && s.mayTakeOver():
		s.metrics.takeovers.Inc()
		s.waiting = &c
		s.current.publisher.Evict(errTakenOver)
	default:
		refuse(c, "%w: %q has a publisher", ingest.ErrTaken, s.id)
	}
	return ""
}

func (s *supervisor) mayTakeOver() bool {
	switch s.cfg.Takeover {
	case ingest.TakeoverAlways:
		return true
	case ingest.TakeoverNever:
		return false
	case ingest.TakeoverSilent:
	}
	return s.silent()
}

// maxSessions bounds what a publisher that comes back again and again can make a
// broadcast remember. The next one is another broadcast.
const maxSessions = 10_000

// admit lets a publisher in while nobody publishes.
func (s *supervisor) admit(c claim) (reason string) {
	if len(s.shelf.manifest.Load().Sessions) >= maxSessions {
		refuse(c, "%w", errEnded)
		return endedLost
	}
	before := s.State()
	s.current = s.grant(c)
	switch {
	case s.current == nil && before == Reconnecting:
		s.state.Store(int32(Reconnecting)) // the window goes on
		return ""
	case s.current == nil:
		return endedLost
	}
	s.window.Stop()
	if before == Reconnecting {
		s.metrics.reconnects.Inc()
		s.log.Info("publisher reconnected", "remote", c.publisher.Remote)
	}
	return ""
}

// left hands a broadcast whose publisher has gone to the one who waits, or opens
// the reconnect window.
func (s *supervisor) left(cause error) (reason string) {
	s.current = nil
	if errors.Is(cause, errBroken) {
		if s.waiting != nil {
			refuse(*s.waiting, "%w: %q has just failed", ingest.ErrTaken, s.id)
		}
		return endedBroken
	}
	if s.waiting != nil {
		c := *s.waiting
		s.waiting = nil
		if s.current = s.grant(c); s.current != nil {
			return ""
		}
	}
	switch {
	case cause == nil && !s.cfg.KeepOnUnpublish:
		return endedClean
	case s.program.window.Load() == nil || s.cfg.ReconnectWindow == 0:
		return endedLost
	}
	s.state.Store(int32(Reconnecting))
	s.log.Info("publisher lost", "reason", cause, "reconnect_window", s.cfg.ReconnectWindow)
	s.wait(s.cfg.ReconnectWindow)
	return ""
}

// close sends everybody away.
func (s *supervisor) close() {
	if s.current != nil {
		s.current.publisher.Evict(ingest.ErrClosing)
		<-s.released
	}
	if s.waiting != nil {
		refuse(*s.waiting, "%w", ingest.ErrClosing)
	}
}

// end puts the end to the playlist; at is when the broadcast ended.
func (b *Broadcast) end(reason string, at time.Time) {
	b.program.end()
	b.next = b.program.numbering()
	b.shelf.finish(at, time.Now())
	b.state.Store(int32(Ended))
	close(b.ended)
	b.note()
	b.shelf.archiver.Finish()
	b.metrics.broadcasts.Dec()
	b.metrics.ended.WithLabelValues(reason).Inc()
	stats := b.program.segmenter.Stats()
	// An earlier run's clock, or this machine's, may have been set back since.
	duration := max(0, at.Sub(b.began)).Round(time.Millisecond)
	b.log.Info("broadcast ended", "reason", reason, "duration", duration,
		"segments", b.program.segmenter.NextMSN(), "forced_cuts", stats.ForcedCuts,
		"dropped_video", stats.DroppedVideo, "dropped_audio", stats.DroppedAudio, "gap_parts", stats.GapParts)
}
