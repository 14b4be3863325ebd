package ingest

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golive/internal/loglimit"
	"golive/media"
)

// countEvery is how often a Session adds its counts to the metrics.
const countEvery = time.Second

// Session is an admitted publisher's session. It repairs times, enforces limits, warns,
// counts and logs in the same way for every protocol. It is used by one goroutine.
type Session struct {
	id       string
	sessions *Sessions
	protocol string
	conn     Conn
	log      *slog.Logger

	sink   Sink
	ticker Ticker // the sink, if it is a Ticker
	warner Warner // the sink, if it is a Warner

	timeline Timeline
	limits   *LimitChecker
	throttle throttle
	pace     pace
	warnings sessionWarnings

	begun     bool // a unit was received
	encoder   string
	started   time.Time
	lastMedia time.Time // when audio or video was last received
	lastPing  time.Time // when Quiet last requested a ping
	counts    counts
	// afterCount is called after each count; it may be nil.
	afterCount func()
}

// sessionWarnings is the state of a Session's warnings.
type sessionWarnings struct {
	pictures Pictures
	keys     KeyFrames
	sound    SoundWarnings
	repairs  RepairWatch
	flow     flow

	loggedRepairs bool
	loggedLimits  []Limit
	loggedCodes   []WarningCode // of loggedWarner
}

// counts are the counters of a Session.
type counts struct {
	at       time.Time // when they were last added to the metrics
	total    Tally
	fresh    Tally // not added to total yet
	repaired RepairCounts
}

// ID returns the broadcast's id.
func (s *Session) ID() string { return s.id }

// Log returns the session's log.
func (s *Session) Log() *slog.Logger { return s.log }

// Holding reports whether the session is throttled because media is ahead of real time.
func (s *Session) Holding() bool { return s.throttle.holding }

// SetEncoder sets the encoder's name; an empty one is ignored.
func (s *Session) SetEncoder(name string) {
	if name = CleanEncoder(name); name != "" {
		s.encoder = name
	}
}

// SetFrameRate sets the frame rate that the encoder declares, in pictures per second.
func (s *Session) SetFrameRate(rate float64) { s.pace.setFrameRate(rate) }

// SetVideoBitRate sets the bit rate of the video that the encoder declares, in bits per second.
func (s *Session) SetVideoBitRate(rate float64) { s.warnings.flow.bytes.declared = rate }

// Skip counts something that was ignored.
func (s *Session) Skip(r SkipReason) { s.counts.fresh.Skipped[r]++ }

// Write writes the next unit to the Sink with repaired times. DTS and PTS are those of the
// protocol, unwrapped; Arrived is when the unit was received. An error ends the session.
func (s *Session) Write(u media.AccessUnit) error {
	s.Received(u.Arrived)
	s.MediaReceived(u.Arrived)
	if !s.begun {
		s.begun = true
		s.conn.Established()
		s.log.Info("session started", "encoder", s.encoder)
	}
	kind, extra := kindOf(u.Track), u.Track.Number != 0
	if !extra {
		s.pace.note(kind, u.DTS)
	}
	stamp := s.timeline.Next(u.Track, u.DTS, u.PTS-u.DTS, u.Arrived)
	u.DTS, u.PTS = stamp.DTS, stamp.PTS
	u.Discontinuity = u.Discontinuity || stamp.Discontinuity
	s.warnings.flow.bytes.bytes += int64(len(u.Data))
	if u.DTS >= s.throttle.next {
		s.warnings.flow.note(u.DTS, u.Arrived)
		if err := s.hold(u.DTS); err != nil {
			return err
		}
	}
	if found := s.limits.Check(&u); found != nil {
		if err := s.limit(found); err != nil {
			return err
		}
	}
	if kind == Video {
		if extra {
			s.noteExtra(&u)
		} else {
			s.warnings.flow.pictures.note(u.DTS)
			if s.warner != nil {
				s.warnings.pictures.Check(&u, s.warner)
				s.warnings.keys.Default(&u, s.warner)
			}
		}
		s.counts.fresh.Video++
	} else {
		s.counts.fresh.Audio++
		if u.Track != s.warnings.sound.Track {
			s.warnings.sound.Began(s.sink, u.Track)
		}
		s.warnings.sound.Check(&u, loggedWarner{s})
	}
	if err := s.sink.WriteUnit(u); err != nil {
		return &CutError{Err: err}
	}
	return nil
}

// noteExtra records a unit of an additional video track. Warnings about pictures are about the
// default track only: those of several would replace each other.
func (s *Session) noteExtra(u *media.AccessUnit) {
	if s.warnings.keys.Extra(u) {
		s.log.Info("additional video track began", "track", u.Track.Number,
			"codec", u.Track.CodecString, "width", u.Track.Width, "height", u.Track.Height)
	}
}

// Received records that something was received at that time, media or not.
func (s *Session) Received(at time.Time) {
	if at.Sub(s.counts.at) >= countEvery {
		s.count(at)
	}
}

// MediaReceived records that a unit or a decoder configuration was received at that time: it resets
// the idle timeout.
func (s *Session) MediaReceived(at time.Time) { s.lastMedia = at }

