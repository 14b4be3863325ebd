package rtmp

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/container/amf0"
	"golive/ingest/rtmp/chunk"
	"golive/media"
)

func TestRow47_AcksAreSentByTheWindow(t *testing.T) {
	h := open(t, testConfig())
	c, _ := h.live(t, "studio")
	c.send(chunk.TypeWindowAckSize, 0, 0, []byte{0, 2, 0, 0}) // 128 KiB
	c.video(0, avcConfig())
	var acks [2]uint32
	for i := range acks {
		c.video(80*uint32(i), picture(true, 50_000))
		c.video(80*uint32(i)+40, picture(true, 50_000))
		acks[i] = binary.BigEndian.Uint32(c.next(chunk.TypeAck).Body)
	}
	first, second := acks[0], acks[1]
	if first < 64<<10 || first > 128<<10 || second-first < 64<<10 || second-first > 128<<10 {
		t.Errorf("acknowledged %d, then %d", first, second)
	}
}

func TestRow48_PingIsAnsweredAndOddEventsAreIgnored(t *testing.T) {
	h := open(t, testConfig())
	c, _ := h.live(t, "studio")
	for _, event := range []string{"001f00000001", "002000000001", "0063", "00", "0003000000010000"} {
		c.send(chunk.TypeUserControl, 0, 0, unhex(event))
	}
	c.send(chunk.TypeUserControl, 0, 0, unhex("000601020304"))
	if m := c.next(chunk.TypeUserControl); string(m.Body) != "\x00\x07\x01\x02\x03\x04" {
		t.Errorf("answer %x", m.Body)
	}
}

func TestRow51_EnhancedConnectIsAnswered(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.command(0, "connect", 1, amf0.Object{
		{Name: "app", Value: "live"}, {Name: "fourCcList", Value: []any{"av01", "avc1", "hvc1"}}, {Name: "capsEx", Value: 15.0},
	})
	info := c.reply("_result")[3].(amf0.Object)
	if diff := cmp.Diff([]any{"avc1", "hvc1", "av01", "mp4a", "Opus", ".mp3"}, info.Get("fourCcList")); diff != "" {
		t.Errorf("fourCcList (-want +got):\n%s", diff)
	}
	if info.Get("capsEx") != 15.0 {
		t.Errorf("capsEx %v", info.Get("capsEx"))
	}
	c.command(0, "connect", 1, amf0.Object{{Name: "app", Value: "live"}})
	if info := c.reply("_result")[3].(amf0.Object); info.Get("fourCcList") != nil {
		t.Error("a plain client is told about FourCCs")
	}
	c.command(1, "publish", 0, nil, "studio")
	s := await(t, "the publication", h.opened)
	config := append(unhex("90"+"61766331"), avcConfig()[5:]...)
	c.video(0, config)
	c.video(40, append(unhex("93"+"61766331"), picture(true, 50)[5:]...))
	if u := s.unit(t); u.Track.Codec != media.H264 || !u.Key {
		t.Errorf("unit %+v", u)
	}
}
