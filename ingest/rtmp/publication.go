package rtmp

import (
	"context"
	"time"

	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/internal/connlimit"
)

// publication is the part of a connection between publish and its end: the session of
// package ingest, and how the peer addresses it. It is the session's ingest.Conn.
type publication struct {
	*ingest.Session
	tags *ingest.TagWriter

	conn   *session
	name   string // what the peer calls it, which may be a secret
	stream uint32 // the message stream
	onZero bool   // it was asked for on message stream 0

	started time.Time
	// What the connection's counters were when they were last asked.
	received uint64
	chunks   chunk.Stats
}

// publish begins the publication of what the peer calls name, if it may.
func (s *session) publish(ctx context.Context, req ingest.Request, name string, onZero bool) error {
	p := &publication{
		started: time.Now(),
		conn:    s, name: name, stream: s.stream, onZero: onZero,
		received: s.chunks.Received(), chunks: s.chunks.Stats(),
	}
	var err error
	if p.Session, err = s.server.publishers.Publish(ctx, req, s.evict, p, s.log); err != nil {
		return err
	}
	p.tags = ingest.NewTagWriter(p.Session)
	s.publication, s.published = p, true
	s.link.live(p.FirstQuiet(), s.quiet)
	s.chunks.Trust(liveBuffer, chunk.Limits{
		MessageSize: int(s.server.cfg.Limits.MessageSize), ChunkStreams: liveStreams, Memory: s.share,
	})
	s.controls, s.refilled = 0, p.started
	s.rank(connlimit.Admitted)
	return nil
}

// unpublish ends the publication; cause is nil when the publisher said so.
func (s *session) unpublish(cause error) {
	p := s.publication
	s.publication = nil
	p.End(cause)
	s.rank(connlimit.Opened)
}

// Count implements ingest.Conn.
func (p *publication) Count(t *ingest.Tally) {
	received, chunks := p.conn.chunks.Received(), p.conn.chunks.Stats()
	t.Bytes += received - p.received
	t.Skipped[ingest.SkipEmpty] += chunks.Empty - p.chunks.Empty
	t.Repaired[ingest.RepairRestarted] += chunks.Aborted - p.chunks.Aborted
	p.received, p.chunks = received, chunks
}

// Hold implements ingest.Conn. What waits to be written is written before: it may be a
// while.
func (p *publication) Hold(d time.Duration) error {
	if err := p.conn.flush(); err != nil {
		return err
	}
	p.conn.link.hold(d)
	return nil
}

// Established implements ingest.Conn.
func (p *publication) Established() { p.conn.rank(connlimit.Established) }

// rank notes what the connection has proved.
func (s *session) rank(r connlimit.Rank) {
	if s.place != nil {
		s.place.Set(r)
	}
}

// quiet decides what it means that nothing was read until now.
func (s *session) quiet(now time.Time) (next time.Time, err error) {
	// A long message on a slow line is no silence.
	receiving := s.chunks.Unfinished() && now.Sub(s.link.arrived) < s.server.cfg.IdleTimeout
	next, ping, err := s.publication.Quiet(now, receiving)
	if err == nil && ping {
		err = s.ping()
	}
	return next, err
}