// hold blocks while the unit with that DTS is further ahead of real time than Limits.Ahead
// allows.
func (s *Session) hold(dts media.Ticks) error {
	ahead := s.limits.limits.Ahead
	if ahead == 0 {
		s.throttle.next = dts + checkInterval
		return nil
	}
	now := time.Now()
	rest := s.throttle.delay(dts, now, ahead)
	warn, over := s.throttle.addDelay(rest, now)
	switch {
	case warn:
		s.log.Info("media faster than real time was throttled")
		s.Warn(Warning{Code: WarnFasterThanRealTime, Text: fmt.Sprintf(
			"media is sent faster than real time; beyond %v ahead it is throttled: set the encoder to real time, as ffmpeg's -re does", ahead)})
	case over:
		s.ClearWarning(WarnFasterThanRealTime)
	}
	if rest == 0 {
		return nil
	}
	err := s.conn.Hold(rest)
	s.lastMedia = time.Now() // the peer was not idle meanwhile
	return err
}

// limit logs a warning, once for each limit, or returns the error that ends the session.
func (s *Session) limit(found *LimitFinding) error {
	if found.Final {
		return &CutError{Err: found.Err}
	}
	s.sessions.metrics.LimitReached(found.Err.Limit, false)
	if !slices.Contains(s.warnings.loggedLimits, found.Err.Limit) {
		s.warnings.loggedLimits = append(s.warnings.loggedLimits, found.Err.Limit)
		s.log.Warn("limit nearly or already reached; further ones are only counted", "limit", string(found.Err.Limit), "reason", found.Err.Reason())
		s.Warn(found.Err.Warning())
	}
	return nil
}

// CheckIdle is called if nothing was received until now. It ticks the Sink, and returns when to
// call it again, and whether to ping the peer if the protocol can. receiving is set if a
// unit is partly received. The error, ErrIdle, ends the session.
func (s *Session) CheckIdle(now time.Time, receiving bool) (next time.Time, ping bool, err error) {
	idle := s.sessions.cfg.IdleTimeout
	quiet, limit := now.Sub(s.lastMedia), s.pace.idleTimeout(idle)
	if receiving {
		limit = max(idle, maxPace)
	}
	next = s.lastMedia.Add(idle / 2)
	if quiet >= idle/2 {
		next = s.lastMedia.Add(min(limit, max(idle, quiet+idle/2)))
	}
	if s.ticker != nil && s.ticker.Tick(now) {
		limit, next = max(limit, slowTimeout), now.Add(tickEvery)
	}
	if quiet >= limit {
		return next, false, ErrIdle
	}
	if ping = quiet >= idle/2 && s.lastPing.Before(s.lastMedia); ping {
		s.lastPing = now
		s.throttle.holding = false // the peer has paused
	}
	return next, ping, nil
}

// FirstIdleCheck returns when Quiet is to be called if nothing is received from now on.
func (s *Session) FirstIdleCheck() time.Time {
	return s.lastMedia.Add(min(firstTick, s.sessions.cfg.IdleTimeout/2))
}

// count adds what was counted since the last call to the metrics.
func (s *Session) count(at time.Time) {
	c := &s.counts
	s.conn.Count(&c.fresh)
	repaired := s.timeline.Repaired()
	for i, n := range repaired {
		c.fresh.Repaired[i] += n - c.repaired[i]
	}
	c.repaired = repaired
	s.pace.rotate(at)
	if w, over := s.warnings.repairs.Add(c.fresh.Repaired); w != nil {
		if !s.warnings.loggedRepairs {
			s.warnings.loggedRepairs = true
			s.log.Warn("timestamps repaired; further ones are only counted", "reason", w.Text)
		}
		s.Warn(*w)
	} else if over {
		s.ClearWarning(WarnTimestampsRepaired)
	}
	s.warnings.flow.check(at, loggedWarner{s})
	s.sessions.metrics.Add(c.fresh)
	c.total = c.total.Plus(c.fresh)
	c.fresh = Tally{}
	c.at = at
	if s.afterCount != nil {
		s.afterCount()
	}
}

// videoUnits returns the number of video units so far.
func (s *Session) videoUnits() uint64 { return s.counts.total.Video + s.counts.fresh.Video }

// End ends the session, once; cause is nil if the publisher stopped. It closes the Sink,
// counts the end and logs it.
func (s *Session) End(cause error) {
	s.count(time.Now())
	if err := Protect(s.log, func() error { s.sink.Close(cause); return nil }); err != nil {
		cause = err
	}
	s.sessions.countLimit(cause)
	v := OutcomeOf(cause)
	s.sessions.metrics.SessionEnded(s.protocol, v.End)
	total := &s.counts.total
	attrs := []any{
		"duration", time.Since(s.started).Round(time.Millisecond), "bytes", total.Bytes,
		"video_units", total.Video, "audio_units", total.Audio,
		"repairs", total.Repairs(), "skipped", total.Skips(), "encoder", s.encoder,
	}
	if cause != nil {
		attrs = append(attrs, "err", cause)
	}
	if v.Level == slog.LevelInfo && !s.begun {
		// A publisher can start a session without media a thousand times a second.
		s.sessions.Lines.Log(s.log, v.Level, "session ended", string(v.End), attrs...)
		return
	}
	loglimit.Write(s.log, v.Level, "session ended", append([]any{"reason", string(v.End)}, attrs...)...)
}

// Warn passes w to the Sink if it is a Warner.
func (s *Session) Warn(w Warning) {
	if s.warner != nil {
		s.warner.Warn(w)
	}
}

// ClearWarning clears a warning.
func (s *Session) ClearWarning(code WarningCode) {
	if s.warner != nil {
		s.warner.ClearWarning(code)
	}
}
