package broadcast

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golive/ingest"
	"golive/segmenter"
)

// run is the broadcast's supervisor: it lives from the first claim until the
// broadcast is forgotten, and all of it is archived.
func (b *Broadcast) run(h *Hub) {
	defer close(b.swept)
	defer b.lease.Release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if b.cfg.Observer != nil {
		var reporting sync.WaitGroup
		reporting.Go(func() { b.reportOwned(ctx) })
		defer func() { cancel(); reporting.Wait() }()
	}
	var working sync.WaitGroup
	working.Go(func() { b.runArchiver(ctx) })
	var reason string
	var when time.Time
	timeout := claimTimeout
	if b.resumed != nil {
		b.begin()
		reason, when, timeout = b.resumed.reason, b.resumed.at, b.resumed.remaining
	}
	if reason == "" {
		reason, when = b.supervise(h.quit, timeout), time.Now()
	}
	if !b.published() {
		b.discard(h, reason)
		b.ladder.end()
		b.pictures.end()
		cancel()
		working.Wait()
		return
	}
	if b.resumed == nil && reason != endedMoved {
		b.goLive()
	}
	b.begin()
	b.end(reason, when)
	a := b.archiver.Load()
	handing, handed := context.WithCancel(ctx)
	var handingOver sync.WaitGroup
	handingOver.Go(func() { b.handOver(handing, a) })
	defer func() { handed(); handingOver.Wait() }()
	if b.moved || !b.linger(h.quit) {
		onlyOne := h.forget(b)
		for _, r := range b.all() {
			r.releaseMedia()
		}
		if b.await(a, h.quit) {
			working.Wait()
			b.sweep(onlyOne)
			return
		}
	}
	b.shutDown(a, cancel)
}

