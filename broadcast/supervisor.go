package broadcast

import (
	"context"
	"errors"
	"sync"
	"time"

	"golive/ingest"
)

// place is a broadcast's in the Hub.
type place struct {
	// leave takes it out, and says whether it was still there.
	leave func() bool
	// discard takes it out as if it had never been there.
	discard func()
}

// run is the broadcast's supervisor: it lives from the first claim until the
// broadcast is forgotten, and all of it is kept.
func (b *Broadcast) run(quit <-chan struct{}, at place) {
	defer close(b.swept)
	defer b.lease.Release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var working sync.WaitGroup
	working.Go(func() { b.keep(ctx) })
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
	k := b.keeper.Load()
	handing, handed := context.WithCancel(ctx)
	var lending sync.WaitGroup
	lending.Go(func() { b.handOver(handing, k) })
	defer func() { handed(); lending.Wait() }()
	if b.moved || b.linger(quit) {
		alone := at.leave()
		for _, r := range b.all() {
			r.forget()
		}
		if b.await(k, quit) {
			working.Wait()
			b.sweep(alone)
			return
		}
	}
	b.shutDown(k, cancel)
}

// keep runs the keeper, when the broadcast is open.
func (b *Broadcast) keep(ctx context.Context) {
	select {
	case k := <-b.opening.opened:
		if k != nil {
			k.run(ctx, b)
		}
	case <-ctx.Done():
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
	b.setNext()
	b.state.Store(int32(Ended))
	at.discard()
	close(b.ended)
	b.log.Debug("publisher left without media")
}

// setNext says where the numbers of a successor begin.
func (b *Broadcast) setNext() {
	b.next = b.opening.from
	if all := b.all(); len(all) > 0 {
		b.next = map[string]numbering{}
		for _, r := range all {
			b.next[r.name] = r.numbering()
		}
	}
}

// await waits until the bucket has all, and what is not kept is deleted: as long as it
// takes, for what waits is on the local disk. False when the server stops first.
func (b *Broadcast) await(k *keeper, quit <-chan struct{}) bool {
	for _, done := range []<-chan struct{}{k.drained(), k.stopped()} {
		select {
		case <-done:
		case <-quit:
			return false
		}
	}
	return true
}

// stopTimeout is how long a shutdown waits for a local disk that does not answer, after
// the drain timeout.
const stopTimeout = 5 * time.Second

// shutDown leaves the broadcast for the next start, after the drain timeout. The bucket
// keeps its end, and so does the Hub: players may still be reading it.
func (b *Broadcast) shutDown(k *keeper, stopKeeper func()) {
	if k == nil {
		return
	}
	whole := waitFor(k.drained(), b.cfg.DrainTimeout)
	_, failing := k.failing()
	stopKeeper()
	if !waitFor(k.stopped(), stopTimeout) {
		b.lost = k.rec.Unwritten()
		b.log.Error("broadcast was not recorded whole", "reason", "local disk does not answer", "lost", b.lost, "err", failing)
		return
	}
	if !whole {
		waiting, _ := k.rec.Waiting()
		b.log.Warn("rest of the broadcast is archived at the next start", "reason", "shutdown", "spooled", waiting, "err", failing)
		return
	}
	if b.cfg.Retention.Replay > 0 { // the next run has nothing to do
		b.clean("manifest", func(ctx context.Context) error { return b.dropManifest(ctx, k) })
		b.clearLocal()
	}
}

// waitFor reports whether done is closed within d.
func waitFor(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// linger keeps the end readable; false when the server stops meanwhile.
func (b *Broadcast) linger(quit <-chan struct{}) bool { return !waitFor(quit, b.cfg.Linger) }

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
		case <-b.lease.Lost():
			reason = s.yield()
		case <-b.shown:
			b.begin()
		case <-s.window.C:
			if !s.paused() {
				reason = endedLost
			}
		case <-quit:
			s.dismiss(ingest.ErrClosing)
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
	if len(*s.publications.Load()) >= maxSessions {
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
	case !s.aired() || s.cfg.ReconnectWindow == 0:
		return endedLost
	}
	s.state.Store(int32(Reconnecting))
	s.lease.SetOpen(true)
	s.log.Info("publisher lost", "reason", cause, "reconnect_window", s.cfg.ReconnectWindow)
	s.wait(s.cfg.ReconnectWindow)
	return ""
}

// dismiss sends everybody away.
func (s *supervisor) dismiss(cause error) {
	if s.current != nil {
		s.current.publisher.Evict(cause)
		<-s.released
	}
	if s.waiting != nil {
		refuse(*s.waiting, "%w", cause)
	}
}

// end puts the end to the playlists, unless another node goes on with them; at is when the
// broadcast ended.
func (b *Broadcast) end(reason string, at time.Time) {
	b.moved = reason == endedMoved && b.stores.shared()
	if !b.moved {
		for _, r := range b.all() {
			r.end()
		}
	}
	b.lease.SetOpen(true)
	b.setNext()
	began := b.began()
	e := &ending{at: endTime(began, at).UTC(), told: time.Now()}
	b.ending.Store(e)
	b.state.Store(int32(Ended))
	close(b.ended)
	if k := b.keeper.Load(); k != nil {
		k.rec.End(e.at, reason)
		if b.moved {
			k.up.Leave()
		} else {
			k.up.Finish()
		}
	}
	b.metrics.broadcasts.Dec()
	b.metrics.ended.WithLabelValues(reason).Inc()
	s := b.source().segmenter
	stats := s.Stats()
	// An earlier run's clock, or this machine's, may have been set back since.
	duration := max(0, at.Sub(began)).Round(time.Millisecond)
	if b.moved {
		b.log.Info("broadcast moved to another node", "duration", duration, "segments", s.NextMSN())
		return
	}
	b.log.Info("broadcast ended", "reason", reason, "duration", duration,
		"segments", s.NextMSN(), "forced_cuts", stats.ForcedCuts,
		"dropped_video", stats.DroppedVideo, "dropped_audio", stats.DroppedAudio, "gap_parts", stats.GapParts)
}
