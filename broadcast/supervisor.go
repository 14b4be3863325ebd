package broadcast

import (
	"context"
	"errors"
	"time"

	"golive/ingest"
	"golive/storage"
)

// run is the broadcast's supervisor: it lives from the first claim until the
// broadcast is forgotten, and all of it is in the bucket. forget takes the broadcast
// out of the Hub and says whether it was still there.
func (b *Broadcast) run(quit <-chan struct{}, forget func() bool) {
	defer close(b.swept)
	b.metrics.broadcasts.Inc()
	b.log.Info("broadcast started")

	var reason string
	var at time.Time
	patience := claimTimeout
	if b.resumed != nil {
		reason, at, patience = b.resumed.reason, b.resumed.at, b.resumed.left
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer close(b.archived)
		if err := b.shelf.archiver.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			b.log.Error("archiver stopped", "err", err)
		}
	}()
	if reason == "" {
		reason, at = b.supervise(quit, patience), time.Now()
	}
	b.end(reason, at)
	if b.linger(quit) {
		alone := forget()
		b.program.forget()
		if b.archive(quit) {
			b.sweep(alone)
			return
		}
	}
	// At a shutdown the bucket keeps the end of the broadcast, and the Hub too:
	// players may still be reading it.
	whole := b.await(b.shelf.archiver.Drained(), "shutdown")
	cancel()
	<-b.archived
	if whole && b.shelf.replay != nil {
		b.remove(b.shelf.scaffold()) // the next run has nothing to do
		b.clearLocal()
	}
}

// clearLocal lets go of what only a live broadcast needs of the local disk.
func (b *Broadcast) clearLocal() {
	if b.shelf.local == nil {
		return
	}
	b.sweepSegments(b.shelf.local)
	for _, key := range b.shelf.playlistKeys() {
		if err := b.shelf.local.Delete(context.Background(), key); err != nil {
			b.log.Warn("local copy was not deleted", "key", key, "err", err)
		}
	}
}

// archive waits until the bucket has all, and what is not kept is deleted: as long
// as it takes, where what waits is on disk. False when the server stops first.
func (b *Broadcast) archive(quit <-chan struct{}) bool {
	var enough <-chan time.Time
	if b.stores.Spool == nil {
		timer := time.NewTimer(b.cfg.DrainTimeout)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-b.archived:
		return true
	case <-quit:
	case <-enough:
	}
	return false
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

// await gives the Archiver the drain timeout; false when that is not enough.
func (b *Broadcast) await(done <-chan struct{}, reason string) bool {
	timer := time.NewTimer(b.cfg.DrainTimeout)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		b.log.Error("broadcast was not archived whole", "reason", reason, "err", b.shelf.archiver.Status().Error)
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
}

// claimTimeout is how long a new broadcast waits for the claim it was made for;
// its publisher may have left at once.
const claimTimeout = 5 * time.Second

// supervise returns why the broadcast ends. patience is how long it waits for the
// first claim.
func (b *Broadcast) supervise(quit <-chan struct{}, patience time.Duration) (reason string) {
	s := &supervisor{Broadcast: b, window: time.NewTimer(patience)}
	defer s.window.Stop()
	for reason == "" {
		select {
		case c := <-b.claims:
			reason = s.claimed(c)
		case cause := <-b.released:
			reason = s.left(cause)
		case <-s.window.C:
			reason = endedLost
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

// admit lets a publisher in while nobody publishes.
func (s *supervisor) admit(c claim) (reason string) {
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
	s.window.Reset(s.cfg.ReconnectWindow)
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
	b.noteEnd()
	b.shelf.archiver.Finish()
	b.metrics.broadcasts.Dec()
	b.metrics.ended.WithLabelValues(reason).Inc()
	stats := b.program.segmenter.Stats()
	b.log.Info("broadcast ended", "reason", reason, "duration", at.Sub(b.began).Round(time.Millisecond),
		"segments", b.program.segmenter.NextMSN(), "forced_cuts", stats.ForcedCuts,
		"dropped_video", stats.DroppedVideo, "dropped_audio", stats.DroppedAudio, "gap_parts", stats.GapParts)
}

// noteEnd lets a restart know of the end, even while the bucket is away: players
// were told.
func (b *Broadcast) noteEnd() {
	m := *b.shelf.manifest.Load()
	if b.stores.Spool == nil || b.stores.Local == nil || len(m.Sessions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.cfg.DrainTimeout)
	defer cancel()
	if err := b.stores.Local.Put(ctx, b.shelf.live(m)); err != nil {
		b.log.Warn("end of the broadcast was not noted for a restart", "err", err)
	}
}

// sweep deletes what only a restart would need, the copies on the local disk, and,
// when no successor has put its own there, the live playlists. Segments the Archiver
// has deleted, or a Sweeper will; but an earlier run may have left some that nothing
// names.
func (b *Broadcast) sweep(alone bool) {
	if b.shelf.local != nil {
		b.sweepSegments(b.shelf.local)
	}
	if b.resumed != nil && b.shelf.replay == nil {
		b.sweepSegments(b.stores.Bucket)
	}
	keys := b.shelf.scaffold()
	if alone {
		keys = append(b.shelf.playlistKeys(), keys...)
	}
	b.remove(keys)
}

func (b *Broadcast) sweepSegments(bucket storage.Bucket) {
	ctx, cancel := context.WithTimeout(context.Background(), b.cfg.DrainTimeout)
	defer cancel()
	if err := b.shelf.layout.SweepSegments(ctx, bucket, *b.shelf.manifest.Load()); err != nil {
		b.log.Warn("segments of an ended broadcast were not deleted", "err", err)
	}
}

func (b *Broadcast) remove(keys []string) {
	ctx, cancel := context.WithTimeout(context.Background(), b.cfg.DrainTimeout)
	defer cancel()
	for _, key := range keys {
		if err := b.stores.Bucket.Delete(ctx, key); err != nil {
			b.log.Warn("object of an ended broadcast was not deleted", "key", key, "err", err)
		}
	}
}