// runArchiver runs the archiver, when the broadcast is open.
func (b *Broadcast) runArchiver(ctx context.Context) {
	select {
	case a := <-b.opening.opened:
		if a.rec != nil {
			a.run(ctx, b)
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

// linger keeps the ended broadcast for players, and reports whether the server stops meanwhile.
func (b *Broadcast) linger(quit <-chan struct{}) bool {
	passed := time.NewTimer(b.cfg.Linger)
	defer passed.Stop()
	select {
	case <-quit:
		return true
	case <-b.deleted:
	case <-passed.C:
	}
	return false
}

// discard ends a broadcast that never had media. Nothing of it is kept.
func (b *Broadcast) discard(h *Hub, reason string) {
	b.setNext()
	if reason != endedMoved && reason != endedRequest {
		reason = EndedWithoutMedia
	}
	b.transition(Ended, time.Now(), reason)
	h.discard(b)
	close(b.ended)
	b.log.Debug("publisher left without media")
}

// setNext sets where the numbers of a successor begin.
func (b *Broadcast) setNext() {
	b.next = b.opening.from
	if source := b.source(); source != nil {
		b.next = source.numbering()
	}
}

// await waits until the bucket has all, and what is not kept is deleted: as long as it
// takes, for what waits is on the local disk. False when the server stops first.
func (b *Broadcast) await(a *archiver, quit <-chan struct{}) bool {
	for _, done := range []<-chan struct{}{a.drained, a.stopped} {
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
func (b *Broadcast) shutDown(a *archiver, stopArchiver func()) {
	if a.rec == nil {
		return
	}
	whole := waitFor(a.drained, b.cfg.DrainTimeout)
	_, failing := a.failing()
	stopArchiver()
	if !waitFor(a.stopped, stopTimeout) {
		b.lost = a.rec.Unwritten()
		b.log.Error("broadcast was not recorded whole", "reason", "local disk does not answer", "lost", b.lost, "err", failing)
		return
	}
	if !whole {
		b.log.Warn("rest of the broadcast is archived at the next start", "reason", "shutdown", "spooled", a.rec.Waiting(), "err", failing)
		return
	}
	if b.cfg.Retention.Replay > 0 { // the next run has nothing to do
		b.clean("manifest", func(ctx context.Context) error { return b.dropManifest(ctx, a) })
		b.clearLocal()
	}
}

// waitFor reports whether done is closed within d.
func waitFor(done <-chan struct{}, d time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

// supervisor decides which publisher publishes, until the broadcast ends. It belongs to the
// goroutine of Broadcast.run.
type supervisor struct {
	*Broadcast
	current *publication
	waiting *claim      // takes over when current has been evicted
	window  *time.Timer // runs while the return of a lost publisher is awaited
	due     time.Time   // when it ends
}

// maxWindowDelay is how late the end of the window may be noticed on a busy machine. Later
// means that the process did not run when it came: it was stopped, or its machine slept.
const maxWindowDelay = time.Second

// wait begins the window.
func (s *supervisor) wait(d time.Duration) {
	s.due = time.Now().Add(d)
	s.window.Reset(d)
}

// extendAfterPause begins the window again, and reports true, if it ended while the process
// did not run: the publisher may have reconnected meanwhile without being noticed.
func (s *supervisor) extendAfterPause() bool {
	late := time.Since(s.due)
	if late < maxWindowDelay {
		return false
	}
	s.wait(max(min(late, s.cfg.ReconnectWindow), maxWindowDelay))
	return true
}

// claimTimeout is how long a new broadcast waits for the claim it was made for;
// its publisher may have left at once.
const claimTimeout = 5 * time.Second

// supervise returns why the broadcast ends. timeout is how long it waits for the
// first claim.
func (b *Broadcast) supervise(quit <-chan struct{}, timeout time.Duration) (reason string) {
	s := &supervisor{Broadcast: b, window: time.NewTimer(timeout), due: time.Now().Add(timeout)}
	defer s.window.Stop()
	var quiet <-chan time.Time // while changes of warnings are not reported
	for reason == "" {
		warned := b.warnings.changed
		if quiet != nil {
			warned = nil
		}
		select {
		case c := <-b.claims:
			reason = s.claimed(c)
		case cause := <-b.released:
			reason = s.publisherLeft(cause)
		case <-b.lease.Lost():
			reason = s.leaseLost()
		case <-b.shown:
			b.goLive()
		case <-warned:
			b.report(Change{Kind: WarningsChanged, Warnings: b.warnings.codes(), At: time.Now()})
			quiet = time.After(warningsInterval)
		case <-quiet:
			quiet = nil
		case why := <-b.requests:
			b.log.Info("end of the broadcast was requested", "reason", why)
			s.evictAll(fmt.Errorf("%w: %s", ingest.ErrEnded, why))
			reason = endedRequest
		case <-s.window.C:
			if !s.extendAfterPause() {
				reason = endedLost
			}
		case <-quit:
			s.evictAll(ingest.ErrClosing)
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
	case s.waiting != nil && isClosed(s.waiting.gone):
		s.waiting = &c // instead of one that did not wait for the eviction
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

// maxSessions bounds the publications of a broadcast whose publisher reconnects again and
// again. After that another broadcast begins.
const maxSessions = 10_000

// admit grants a claim while there is no publisher.
func (s *supervisor) admit(c claim) (reason string) {
	if len(*s.publications.Load()) >= maxSessions {
		refuse(c, "%w", errEnded)
		return endedLost
	}
	before := s.State()
	s.current = s.grant(c)
	switch {
	case s.current == nil && before == Reconnecting:
		return "" // the window continues
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

// publisherLeft grants the claim that waits, or opens the reconnect window.
func (s *supervisor) publisherLeft(cause error) (reason string) {
	s.current = nil
	s.goLive()
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
	case !s.published() || s.cfg.ReconnectWindow == 0:
		return endedLost
	}
	s.transition(Reconnecting, time.Now(), "")
	s.lease.SetOpen(true)
	s.log.Info("publisher lost", "reason", cause, "reconnect_window", s.cfg.ReconnectWindow)
	s.wait(s.cfg.ReconnectWindow)
	return ""
}

// evictAll evicts the publisher, and refuses the claim that waits.
func (s *supervisor) evictAll(cause error) {
	if s.current != nil {
		s.current.publisher.Evict(cause)
		<-s.released
	}
	if s.waiting != nil {
		refuse(*s.waiting, "%w", cause)
	}
}

// segments returns how many segments the source has.
func (b *Broadcast) segments() int64 {
	return b.source().segmenter.NextMSN() - max(b.opening.from.segmenter.NextMSN, segmenter.FirstMSN)
}

// end writes the end into the playlists, unless another node continues them; at is when the
// broadcast ended.
func (b *Broadcast) end(reason string, at time.Time) {
	b.moved = reason == endedMoved && b.stores.shared()
	if !b.moved {
		b.source().end()
	}
	b.lease.SetOpen(true)
	b.setNext()
	began := b.began()
	e := &ending{at: endTime(began, at).UTC(), announced: time.Now()}
	b.ending.Store(e)
	b.transition(Ended, e.at, reason)
	close(b.ended)
	b.pictures.end()
	b.ladder.end()
	if !b.moved {
		b.eachRung((*rung).end)
	}
	if a := b.archiver.Load(); a.rec != nil {
		a.rec.End(e.at, reason)
		a.up.Finish(e.at)
	}
	b.metrics.broadcasts.Dec()
	b.metrics.ended.WithLabelValues(reason).Inc()
	s := b.source().segmenter
	stats := s.Stats()
	// An earlier run's clock, or this machine's, may have been set back since.
	duration := max(0, at.Sub(began)).Round(time.Millisecond)
	if b.moved {
		b.log.Info("broadcast moved to another node", "duration", duration, "segments", b.segments())
		return
	}
	b.log.Info("broadcast ended", "reason", reason, "duration", duration,
		"segments", b.segments(), "forced_cuts", stats.ForcedCuts,
		"dropped_video", stats.DroppedVideo, "dropped_audio", stats.DroppedAudio, "gap_parts", stats.GapParts)
}
