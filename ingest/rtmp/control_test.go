package rtmp

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/container/amf0"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
	"golive/media"
)

func TestRow47_AcksAreSentByTheWindow(t *testing.T) {
	h := open(t, testConfig())
	c, _ := h.live(t, "studio")
	c.send(chunk.TypeWindowAckSize, 0, 0, []byte{0, 2, 0, 0}) // 128 KiB
	c.video(0, ingesttest.AVCConfig())
	var acks [2]uint32
	for i := range acks {
		c.video(80*uint32(i), ingesttest.Picture(true, 50_000))
		c.video(80*uint32(i)+40, ingesttest.Picture(true, 50_000))
		acks[i] = binary.BigEndian.Uint32(c.next(chunk.TypeAck).Body)
	}
	first, second := acks[0], acks[1]
	if first < 64<<10 || first > 128<<10 || second-first < 64<<10 || second-first > 128<<10 {
		t.Errorf("acknowledged %d, then %d, want steps of 64 to 128 KiB", first, second)
	}
}

func TestRow48_PingIsAnsweredAndOtherEventsAreIgnored(t *testing.T) {
	h := open(t, testConfig())
	c, _ := h.live(t, "studio")
	for _, event := range []string{"001f00000001", "002000000001", "0063", "00", "0003000000010000"} {
		c.send(chunk.TypeUserControl, 0, 0, ingesttest.Hex(event))
	}
	c.send(chunk.TypeUserControl, 0, 0, ingesttest.Hex("000601020304"))
	if m := c.next(chunk.TypeUserControl); string(m.Body) != "\x00\x07\x01\x02\x03\x04" {
		t.Errorf("answer %x, want a ping response with the same time", m.Body)
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
		t.Errorf("capsEx %v, want 15", info.Get("capsEx"))
	}
	c.command(0, "connect", 1, amf0.Object{{Name: "app", Value: "live"}})
	if info := c.reply("_result")[3].(amf0.Object); info.Get("fourCcList") != nil {
		t.Error("the answer to a plain client has FourCCs")
	}
	c.command(1, "publish", 0, nil, "studio")
	s := ingesttest.Await(t, "the publication", h.Opened)
	config := append(ingesttest.Hex("90"+"61766331"), ingesttest.AVCConfig()[5:]...)
	c.video(0, config)
	c.video(40, append(ingesttest.Hex("93"+"61766331"), ingesttest.Picture(true, 50)[5:]...))
	if u := s.Unit(t); u.Track.Codec != media.H264 || !u.Key {
		t.Errorf("unit %+v, want a key picture of H.264", u)
	}
}
