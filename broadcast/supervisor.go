package broadcast

import (
	"context"
	"errors"
	"time"

	"golive/ingest"
)

// run is the broadcast's supervisor: it lives from the first claim until the
// broadcast is forgotten. before is closed when a predecessor under the same id
// has left the bucket alone; forget takes the broadcast out of the Hub and says
// whether it was still there.
func (b *Broadcast) run(quit <-chan struct{}, before <-chan struct{}, forget func() bool) {
	b.metrics.broadcasts.Inc()
	b.log.Info("broadcast started")

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer close(b.archived)
		b.archive(ctx, before)
	}()

	reason := b.supervise(quit)
	b.end(reason)

	// What the bucket has not taken by the end of the linger, it never will.
	linger := time.NewTimer(b.cfg.Linger)
	defer linger.Stop()
	select {
	case <-linger.C:
	case <-quit:
		// The bucket keeps the end of the broadcast; only uploads are waited for.
		select {
		case <-b.archived:
		case <-time.After(b.cfg.DrainTimeout):
			b.log.Error("broadcast was not archived whole", "reason", "drain timeout", "err", b.shelf.archiver.Status().Error)
		}
		cancel()
		<-b.archived
		forget()
		return
	}
	cancel()
	<-b.archived
	b.sweep(forget())
}

// archive runs the Archiver once the predecessor's has ended, so that two never
// write the same playlists.
func (b *Broadcast) archive(ctx context.Context, before <-chan struct{}) {
	if before != nil {
		select {
		case <-before:
		case <-ctx.Done():
		}
	}
	if err := b.shelf.archiver.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		b.log.Error("archiver stopped", "err", err)
	}
}

// supervise decides who publishes until nobody does any more, and says why.
func (b *Broadcast) supervise(quit <-chan struct{}) string {
	var (
		current *publication
		waiting *claim // takes over when current has been evicted
		timer   = time.NewTimer(b.cfg.ReconnectWindow)
		clean   bool
	)
	defer timer.Stop()
	timer.Stop()
	// The claim that made the Hub create the broadcast is the first to come, or
	// its publisher left at once.
	first := time.NewTimer(claimTimeout)
	defer first.Stop()
	for {
		select {
		case c := <-b.claims:
			first.Stop()
			switch {
			case current == nil:
				reconnect := b.State() == Reconnecting
				if current = b.grant(c); current == nil {
					if !reconnect {
						return endedLost
					}
					b.state.Store(int32(Reconnecting))
					continue
				}
				timer.Stop()
				if reconnect {
					b.metrics.reconnects.Inc()
					b.log.Info("publisher reconnected", "remote", c.publisher.Remote)
				}
			case waiting == nil && b.silent():
				b.metrics.takeovers.Inc()
				waiting = &c
				current.publisher.Evict(errTakenOver)
			default:
				refuse(c, "%w: %q has a publisher", ingest.ErrTaken, b.id)
			}
		case cause := <-b.released:
			current, clean = nil, cause == nil
			if waiting != nil {
				c := *waiting
				waiting = nil
				if current = b.grant(c); current != nil {
					continue
				}
			}
			switch {
			case clean:
				return endedClean
			case b.program.window.Load() == nil || b.cfg.ReconnectWindow == 0:
				return endedLost
			}
			b.state.Store(int32(Reconnecting))
			b.log.Info("publisher lost", "reason", cause, "reconnect_window", b.cfg.ReconnectWindow)
			timer.Reset(b.cfg.ReconnectWindow)
		case <-timer.C:
			return endedLost
		case <-first.C:
			return endedLost
		case <-quit:
			if current != nil {
				current.publisher.Evict(ingest.ErrClosing)
				<-b.released
			}
			if waiting != nil {
				refuse(*waiting, "%w", ingest.ErrClosing)
			}
			return endedShutdown
		}
	}
}

// claimTimeout is how long a new broadcast waits for the claim it was made for.
const claimTimeout = 5 * time.Second

// end puts the end to the playlist.
func (b *Broadcast) end(reason string) {
	b.program.end()
	b.next = b.program.numbering()
	b.endedAt.Store(time.Now().UnixNano())
	b.state.Store(int32(Ended))
	close(b.ended)
	b.shelf.archiver.Finish()
	b.metrics.broadcasts.Dec()
	b.metrics.ended.WithLabelValues(reason).Inc()
	stats := b.program.segmenter.Stats()
	b.log.Info("broadcast ended", "reason", reason, "duration", time.Since(b.began).Round(time.Millisecond),
		"segments", b.program.segmenter.NextMSN(), "forced_cuts", stats.ForcedCuts,
		"dropped_video", stats.DroppedVideo, "dropped_audio", stats.DroppedAudio, "gap_parts", stats.GapParts)
}

// sweep deletes what an ended broadcast has in the bucket; its playlists only
// when no successor writes them.
func (b *Broadcast) sweep(last bool) {
	keys := b.shelf.leftovers()
	if last {
		keys = append(b.shelf.playlistKeys(), keys...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.cfg.DrainTimeout)
	defer cancel()
	failed, lastErr := 0, error(nil)
	for _, key := range keys {
		if err := b.bucket.Delete(ctx, key); err != nil {
			failed, lastErr = failed+1, err
		}
	}
	if failed > 0 {
		b.log.Warn("objects of an ended broadcast were not deleted", "count", failed, "err", lastErr)
	}
}
