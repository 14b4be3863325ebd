package rtmp

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/internal/connlimit"
	"golive/internal/loglimit"
)

// tallyEvery is how often a publication gives its counts to the metrics.
const tallyEvery = time.Second

// publication is the part of a session between publish and its end.
type publication struct {
	id     string // the broadcast's
	name   string // what the peer calls it, which may be a secret
	stream uint32 // the message stream
	onZero bool   // it was asked for on message stream 0

	log      *slog.Logger
	sink     ingest.Sink
	demux    *flv.Demuxer
	clock    ingest.Clock
	guard    *ingest.Guard
	pictures ingest.Pictures
	watch    ingest.RepairWatch

	begun    bool // a unit came
	pace     pace
	throttle throttle

	encoder string
	started time.Time
	tallied time.Time
	total   ingest.Tally
	fresh   ingest.Tally // not in total yet

	// What the sources of fresh said when they were last asked.
	received uint64
	chunks   chunk.Stats
	repaired ingest.RepairCounts

	sound              ingest.SoundWarnings
	badVideo           int  // units in a row that cannot be carried
	saidAudio, saidBad bool // it was logged that audio, or a unit, is not used
	saidTracks         bool // that there are more tracks
	saidTimes          bool // that timestamps are repaired
	saidLimits         []ingest.Limit
}

// publish begins the publication of what the peer calls name.
func (s *session) publish(a ingest.Admission, name string, onZero bool) {
	now := time.Now()
	s.publication = &publication{
		id:       a.ID,
		name:     name,
		stream:   s.stream,
		onZero:   onZero,
		log:      s.log.With("broadcast", a.ID),
		sink:     a.Sink,
		demux:    flv.NewDemuxer(),
		guard:    ingest.NewGuard(s.server.cfg.Limits),
		encoder:  s.encoder,
		started:  now,
		tallied:  now,
		received: s.chunks.Received(),
		chunks:   s.chunks.Stats(),
	}
	if s.server.cfg.Limits.Ahead == 0 {
		s.publication.throttle.next = math.MaxInt64
	}
	s.published = true
	s.server.metrics.SessionStarted()
	s.link.live(s.server.cfg.IdleTimeout)
	s.chunks.Trust(liveBuffer, chunk.Limits{
		MessageSize: int(s.server.cfg.Limits.MessageSize), ChunkStreams: liveStreams, Memory: s.share,
	})
	s.controls, s.refilled = 0, now
	s.rank(connlimit.Admitted)
	s.publication.log.Debug("publisher was admitted", "encoder", s.encoder)
}

// unpublish ends the publication; cause is nil when the publisher said so.
func (s *session) unpublish(cause error) {
	p := s.publication
	s.publication = nil
	s.tally(p)
	if err := s.guarded(func() error { p.sink.Close(cause); return nil }); err != nil {
		cause = err
	}
	v := judge(cause)
	s.server.metrics.SessionEnded(s.protocol, v.end)
	s.rank(connlimit.Opened)
	attrs := []any{
		"duration", time.Since(p.started).Round(time.Millisecond), "bytes", p.total.Bytes,
		"video_units", p.total.Video, "audio_units", p.total.Audio,
		"repairs", p.total.Repairs(), "skipped", p.total.Skips(), "encoder", p.encoder,
	}
	if cause != nil {
		attrs = append(attrs, "err", cause)
	}
	if v.level == slog.LevelInfo && !p.begun {
		// Whoever may publish can do so without media a thousand times a second.
		s.server.refusals.Log(p.log, v.level, "session ended", string(v.end), attrs...)
		return
	}
	loglimit.Write(p.log, v.level, "session ended", append([]any{"reason", string(v.end)}, attrs...)...)
}

// begin takes note of the first unit.
func (s *session) begin(p *publication) {
	p.begun = true
	s.rank(connlimit.Established)
	p.log.Info("session started", "encoder", p.encoder)
}

// rank says what the connection has proved.
func (s *session) rank(r connlimit.Rank) {
	if s.place != nil {
		s.place.Set(r)
	}
}

// tick tells the sink the time while nothing comes.
func (s *session) tick(now time.Time) (slow bool) {
	if s.publication == nil {
		return false
	}
	t, ok := s.publication.sink.(ingest.Ticker)
	return ok && t.Tick(now)
}

// tally gives the metrics what was counted since the last time.
func (s *session) tally(p *publication) {
	received, chunks, repaired := s.chunks.Received(), s.chunks.Stats(), p.clock.Repaired()
	p.fresh.Bytes += received - p.received
	p.fresh.Skipped[ingest.SkipEmpty] += chunks.Empty - p.chunks.Empty
	p.fresh.Repaired[ingest.RepairRestarted] += chunks.Aborted - p.chunks.Aborted
	for i, n := range repaired {
		p.fresh.Repaired[i] += n - p.repaired[i]
	}
	p.received, p.chunks, p.repaired = received, chunks, repaired
	p.pace.turn(s.link.arrived)

	if w, over := p.watch.Add(p.fresh.Repaired); w != nil {
		if !p.saidTimes {
			p.saidTimes = true
			p.log.Warn("timestamps are repaired; more will only be counted", "reason", w.Text)
		}
		p.warn(*w)
	} else if over {
		p.clearWarning(ingest.WarnTimestampsRepaired)
	}
	s.server.metrics.Add(p.fresh)
	p.total = p.total.Plus(p.fresh)
	p.fresh = ingest.Tally{}
	p.tallied = s.link.arrived
	if video, audio := p.demux.ExtraTracks(); video+audio > 0 && !p.saidTracks {
		p.saidTracks = true
		p.log.Info("more tracks than one of a kind: the first is used", "video_tracks", video+1, "audio_tracks", audio+1)
		p.warn(ingest.Warning{
			Code: ingest.WarnExtraTracks,
			Text: fmt.Sprintf("%d video and %d audio tracks are sent: only the first of each is broadcast", video+1, audio+1),
		})
	}
}

// warn shows w to the broadcaster, if the Sink can.
func (p *publication) warn(w ingest.Warning) {
	if to, ok := p.sink.(ingest.Warner); ok {
		to.Warn(w)
	}
}

// clearWarning takes a warning back.
func (p *publication) clearWarning(code ingest.WarningCode) {
	if to, ok := p.sink.(ingest.Warner); ok {
		to.ClearWarning(code)
	}
}
