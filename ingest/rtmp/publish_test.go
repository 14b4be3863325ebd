package rtmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
	"golive/internal/setting"
	"golive/media"
)

func TestPublish_WritesUnitsWithTheirTimes(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	if s.ID != "studio" || s.Publisher.Encoder != "test/1.0" || s.Publisher.App != "live" {
		t.Errorf("admitted %q %+v", s.ID, s.Publisher.Request)
	}
	c.video(0, ingesttest.AVCConfig())
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	c.video(21, composed(ingesttest.Picture(true, 70_000), 40))
	c.video(61, composed(ingesttest.Picture(false, 300), 40))

	want := []struct {
		at    string
		codec media.Codec
		key   bool
		size  int
	}{{"0/0", media.AAC, true, 6}, {"21/61", media.H264, true, 70_004}, {"61/101", media.H264, false, 304}}
	for _, w := range want {
		u := s.Unit(t)
		if at(u) != w.at || u.Track.Codec != w.codec || u.Key != w.key || len(u.Data) != w.size || u.Arrived.IsZero() {
			t.Errorf("unit %s %v key %v, %d bytes, arrived %v; want %+v", at(u), u.Track.Codec, u.Key, len(u.Data), u.Arrived, w)
		}
	}
}

func TestRow3_TcURLStandsInForAMissingApp(t *testing.T) {
	h := open(t, testConfig())
	for _, object := range []amf0.Object{
		{{Name: "tcUrl", Value: "rtmp://host/live"}},
		{{Name: "tcurl", Value: `"rtmp://host:1935/live"`}},
		{{Name: "app", Value: `"live"`}},
	} {
		c := h.dial(t)
		c.command(0, "connect", 1, object)
		c.reply("_result")
		c.command(1, "publish", 0, nil, "studio")
		if s := c.status(); s.String("level") != "status" {
			t.Errorf("%v: %v", object, s)
		}
	}
}

func TestRow4_ConnectObjectMayBeAnECMAArray(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	body := amf0.Append(nil, "connect", 1)
	body = append(body, 8, 0, 0, 0, 1, 0, 3, 'a', 'p', 'p')
	body = append(amf0.Append(body, "live"), 0, 0, 9)
	c.send(chunk.TypeCommandAMF0, 0, 0, body)
	c.reply("_result")
	c.command(1, "publish", 0, nil, "studio")
	if s := c.status(); s.String("level") != "status" {
		t.Errorf("publish: %v", s)
	}
}

func TestRow5_UserAndPasswordAreNotRequested(t *testing.T) {
	// An encoder with a user and password connects without them first, and sends them only on
	// request. What it adds to the query is ignored.
	for _, app := range []string{"live", "live?authmod=adobe&user=me", "live?authmod=llnw&user=me"} {
		h := open(t, testConfig())
		c := h.dial(t)
		c.connect(app)
		c.command(1, "publish", 0, nil, "studio")
		if s := c.status(); s.String("code") != "NetStream.Publish.Start" {
			t.Errorf("%s: %v", app, s)
		}
	}
}

func TestRow6_EveryCommandThatExpectsAReplyIsAnswered(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.connect("live")
	c.command(0, "releaseStream", 2, nil, "studio")
	if r := c.reply("_result"); r[1] != 2.0 {
		t.Errorf("releaseStream: %v", r)
	}
	c.command(0, "FCPublish", 3, nil, "studio")
	if r := c.reply("_result"); r[1] != 3.0 {
		t.Errorf("FCPublish: %v", r)
	}
	if r := c.reply("onFCPublish"); r[3].(amf0.Object).String("code") != "NetStream.Publish.Start" {
		t.Errorf("onFCPublish: %v", r)
	}
	c.command(0, "createStream", 4, nil)
	if r := c.reply("_result"); r[1] != 4.0 || r[3] != 1.0 {
		t.Errorf("createStream: %v", r)
	}
}

func TestRow7_UnknownCommandsAreIgnored(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.command(0, "_checkbw", 5, nil)
	c.command(0, "getStreamLength", 6, nil, "studio")
	c.send(chunk.TypeCommandAMF0, 0, 0, []byte{0xff, 0xff})
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	s.Unit(t)
}

func TestRow8_AMF3CommandHasAPrefixAndIsRead(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.connect("live")
	c.send(chunk.TypeCommandAMF3, 0, 0, amf0.Append([]byte{0}, "createStream", 2, nil))
	c.reply("_result")
	c.send(chunk.TypeCommandAMF3, 1, 0, amf0.Append([]byte{0}, "publish", 3, nil, "studio", "live"))
	if s := c.status(); s.String("level") != "status" {
		t.Errorf("publish: %v", s)
	}
	c.send(chunk.TypeCommandAMF3, 0, 0, []byte{0x11, 0x09}) // a value of AMF3
	c.send(chunk.TypeDataAMF3, 0, 0, []byte{0x11, 0x09})
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	ingesttest.Await(t, "the publication", h.Opened).Unit(t)
}

