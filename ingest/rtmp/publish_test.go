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
	"golive/ingest/rtmp/chunk"
	"golive/internal/setting"
	"golive/media"
)

func TestPublish_PassesUnitsOnWithTheirTimes(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	if s.id != "studio" || s.publisher.Encoder != "test/1.0" || s.publisher.App != "live" {
		t.Errorf("admitted %q %+v", s.id, s.publisher.Request)
	}
	c.video(0, avcConfig())
	c.audio(0, aacConfig())
	c.audio(0, aacFrame())
	c.video(21, composed(picture(true, 70_000), 40))
	c.video(61, composed(picture(false, 300), 40))

	want := []struct {
		at    string
		codec media.Codec
		key   bool
		size  int
	}{{"0/0", media.AAC, true, 6}, {"21/61", media.H264, true, 70_004}, {"61/101", media.H264, false, 304}}
	for _, w := range want {
		u := s.unit(t)
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

func TestRow5_UserAndPasswordAreNotAskedFor(t *testing.T) {
	// An encoder that has them first connects without them, and sends them only on
	// request; anything that it adds to the query is ignored.
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
	c.audio(0, aacConfig())
	c.audio(0, aacFrame())
	s.unit(t)
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
	c.send(chunk.TypeCommandAMF3, 0, 0, []byte{0x11, 0x09}) // true AMF3
	c.send(chunk.TypeDataAMF3, 0, 0, []byte{0x11, 0x09})
	c.audio(0, aacConfig())
	c.audio(0, aacFrame())
	await(t, "the publication", h.opened).unit(t)
}

func TestRow9_UnknownMessagesAreCountedAndSkipped(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	for _, kind := range []uint8{7, 16, 19, 21, 99, 255} {
		c.send(kind, 1, 0, []byte("what"))
	}
	c.audio(0, aacConfig())
	c.audio(0, aacFrame())
	s.unit(t)
	_ = c.conn.Close()
	_ = s.end(t)
	h.stopServer(t)
	if n := h.metric(t, "golive_ingest_skipped_total", "unknown"); n != 6 {
		t.Errorf("%v unknown messages counted, want 6", n)
	}
}

func TestRow12And36_BadVideoIsSkipped(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, picture(true, 50)) // before the configuration
	c.video(0, avcConfig())
	c.video(0, unhex("1701000000"))                    // no NAL unit
	c.video(0, unhex("17010000000000ffff6588"))        // truncated AVCC
	c.video(0, unhex("1f01000000000000026588"))        // no such codec
	c.video(0, append(unhex("87"), "zzzz garbage"...)) // no such FourCC
	c.video(40, picture(true, 50))
	if u := s.unit(t); at(u) != "40/40" {
		t.Errorf("first unit at %s, want the first good one", at(u))
	}
	c.command(1, "deleteStream", 0, nil, 1)
	if err := s.end(t); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRow13_UnsupportedAudioIsDroppedAndVideoGoesOn(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, avcConfig())
	for i := range uint32(3) {
		c.audio(40*i, unhex("bfffb0")) // Speex
		c.video(40*i, picture(i == 0, 50))
	}
	for range 3 {
		if u := s.unit(t); !u.Track.Video() {
			t.Errorf("unit %s of %v", at(u), u.Track.Codec)
		}
	}
	if n := strings.Count(h.log.String(), "audio dropped"); n != 1 || len(s.warned) != 1 {
		t.Errorf("logged %d times, %d warnings:\n%s", n, len(s.warned), h.log)
	}
}

func TestRow14_UnsupportedVideoIsRefusedByName(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, unhex("9376703039"+"0000")) // VP9
	st := c.status()
	if st.String("level") != "error" || st.String("code") != "NetStream.Publish.Rejected" ||
		st.String("description") != "video codec VP9 is not supported: set the encoder to H.264 (AVC)" {
		t.Errorf("status %v", st)
	}
	c.closed()
	if err := s.end(t); err == nil {
		t.Error("ended without a cause")
	}
}

