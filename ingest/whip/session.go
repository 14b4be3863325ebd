package whip

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/pion/webrtc/v4"

	"golive/ingest"
	"golive/internal/connlimit"
)

// tick is how often a session looks for what did not come.
const tick = 20 * time.Millisecond

var (
	// errStopped is the cause of a session's end when the publisher has stopped it.
	errStopped = errors.New("the publisher stopped")
	// errLost: the WebRTC connection was closed, or nothing was received for too long.
	errLost = errors.New("the connection was lost")
	// errReclaimed: the session had sent nothing when another one needed its slot.
	errReclaimed = errors.New("the session made room for another one")
)

// session is one publisher. Its goroutine runs it; others only end it, or change the peer's addresses.
type session struct {
	*ingest.Session

	server *Server
	id     string // the last element of its URL
	peer   *peer
	ending ending
	slot   *connlimit.Slot

	began     time.Time
	connected bool
	bytes     uint64 // received and not counted yet
	idleAt    time.Time
	tracks    tracks
}

// ending is how a session ends.
type ending struct {
	end  context.CancelCauseFunc
	over <-chan struct{} // closed when it is to end
	done chan struct{}   // closed when it has ended
}

// tracks are what the peer sends.
type tracks struct {
	video    *video
	audio    *audio
	ssrc     webrtc.SSRC // of video
	unjoined bool        // it was logged that the reports cannot be used
}

// Count implements ingest.Conn.
func (s *session) Count(t *ingest.Tally) {
	t.Bytes += s.bytes
	s.bytes = 0
}

// Hold implements ingest.Conn.
func (s *session) Hold(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ending.over: // serve returns why
		return nil
	}
}

// Established implements ingest.Conn.
func (s *session) Established() { s.slot.SetRank(connlimit.Established) }

// run runs the session until it ends.
func (s *session) run(ctx context.Context, log *slog.Logger) {
	defer close(s.ending.done)
	defer s.slot.Release()
	defer s.server.sessions.Metrics().Connected()()
	c := s.converter(log)
	converting, stop := context.WithCancel(context.WithoutCancel(ctx)) // it ends after the rest was written
	defer stop()
	s.tracks.audio = newAudio(s.Session, c)
	share := s.server.sessions.Messages.Share(s.ending.end)
	defer share.Leave()
	s.tracks.video = newVideo(s.Session, int(s.server.cfg.Limits.MessageSize), share)
	if c != nil {
		defer func() { // run has closed frames when it ends
			for range c.frames {
				continue
			}
		}()
		go c.run(converting)
	}
	err := ingest.Protect(log, func() error { return s.serve(ctx, c) })
	if errors.Is(err, errStopped) {
		err = ingest.Protect(log, func() error { return s.flush(c) })
	}
	s.server.forget(s.id)
	s.End(err)
	stop()
	s.peer.close()
}

// converter returns the converter of Opus, or nil if ffmpeg is not found.
func (s *session) converter(log *slog.Logger) *converter {
	program, err := s.server.findFFmpeg()
	if err != nil {
		return nil
	}
	return newConverter(program, log)
}

// serve handles what the peer sends, until an error ends the session.
func (s *session) serve(ctx context.Context, c *converter) error {
	var frames <-chan aacFrame
	var failed <-chan error
	if c != nil {
		frames, failed = c.frames, c.failed
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case e := <-s.peer.events:
			if err := s.handle(e); err != nil {
				return err
			}
		case f, ok := <-frames:
			if !ok {
				frames = nil
				continue
			}
			if err := s.tracks.audio.writeFrame(f, time.Now()); err != nil {
				return err
			}
			s.idleAt = time.Time{}
		case err := <-failed:
			s.tracks.audio.fail(err)
		case now := <-ticker.C:
			if err := s.check(now); err != nil {
				return err
			}
		case <-ctx.Done():
			cause := context.Cause(ctx)
			if errors.Is(cause, errStopped) {
				return errStopped
			}
			return &ingest.CutError{Err: cause, Evicted: true}
		}
	}
}

// handle handles an event of the peer.
func (s *session) handle(event any) error {
	t := &s.tracks
	switch e := event.(type) {
	case packetArrived:
		s.bytes += uint64(e.MarshalSize())
		s.idleAt = time.Time{}
		s.Received(e.at)
		if e.kind == webrtc.RTPCodecTypeVideo {
			t.video.push(e.arrival, e.at.Sub(s.began))
			return s.writeVideo(e.at)
		}
		t.audio.push(e.arrival, e.at.Sub(s.began))
		return t.audio.write(e.at)
	case reportArrived:
		s.join(e)
	case trackBegan:
		s.Log().Debug("track began", "kind", e.kind.String(), "codec", e.codec.MimeType)
		if e.kind == webrtc.RTPCodecTypeVideo {
			t.ssrc = e.ssrc
			t.video.configure(e.codec)
		} else if t.audio.converter == nil {
			t.audio.warnOpus()
		}
	case webrtc.PeerConnectionState:
		switch e {
		case webrtc.PeerConnectionStateConnected:
			s.connected = true
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			return errLost
		default:
		}
	}
	return nil
}

// join takes a sender report.
func (s *session) join(r reportArrived) {
	t := &s.tracks
	if r.kind == webrtc.RTPCodecTypeVideo {
		t.video.clock.setReport(r.SenderReport)
	} else {
		t.audio.clock.setReport(r.SenderReport)
	}
	if !t.video.join.join(&t.video.clock, &t.audio.clock) && t.video.clock.report && t.audio.clock.report && !t.unjoined {
		t.unjoined = true
		s.Log().Warn("sender reports ignored", "reason", "the clocks of audio and video differ: they are joined by when they arrive")
	}
}

// writeVideo writes the pictures that are complete, and requests a key frame if one is needed.
func (s *session) writeVideo(now time.Time) error {
	v := s.tracks.video
	if v.clock.begun {
		v.audioFollows = s.tracks.audio.follows(v.dts, now.Sub(s.began)-v.clock.base.Duration())
	}
	err := v.write(now)
	if err == nil && s.tracks.video.needsKey(now) {
		s.peer.requestKey(s.tracks.ssrc)
	}
	return err
}

// check looks for what did not come.
func (s *session) check(now time.Time) error {
	if !s.connected {
		if now.Sub(s.began) > s.server.cfg.Limits.HandshakeTimeout {
			return ingest.ErrSlow
		}
		return nil
	}
	if err := s.writeVideo(now); err != nil {
		return err
	}
	if err := s.tracks.audio.write(now); err != nil {
		return err
	}
	if s.idleAt.IsZero() {
		s.idleAt = s.FirstIdleCheck()
	}
	if now.Before(s.idleAt) {
		return nil
	}
	next, _, err := s.CheckIdle(now, false)
	s.idleAt = next
	return err
}

// flush writes what was received before the publisher stopped, and the sound that is still converted.
func (s *session) flush(c *converter) error {
	for range len(s.peer.events) {
		if err := s.handle(<-s.peer.events); err != nil {
			return err
		}
	}
	t, now := &s.tracks, time.Now()
	t.video.packets.wait, t.audio.packets.wait = 0, 0 // nothing follows
	if err := errors.Join(t.video.write(now), t.audio.write(now)); err != nil || c == nil {
		return err
	}
	c.stop()
	limit := time.After(flushTimeout)
	for {
		select {
		case f, ok := <-c.frames:
			if !ok {
				return nil
			}
			if err := s.tracks.audio.writeFrame(f, time.Now()); err != nil {
				return err
			}
		case <-limit:
			return nil
		}
	}
}
