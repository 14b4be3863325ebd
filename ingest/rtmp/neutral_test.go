package rtmp

import (
	"context"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/container/amf0"
	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
	"golive/media"
)

// tag is an FLV tag that arrives some time after the previous one.
type tag struct {
	after time.Duration
	flv.Tag
}

// tagConn is a connection of a protocol that consists of FLV tags only. It implements only what
// a protocol must.
type tagConn struct {
	read, counted uint64
}

func (c *tagConn) Count(t *ingest.Tally) {
	t.Bytes += c.read - c.counted
	c.counted = c.read
}

func (c *tagConn) Hold(d time.Duration) error { <-time.After(d); return nil }

func (c *tagConn) Established() {}

// serveTags publishes tags, and then sends nothing for as long as linger.
func serveTags(ctx context.Context, all *ingest.Sessions, tags []tag, linger time.Duration) {
	const remote = "192.0.2.1:1"
	log, conn := all.Logger("tags", remote), &tagConn{}
	s, err := all.Publish(ctx, ingest.Request{Protocol: "tags", Remote: remote, App: "live", Name: "studio", Encoder: "test/1.0"}, func(error) {}, conn, log)
	if err != nil {
		all.Refused(log, ingest.OutcomeOf(err).Level, "tags", ingest.OutcomeOf(err).Refusal, "err", err)
		return
	}
	w := ingest.NewTagWriter(s)
	s.End(ingest.Protect(log, func() error {
		for _, tag := range tags {
			<-time.After(tag.after)
			conn.read += uint64(len(tag.Body))
			write := w.Video
			if tag.Type == flv.TagAudio {
				write = w.Audio
			}
			if err := write(tag.Timestamp, tag.Body, time.Now()); err != nil {
				return err
			}
		}
		end := time.Now().Add(linger)
		for at := s.FirstIdleCheck(); at.Before(end); {
			<-time.After(time.Until(at))
			var err error
			if at, _, err = s.CheckIdle(time.Now(), false); err != nil {
				return err
			}
		}
		return nil
	}))
}

// sessionResult holds the effects of a session.
type sessionResult struct {
	Units    []string
	Warnings []ingest.WarningCode
	Cleared  []ingest.WarningCode
	Cause    string
	Log      []string
	Counts   map[string]float64
}

// sessionResultOf collects the effects of a session, without those that depend on the protocol:
// times and bytes on the wire.
func sessionResultOf(t *testing.T, h *harness, s *ingesttest.Sink, start time.Time) sessionResult {
	t.Helper()
	<-s.Closed
	o := sessionResult{Counts: map[string]float64{}}
	for range len(s.Wrote) {
		u := <-s.Wrote
		o.Units = append(o.Units, u.Arrived.Sub(start).String()+" "+at(u)+" "+u.Track.CodecString+map[bool]string{true: " discontinuity"}[u.Discontinuity])
	}
	for range len(s.Warned) {
		o.Warnings = append(o.Warnings, (<-s.Warned).Code)
	}
	for range len(s.Cleared) {
		o.Cleared = append(o.Cleared, <-s.Cleared)
	}
	if s.Cause != nil {
		o.Cause = s.Cause.Error()
	}
	own := regexp.MustCompile(` (time|protocol|session|remote|duration|bytes)=\S+`)
	for line := range strings.Lines(h.log.String()) {
		if line = own.ReplaceAllString(" "+line, ""); strings.Contains(line, "broadcast=studio") {
			o.Log = append(o.Log, strings.TrimSpace(line))
		}
	}
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.HasSuffix(f.GetName(), "_bytes_total") || f.GetName() == "golive_ingest_connections" {
			continue
		}
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				if l.GetName() != "protocol" {
					name += " " + l.GetValue()
				}
			}
			if n := m.GetCounter().GetValue() + m.GetGauge().GetValue(); n != 0 {
				o.Counts[name] += n
			}
		}
	}
	return o
}