func TestRow17_KeyFrameOf4KPassesTheDefaultLimit(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, avcConfig())
	c.video(0, picture(true, 12<<20))
	if u := s.unit(t); len(u.Data) != 12<<20+4 {
		t.Errorf("%d bytes", len(u.Data))
	}
}

func TestRow25_MessageStreamMayBeZero(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.connect("live")
	c.command(0, "publish", 0, nil, "studio")
	c.status()
	c.send(chunk.TypeAudio, 0, 0, aacConfig())
	c.send(chunk.TypeAudio, 7, 0, aacFrame())
	await(t, "the publication", h.opened).unit(t)
}

func TestRow26_JumpInTimeDoesNotEndTheSession(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.audio(0, aacConfig())
	for _, at := range []uint32{1000, 1021, 9_000_000, 9_000_021, 9_000_043, 9_000_064} {
		c.audio(at, aacFrame())
	}
	var got []string
	for range 6 {
		u := s.unit(t)
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
	meta := amf0.Object{{Name: "width", Value: "lies"}, {Name: "framerate", Value: -1.0}, {Name: "encoder", Value: "obs-output module\n"}}
	c.send(chunk.TypeDataAMF0, 1, 0, amf0.Append(nil, "@setDataFrame", "onMetaData", meta))
	c.send(chunk.TypeDataAMF0, 1, 0, amf0.Append(nil, "onMetaData", meta))
	c.send(chunk.TypeDataAMF0, 1, 0, amf0.Append(nil, "onCuePoint", amf0.Object{}))
	c.send(chunk.TypeDataAMF0, 1, 0, []byte{0xff})
	_ = c.conn.Close()
	_ = s.end(t)
	h.stopServer(t)
	if log := h.log.String(); !strings.Contains(log, `encoder="obs-output module"`) {
		t.Errorf("the encoder is not in the log:\n%s", log)
	}
}

func TestRow40_AggregateIsUnpacked(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	var body []byte
	for i, sub := range [][]byte{{}, aacConfig(), aacFrame(), aacFrame()} {
		time := 0x12345600 + 21*i
		body = append(body, chunk.TypeAudio, 0, 0, byte(len(sub)), byte(time>>16), byte(time>>8), byte(time), byte(time>>24), 0, 0, 0)
		body = binary.BigEndian.AppendUint32(append(body, sub...), uint32(11+len(sub)))
	}
	body = append(body, chunk.TypeAudio, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0) // truncated
	c.send(chunk.TypeAggregate, 1, 5000, body)
	for _, want := range []string{"5042/5042", "5063/5063"} {
		if u := s.unit(t); at(u) != want {
			t.Errorf("unit at %s, want %s", at(u), want)
		}
	}
}

func TestRow42_ConnectionThatVanishesEndsWithACause(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	_ = c.conn.Close()
	if err := s.end(t); !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v", err)
	}
	c, s = h.live(t, "studio")
	c.write([]byte{6, 0}) // in the middle of a header
	_ = c.conn.Close()
	if err := s.end(t); !errors.Is(err, io.ErrUnexpectedEOF) {
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
		s := await(t, "the publication", h.opened)
		c.command(1, stop...)
		if err := s.end(t); err != nil {
			t.Errorf("%v: ended with %v", stop[0], err)
		}
		if st := c.status(); st.String("code") != "NetStream.Unpublish.Success" {
			t.Errorf("%v: %v", stop[0], st)
		}
		c.audio(0, aacFrame()) // late media is ignored
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
		{"our fault", "studio", "NetStream.Publish.Failed", "internal error", testConfig(), errors.New("a secret of ours")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, tt.cfg)
			h.refusal = tt.refusal
			c := h.dial(t)
			c.connect("live")
			c.command(1, "publish", 3, nil, tt.publish, "live")
			c.audio(0, aacConfig()) // unread bytes must not prevent that the status arrives
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

func TestPublish_SecondOnTheSameConnectionIsRefusedAndTheFirstGoesOn(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.command(1, "publish", 4, nil, "other", "live")
	if st := c.status(); st.String("code") != "NetStream.Publish.BadName" {
		t.Errorf("status %v", st)
	}
	c.audio(0, aacConfig())
	c.audio(0, aacFrame())
	s.unit(t)
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
