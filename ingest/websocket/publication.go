package websocket

import (
	"context"
	"strconv"
	"time"

	"golive/container/flv"
	"golive/ingest"
	"golive/internal/connlimit"
)

// The messages to the peer.
const (
	started  = `{"type":"started"}`
	ackBegin = `{"type":"ack","timestamp":`
	ackEnd   = `}`
)

// publication is what a connection publishes. It implements ingest.Conn.
type publication struct {
	*ingest.Session
	tags    *ingest.TagWriter
	session *session
	counted uint64 // bytes at the last call of Count
	acks    acks
}

// acks is the state of the acknowledgements.
type acks struct {
	latest uint32 // timestamp of the latest tag, and
	last   uint32 // of the last tag that was acknowledged
	due    bool   // nothing was acknowledged yet
	at     time.Time
	text   []byte // of the last acknowledgement
}

// newPublication starts the publication. The error is why it is refused.
func (s *session) newPublication(ctx context.Context) (*publication, error) {
	name := s.offer.key
	if name == "" {
		name = s.offer.id // which anybody may publish in open mode
	}
	p := &publication{session: s}
	var err error
	p.Session, err = s.server.sessions.Publish(ctx, ingest.Request{
		Protocol: protocol, Remote: s.offer.remote.String(), App: "live", Name: name,
		Broadcast: s.offer.id, Encoder: s.offer.encoder, CommonClock: true,
	}, s.evict, p, s.log)
	if err != nil {
		return nil, err
	}
	p.tags = ingest.NewTagWriter(p.Session)
	return p, nil
}

// handle handles one tag.
func (s *session) handle(t tag) error {
	p := s.publication
	p.acks.latest, p.acks.due = t.timestamp, p.acks.at.IsZero()
	var err error
	switch {
	case len(t.body) == 0:
		p.Skip(ingest.SkipEmpty)
		s.countControl()
	case t.kind == flv.TagVideo:
		err = p.tags.Video(t.timestamp, t.body, s.conn.peer.Arrived())
	case t.kind == flv.TagAudio:
		err = p.tags.Audio(t.timestamp, t.body, s.conn.peer.Arrived())
	default:
		p.tags.Data(t.body)
		s.countControl()
	}
	if err == nil {
		p.ack(s.conn.peer.Arrived())
	}
	return err
}

// ack acknowledges the latest tag if its timestamp is another one than that of the last
// acknowledgement, and that was long enough ago.
func (p *publication) ack(now time.Time) {
	a := &p.acks
	if !a.due && a.latest == a.last || now.Sub(a.at) < ackEvery {
		return
	}
	a.last, a.due, a.at = a.latest, false, now
	a.text = append(a.text[:0], ackBegin...)
	a.text = strconv.AppendUint(a.text, uint64(a.latest), 10)
	a.text = append(a.text, ackEnd...)
	p.session.say(a.text)
}

// Count implements ingest.Conn.
func (p *publication) Count(t *ingest.Tally) {
	t.Bytes += p.session.conn.received - p.counted
	p.counted = p.session.conn.received
}

// Hold implements ingest.Conn. It first writes what is queued, since it may block for long.
func (p *publication) Hold(d time.Duration) error {
	if err := p.session.conn.flush(); err != nil {
		return err
	}
	p.session.conn.peer.Hold(d)
	return nil
}

// Established implements ingest.Conn.
func (p *publication) Established() { p.session.slot.SetRank(connlimit.Established) }
