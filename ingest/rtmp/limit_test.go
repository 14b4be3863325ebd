package rtmp

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"golive/ingest"
	"golive/ingest/ingesttest"
)

// refused checks that the server has ended a session for a limit, and has reported it to the client,
// to the Sink, in the log and in the metrics.
func (h *harness) refused(t *testing.T, c *client, s *ingesttest.Sink, limit ingest.Limit, description string) {
	t.Helper()
	if st := c.status(); st.String("level") != "error" || st.String("code") != "NetStream.Publish.Denied" || st.String("description") != description {
		t.Errorf("status %v, want %q", st, description)
	}
	c.closed()
	if err := s.End(t); !errors.Is(err, ingest.ErrLimit) {
		t.Errorf("ended with %v", err)
	}
	h.line(t, "session ended", "reason=limit", description)
	if n := h.metric(t, "golive_ingest_limits_reached_total", "refused", string(limit)); n != 1 {
		t.Errorf("the limit is counted %v times, want once", n)
	}
}

func TestLimit_PictureTooLargeIsRefusedWithItsSize(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Width = 300
	h := open(t, cfg)
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.AVCConfig())
	c.video(0, ingesttest.Picture(true, 50))
	h.refused(t, c, s, ingest.LimitWidth, "limit reached: the picture is 320×240 pixels; the limit is a width of 300 (ingest.limits.width)")
	if len(s.Wrote) != 0 {
		t.Error("the picture was broadcast")
	}
}

func TestLimit_BitrateIsWarnedOnceThenRefused(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Bitrate = 80_000
	h := open(t, cfg)
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.AVCConfig())
	for i := range uint32(161) {
		c.video(100*i, ingesttest.Picture(i%10 == 0, 1496)) // 1500 bytes ten times a second: 120 kbit/s
		if i < 160 {
			s.Unit(t)
		}
	}
	const warned = "the bit rate is 0.12 Mbit/s; the limit is 0.08 Mbit/s (ingest.limits.bitrate)"
	if got := ingesttest.Await(t, "the warning", s.Warned).Text; got != warned {
		t.Errorf("warned %q, want %q", got, warned)
	}
	h.refused(t, c, s, ingest.LimitBitrate, "limit reached: the bit rate is 0.12 Mbit/s; the limit is 0.08 Mbit/s (ingest.limits.bitrate)")
	h.line(t, "level=WARN", "limit=bitrate", "broadcast=studio")
	if n := h.metric(t, "golive_ingest_limits_reached_total", "warned", "bitrate"); n != 1 {
		t.Errorf("%v warnings are counted, want 1", n)
	}
}

func TestLimit_LongGOPIsWarnedOfOnceAndCountedEachTime(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.GOPWarn, cfg.Limits.GOPMax = 2*time.Second, 0
	h := open(t, cfg)
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.AVCConfig())
	for i := range uint32(41) {
		c.video(500*i, ingesttest.Picture(i%8 == 0, 50))
		s.Unit(t)
	}
	_ = c.conn.Close()
	_ = s.End(t)
	if n := strings.Count(h.log.String(), "limit=gop_warn"); n != 1 || len(s.Warned) != 1 {
		t.Errorf("%d lines and %d warnings, want one each:\n%s", n, len(s.Warned), h.log)
	}
	if n := h.metric(t, "golive_ingest_limits_reached_total", "warned", "gop_warn"); n != 5 {
		t.Errorf("the limit is counted %v times", n)
	}
}

func TestLimit_PublisherIsRefusedWithoutMemoryForItsMedia(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Memory = 16 << 20
	h := open(t, cfg)
	_, s := h.live(t, "one")
	slab := make([]byte, 20<<20)
	h.memory.Hold([][]byte{slab})
	c := h.dial(t)
	c.connect("live")
	c.command(1, "publish", 3, nil, "two")
	const want = "limit reached: the media of 1 broadcasts occupies 20 MiB of memory; the limit is 16 MiB (ingest.limits.memory)"
	if st := c.status(); st.String("code") != "NetStream.Publish.Denied" || st.String("description") != want {
		t.Errorf("status %v, want %q", st, want)
	}
	c.closed()
	h.line(t, "connection refused", "reason=limit", "ingest.limits.memory")
	if n := h.metric(t, "golive_ingest_limits_reached_total", "refused", "memory"); n != 1 {
		t.Errorf("the limit is counted %v times", n)
	}
	select {
	case <-s.Closed:
		t.Error("the other publisher was ended")
	default:
	}
	runtime.KeepAlive(slab)
}

func TestLimit_SessionsOfAnAddressAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.SessionsPerAddress = 1
	h := open(t, cfg)
	first, s := h.live(t, "one")
	c := h.dial(t)
	c.connect("live")
	c.command(1, "publish", 3, nil, "two")
	const want = "limit reached: 1 broadcasts are published from this address; the limit is 1 (ingest.limits.sessions_per_address)"
	if st := c.status(); st.String("code") != "NetStream.Publish.Denied" || st.String("description") != want {
		t.Errorf("status %v, want %q", st, want)
	}
	c.closed()
	h.line(t, "connection refused", "reason=limit")
	_ = first.conn.Close()
	_ = s.End(t)
	h.live(t, "two")
	if n := h.metric(t, "golive_ingest_limits_reached_total", "refused", "sessions_per_address"); n != 1 {
		t.Errorf("the limit is counted %v times", n)
	}
}