// TestSession_IsTheSameForEveryProtocol publishes the same tags with RTMP, over WebSocket, and with
// a protocol that supports only FLV tags.
func TestSession_IsTheSameForEveryProtocol(t *testing.T) {
	video := func(after time.Duration, ms uint32, body []byte) tag {
		return tag{after, flv.Tag{Type: flv.TagVideo, Timestamp: ms, Body: body}}
	}
	audio := func(after time.Duration, ms uint32, body []byte) tag {
		return tag{after, flv.Tag{Type: flv.TagAudio, Timestamp: ms, Body: body}}
	}
	const step = 40 * time.Millisecond
	// live returns n pictures of size bytes, with their sound; stamp maps the timestamps.
	live := func(n, size int, stamp func(ms uint32) uint32) []tag {
		all := []tag{video(0, 0, ingesttest.AVCConfig()), audio(0, 0, ingesttest.AACConfig())}
		sound := uint32(0)
		for i := range uint32(n) {
			all = append(all, video(step, stamp(40*i), ingesttest.Picture(i%50 == 0, size)))
			for ; sound*1024/48 <= 40*i; sound++ {
				all = append(all, audio(0, stamp(sound*1024/48), ingesttest.AACFrame()))
			}
		}
		return all
	}
	clean := func(ms uint32) uint32 { return ms }
	for name, tt := range map[string]struct {
		tags    []tag
		limits  func(*ingest.LimitsConfig)
		linger  time.Duration
		reason  string
		warning ingest.WarningCode
		repair  string
	}{
		"clean":                {tags: live(500, 100, clean), reason: "stopped"},
		"clean, with a wrap":   {tags: live(500, 100, func(ms uint32) uint32 { return (1<<24 - 4000 + ms) & (1<<24 - 1) }), reason: "stopped"},
		"a jump":               {tags: live(500, 100, func(ms uint32) uint32 { return ms + ms/10_000*50_000_000 }), reason: "stopped", repair: "rebased"},
		"shared times":         {tags: live(500, 100, func(ms uint32) uint32 { return ms / 80 * 80 }), reason: "stopped", repair: "spread", warning: ingest.WarnTimestampsRepaired},
		"one time for all":     {tags: live(1500, 100, func(uint32) uint32 { return 0 }), reason: "stopped", repair: "stood_still", warning: ingest.WarnTimestampsRepaired},
		"unsupported sound":    {tags: append(live(50, 100, clean), audio(0, 2000, []byte{0xbf, 1, 2})), reason: "stopped", warning: ingest.WarnAudioUnsupported},
		"unsupported pictures": {tags: []tag{video(0, 0, []byte{0x12, 1, 2})}, reason: "unsupported"},
		"nonsense":             {tags: append(live(50, 100, clean), video(0, 2000, []byte{0x17, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1})), reason: "stopped"},
		"silence":              {tags: live(50, 100, clean), linger: time.Hour, reason: "idle"},
		"over the bit rate": {
			tags: live(1000, 5000, clean), reason: "limit", warning: ingest.WarnBitrateHigh,
			limits: func(l *ingest.LimitsConfig) { l.Bitrate = 800_000 },
		},
		"too large": {tags: live(50, 100, clean), reason: "limit", limits: func(l *ingest.LimitsConfig) { l.Width = 300 }},
		"faster than real time": {
			tags: live(1000, 100, func(ms uint32) uint32 { return 2 * ms }), reason: "stopped", warning: ingest.WarnFasterThanRealTime,
			limits: func(l *ingest.LimitsConfig) { l.Ahead = 3 * time.Second },
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.IdleTimeout = 10 * time.Second
			if tt.limits != nil {
				tt.limits(&cfg.Limits)
			}
			var got [3]sessionResult
			synctest.Test(t, func(t *testing.T) { got[0] = overRTMP(t, cfg, tt.tags, tt.linger) })
			synctest.Test(t, func(t *testing.T) {
				h, start := newHarness(t, cfg), time.Now()
				serveTags(t.Context(), h.server.sessions, tt.tags, tt.linger)
				got[1] = sessionResultOf(t, h, <-h.Opened, start)
			})
			synctest.Test(t, func(t *testing.T) { got[2] = overWebSocket(t, cfg, tt.tags, tt.linger) })
			if cfg.Limits.Ahead > 0 { // the arrival of throttled units depends on the protocol
				for i := range got {
					for j, unit := range got[i].Units {
						_, got[i].Units[j], _ = strings.Cut(unit, " ")
					}
				}
			}
			if diff := cmp.Diff(got[0], got[1]); diff != "" {
				t.Errorf("sessionResult (-RTMP +tags):\n%s", diff)
			}
			if diff := cmp.Diff(got[0], got[2]); diff != "" {
				t.Errorf("sessionResult (-RTMP +WebSocket):\n%s", diff)
			}
			o := got[1]
			if last := o.Log[len(o.Log)-1]; !strings.Contains(last, `msg="session ended" broadcast=studio reason=`+tt.reason) {
				t.Errorf("the last line is %s", last)
			}
			if tt.warning != "" && !slices.Contains(o.Warnings, tt.warning) {
				t.Errorf("warned of %v, want %v", o.Warnings, tt.warning)
			}
			if strings.HasPrefix(name, "clean") && !strings.Contains(o.Log[len(o.Log)-1], "repairs=0 ") {
				t.Errorf("timestamps were repaired: %v", o.Counts)
			}
			if tt.repair != "" && o.Counts["golive_ingest_repairs_total "+tt.repair] == 0 {
				t.Errorf("counts %v, want repairs of kind %s", o.Counts, tt.repair)
			}
		})
	}
}