func TestRow9_UnknownMessagesAreCountedAndSkipped(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	for _, kind := range []uint8{7, 16, 19, 21, 99, 255} {
		c.send(kind, 1, 0, []byte("unknown"))
	}
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	s.Unit(t)
	_ = c.conn.Close()
	_ = s.End(t)
	h.stopServer(t)
	if n := h.metric(t, "golive_ingest_skipped_total", "unknown"); n != 6 {
		t.Errorf("%v unknown messages counted, want 6", n)
	}
}

func TestRow12And36_BadVideoIsSkipped(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.Picture(true, 50)) // before the configuration
	c.video(0, ingesttest.AVCConfig())
	c.video(0, ingesttest.Hex("1701000000"))                    // no NAL unit
	c.video(0, ingesttest.Hex("17010000000000ffff6588"))        // truncated AVCC
	c.video(0, ingesttest.Hex("1f01000000000000026588"))        // no such codec
	c.video(0, append(ingesttest.Hex("87"), "zzzz garbage"...)) // no such FourCC
	c.video(40, ingesttest.Picture(true, 50))
	if u := s.Unit(t); at(u) != "40/40" {
		t.Errorf("first unit at %s, want 40/40, the first valid one", at(u))
	}
	c.command(1, "deleteStream", 0, nil, 1)
	if err := s.End(t); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRow13_UnsupportedAudioIsDroppedAndVideoContinues(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.AVCConfig())
	for i := range uint32(3) {
		c.audio(40*i, ingesttest.Hex("bfffb0")) // Speex
		c.video(40*i, ingesttest.Picture(i == 0, 50))
	}
	for range 3 {
		if u := s.Unit(t); !u.Track.Video() {
			t.Errorf("unit %s of %v, want video", at(u), u.Track.Codec)
		}
	}
	if n := strings.Count(h.log.String(), "audio dropped"); n != 1 || len(s.Warned) != 1 {
		t.Errorf("logged %d times, %d warnings, want one each:\n%s", n, len(s.Warned), h.log)
	}
}

func TestRow14_UnsupportedVideoIsRefusedByName(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.Hex("9376703039"+"0000")) // VP9
	st := c.status()
	if st.String("level") != "error" || st.String("code") != "NetStream.Publish.Rejected" ||
		st.String("description") != "video codec VP9 is not supported: set the encoder to H.264 (AVC)" {
		t.Errorf("status %v", st)
	}
	c.closed()
	if err := s.End(t); err == nil {
		t.Error("ended without a cause")
	}
}

func TestRow17_KeyFrameOf4KPassesTheDefaultLimit(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.AVCConfig())
	c.video(0, ingesttest.Picture(true, 12<<20))
	if u := s.Unit(t); len(u.Data) != 12<<20+4 {
		t.Errorf("a unit of %d bytes, want %d", len(u.Data), 12<<20+4)
	}
}

func TestRow25_MessageStreamMayBeZero(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.connect("live")
	c.command(0, "publish", 0, nil, "studio")
	c.status()
	c.send(chunk.TypeAudio, 0, 0, ingesttest.AACConfig())
	c.send(chunk.TypeAudio, 7, 0, ingesttest.AACFrame())
	ingesttest.Await(t, "the publication", h.Opened).Unit(t)
}

func TestRow26_JumpInTimeDoesNotEndTheSession(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.audio(0, ingesttest.AACConfig())
	for _, at := range []uint32{1000, 1021, 9_000_000, 9_000_021, 9_000_043, 9_000_064} {
		c.audio(at, ingesttest.AACFrame())
	}
	var got []string
	for range 6 {
		u := s.Unit(t)
		got = append(got, fmt.Sprint(u.DTS/media.Millisecond, u.Discontinuity))
	}
	want := []string{"1000 false", "1021 false", "1042 false", "1064 false", "1085 true", "1106 false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}

func TestRow38And39_MetadataNamesTheEncoderAndNothingElse(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	meta := amf0.Object{{Name: "width", Value: "wrong"}, {Name: "framerate", Value: -1.0}, {Name: "encoder", Value: "obs-output module\n"}}
	c.send(chunk.TypeDataAMF0, 1, 0, amf0.Append(nil, "@setDataFrame", "onMetaData", meta))
	c.send(chunk.TypeDataAMF0, 1, 0, amf0.Append(nil, "onMetaData", meta))
	c.send(chunk.TypeDataAMF0, 1, 0, amf0.Append(nil, "onCuePoint", amf0.Object{}))
	c.send(chunk.TypeDataAMF0, 1, 0, []byte{0xff})
	_ = c.conn.Close()
	_ = s.End(t)
	h.stopServer(t)
	if log := h.log.String(); !strings.Contains(log, `encoder="obs-output module"`) {
		t.Errorf("the encoder is not in the log:\n%s", log)
	}
}

func TestRow40_AggregateIsUnpacked(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	var body []byte
	for i, sub := range [][]byte{{}, ingesttest.AACConfig(), ingesttest.AACFrame(), ingesttest.AACFrame()} {
		time := 0x12345600 + 21*i
		body = append(body, chunk.TypeAudio, 0, 0, byte(len(sub)), byte(time>>16), byte(time>>8), byte(time), byte(time>>24), 0, 0, 0)
		body = binary.BigEndian.AppendUint32(append(body, sub...), uint32(11+len(sub)))
	}
	body = append(body, chunk.TypeAudio, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0) // truncated
	c.send(chunk.TypeAggregate, 1, 5000, body)
	for _, want := range []string{"5042/5042", "5063/5063"} {
		if u := s.Unit(t); at(u) != want {
			t.Errorf("unit at %s, want %s", at(u), want)
		}
	}
}

func TestRow42_ConnectionThatVanishesEndsWithACause(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	_ = c.conn.Close()
	if err := s.End(t); !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v", err)
	}
	c, s = h.live(t, "studio")
	c.write([]byte{6, 0}) // in the middle of a header
	_ = c.conn.Close()
	if err := s.End(t); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ended with %v", err)
	}
}

