package rtmp

import (
	"context"
	"time"

	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/internal/connlimit"
)

// publication is what a connection publishes: the session of package ingest, and how the
// peer addresses it. It implements ingest.Conn.
type publication struct {
	*ingest.Session
	tags *ingest.TagWriter

	session *session
	name    string // the peer's name for it, which may be a secret key
	stream  uint32 // the message stream
	onZero  bool   // publish was sent on message stream 0

	started time.Time
	// The connection's counters at the last call of Count.
	received uint64
	chunks   chunk.Stats
}

// publish starts the publication that the peer calls name, or returns why it is refused.
func (s *session) publish(ctx context.Context, req ingest.Request, name string, onZero bool) error {
	p := &publication{
		started: time.Now(),
		session: s, name: name, stream: s.stream, onZero: onZero,
		received: s.chunks.Received(), chunks: s.chunks.Stats(),
	}
	var err error
	if p.Session, err = s.server.sessions.Publish(ctx, req, s.evict, p, s.log); err != nil {
		return err
	}
	p.tags = ingest.NewTagWriter(p.Session)
	s.publication, s.published = p, true
	s.conn.AwaitMedia(p.FirstIdleCheck(), s.checkIdle)
	s.chunks.SetLimits(liveBuffer, chunk.Limits{
		MessageSize: int(s.server.cfg.Limits.MessageSize), ChunkStreams: liveStreams, Memory: s.share,
	})
	s.controls = ingest.ControlBudget{}
	s.setRank(connlimit.Admitted)
	return nil
}

// unpublish ends the publication; cause is nil if the publisher stopped.
func (s *session) unpublish(cause error) {
	p := s.publication
	s.publication = nil
	p.End(cause)
	s.setRank(connlimit.Opened)
}

// Count implements ingest.Conn.
func (p *publication) Count(t *ingest.Tally) {
	received, chunks := p.session.chunks.Received(), p.session.chunks.Stats()
	t.Bytes += received - p.received
	t.Skipped[ingest.SkipEmpty] += chunks.Empty - p.chunks.Empty
	t.Repaired[ingest.RepairRestarted] += chunks.Aborted - p.chunks.Aborted
	p.received, p.chunks = received, chunks
}

// Hold implements ingest.Conn. It first writes what is queued, since it may block for long.
func (p *publication) Hold(d time.Duration) error {
	if err := p.session.flush(); err != nil {
		return err
	}
	p.session.conn.Hold(d)
	return nil
}

// Established implements ingest.Conn.
func (p *publication) Established() { p.session.setRank(connlimit.Established) }

// setRank sets the rank of the connection's slot.
func (s *session) setRank(r connlimit.Rank) {
	if s.slot != nil {
		s.slot.SetRank(r)
	}
}

// checkIdle is called if nothing was read until now; see ingest.Session.CheckIdle.
func (s *session) checkIdle(now time.Time) (next time.Time, err error) {
	// A peer that is sending a long message over a slow connection is not idle.
	receiving := s.chunks.Unfinished() && now.Sub(s.conn.Arrived()) < s.server.cfg.IdleTimeout
	next, ping, err := s.publication.CheckIdle(now, receiving)
	if err == nil && ping {
		err = s.ping()
	}
	return next, err
}