// overRTMP publishes tags over RTMP, and then sends nothing for as long as linger.
func overRTMP(t *testing.T, cfg ingest.Config, tags []tag, linger time.Duration) sessionResult {
	h := newHarness(t, cfg)
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); h.server.serve(context.Background(), near, protocolPlain) }()
	c := handshakeOver(t, far)
	c.publish("studio")
	start := time.Now()
	_ = far.SetReadDeadline(time.Time{})
	go func() {
		for {
			if _, err := c.chunks.Next(); err != nil {
				return
			}
		}
	}()
	s := <-h.Opened
	for _, tag := range tags {
		<-time.After(tag.after)
		b := chunk.Append(nil, chunk.Message{Type: tag.Type, ChunkStream: uint32(tag.Type), Stream: 1, Timestamp: tag.Timestamp, Body: tag.Body}, c.size)
		if _, err := far.Write(b); err != nil {
			break // the session has ended
		}
	}
	if linger > 0 {
		select {
		case <-time.After(linger):
		case <-s.Closed:
		}
	}
	stop := chunk.Message{Type: chunk.TypeCommandAMF0, ChunkStream: 3, Stream: 1, Body: amf0.Append(nil, "deleteStream", 0, nil, 1)}
	_, _ = far.Write(chunk.Append(nil, stop, c.size)) // fails if the session has ended
	synctest.Wait()
	o := sessionResultOf(t, h, s, start)
	_ = far.Close()
	<-done
	return o
}

var _ ingest.Conn = (*tagConn)(nil)

// TestSession_AcceptsUnitsOfAnyClock writes access units, as a protocol
// without tags does, with times that RTMP cannot have: below zero.
func TestSession_AcceptsUnitsOfAnyClock(t *testing.T) {
	h := newHarness(t, testConfig())
	s, err := h.server.sessions.Publish(t.Context(), ingest.Request{Protocol: "units", Remote: "192.0.2.1:1", App: "live", Name: "studio"},
		func(error) {}, &tagConn{}, h.server.sessions.Logger("units", "192.0.2.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	track := &media.Track{Codec: media.AAC, SampleRate: 48_000, SamplesPerUnit: 1024}
	const base = -media.Second
	for i := range media.Ticks(100) {
		dts := base + 1920*i
		if err := s.Write(media.AccessUnit{Track: track, DTS: dts, PTS: dts, Key: true, Data: []byte{1}, Arrived: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	s.End(nil)
	to := <-h.Opened
	for i := range media.Ticks(100) {
		if u := <-to.Wrote; u.DTS != base+1920*i || u.Discontinuity {
			t.Fatalf("unit %d at %d, want %d", i, u.DTS, base+1920*i)
		}
	}
	h.line(t, "session ended", "reason=stopped", "audio_units=100")
}