func TestRow43_CleanStopEndsWithoutACauseAndMayPublishAgain(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.publish("studio")
	for _, stop := range [][]any{
		{"FCUnpublish", 5, nil, "studio"}, {"deleteStream", 6, nil, 1}, {"closeStream", 0, nil},
	} {
		s := ingesttest.Await(t, "the publication", h.Opened)
		c.command(1, stop...)
		if err := s.End(t); err != nil {
			t.Errorf("%v: ended with %v", stop[0], err)
		}
		if st := c.status(); st.String("code") != "NetStream.Unpublish.Success" {
			t.Errorf("%v: %v", stop[0], st)
		}
		c.audio(0, ingesttest.AACFrame()) // late media is ignored
		c.command(1, "publish", 7, nil, "studio", "live")
		if st := c.status(); st.String("code") != "NetStream.Publish.Start" {
			t.Errorf("again after %v: %v", stop[0], st)
		}
	}
}

func TestRow46_RefusalHasAReasonAndThenTheConnectionCloses(t *testing.T) {
	cfg := testConfig()
	cfg.Publish = ingest.PublishConfig{Keys: []ingest.KeyConfig{{ID: "studio", Key: setting.NewSecret("a-good-long-key")}}}
	for _, tt := range []struct {
		name, publish, code, description string
		cfg                              ingest.Config
		refusal                          error
	}{
		{"unknown key", "a-wrong-long-key", "NetStream.Publish.Denied", "stream key is not known", cfg, nil},
		{"bad name", "no spaces please", "NetStream.Publish.BadName", "stream name is not allowed: character ' ' at 2; use letters, digits, '-', '_', '.'", testConfig(), nil},
		{"path traversal", "../../etc/passwd", "NetStream.Publish.BadName", `stream name is not allowed: ".." is not a path element`, testConfig(), nil},
		{"taken", "studio", "NetStream.Publish.BadName", "studio: broadcast is already being published", testConfig(), fmt.Errorf("studio: %w", ingest.ErrTaken)},
		{"limit", "studio", "NetStream.Publish.Denied", "limit reached", testConfig(), ingest.ErrLimit},
		{"internal error", "studio", "NetStream.Publish.Failed", "internal error", testConfig(), errors.New("a detail that is not for publishers")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, tt.cfg)
			h.Refuse(tt.refusal)
			c := h.dial(t)
			c.connect("live")
			c.command(1, "publish", 3, nil, tt.publish, "live")
			c.audio(0, ingesttest.AACConfig()) // unread bytes must not prevent that the status arrives
			st := c.status()
			if st.String("level") != "error" || st.String("code") != tt.code || st.String("description") != tt.description {
				t.Errorf("status %v", st)
			}
			c.closed()
			if strings.Contains(h.log.String(), "-long-key") {
				t.Errorf("a key is in the log:\n%s", h.log)
			}
		})
	}
}

func TestPublish_SecondOnTheSameConnectionIsRefusedAndTheFirstContinues(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.command(1, "publish", 4, nil, "other", "live")
	if st := c.status(); st.String("code") != "NetStream.Publish.BadName" {
		t.Errorf("status %v", st)
	}
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	s.Unit(t)
}

func TestPlay_IsRefused(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.connect("live")
	c.command(1, "play", 0, nil, "studio")
	if st := c.status(); st.String("level") != "error" || st.String("code") != "NetStream.Play.Failed" {
		t.Errorf("status %v", st)
	}
	c.closed()
}
