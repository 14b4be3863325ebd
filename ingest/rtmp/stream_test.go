package rtmp

import (
	"fmt"
	"math"
	"testing"

	"golive/container/amf0"
	"golive/ingest/ingesttest"
)

// streamCommand is a command on a message stream.
type streamCommand struct {
	stream uint32
	values []any
}

func (o streamCommand) String() string { return fmt.Sprintf("%v on %d", o.values, o.stream) }

func TestRow56_CommandEndsTheStreamThatItNames(t *testing.T) {
	for _, o := range []streamCommand{
		{1, []any{"deleteStream", 6, nil, 1}},   // OBS, ffmpeg
		{0, []any{"deleteStream", 0, nil, 1}},   // GStreamer, HaishinKit
		{1, []any{"deleteStream", 6, nil}},      // without the argument
		{1, []any{"deleteStream", 6, nil, nil}}, //
		{1, []any{"closeStream", 0, nil}},       // HaishinKit 2
		{0, []any{"closeStream", 0, nil, 1}},    // HaishinKit 1
		{0, []any{"FCUnpublish", 5, nil, "studio"}},
		{1, []any{"FCUnpublish", 5, nil, "studio?token=1"}},
		{0, []any{"FCUnpublish", 5, nil, `"stud%69o"`}},
	} {
		h := open(t, testConfig())
		c, s := h.live(t, "studio")
		c.command(o.stream, o.values...)
		if err := s.End(t); err != nil {
			t.Errorf("%v: ended with %v", o, err)
		}
		if st := c.status(); st.String("code") != "NetStream.Unpublish.Success" {
			t.Errorf("%v: %v", o, st)
		}
	}
}

func TestRow56_CommandEndsNoOtherStream(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.audio(0, ingesttest.AACConfig())
	for i, o := range []streamCommand{
		{1, []any{"deleteStream", 6, nil, 2}}, // sent on another stream than the one that it names
		{0, []any{"deleteStream", 6, nil, 0}},
		{0, []any{"deleteStream", 6, nil}},
		{1, []any{"deleteStream", 6, nil, 1.5}},
		{1, []any{"deleteStream", 6, nil, -1}},
		{1, []any{"deleteStream", 6, nil, math.NaN()}},
		{1, []any{"deleteStream", 6, nil, math.Inf(1)}},
		{1, []any{"deleteStream", 6, nil, 4294967297.0}}, // 1 in 32 bits
		{2, []any{"closeStream", 0, nil}},
		{0, []any{"closeStream", 0, nil}},
		{0, []any{"closeStream", 0, nil, 2}},
		{1, []any{"FCUnpublish", 5, nil, "other"}},
		{1, []any{"FCUnpublish", 5, nil, ""}},
		{1, []any{"FCUnpublish", 5, nil}},
		{1, []any{"FCUnpublish", 5, nil, nil}},
		{1, []any{"FCUnpublish", 5, nil, "../studio"}},
		{0, []any{"createStream", 7, nil}},
		{1, []any{"releaseStream", 8, nil, "studio"}},
	} {
		c.command(o.stream, o.values...)
		c.audio(uint32(20*i), ingesttest.AACFrame())
		s.Unit(t)
	}
	c.command(0, "deleteStream", 9, nil, 1)
	if err := s.End(t); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRow56_StopsMayComeInAnyOrderAndRepeatedlyAndAnEncoderMayPublishAgain(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	c.connect("live")
	for round := range 3 {
		c.command(0, "FCPublish", 2, nil, "studio")
		c.command(0, "createStream", 3, nil)
		var stream uint32
		for {
			if r := c.reply("_result"); r[1] == 3.0 {
				stream = uint32(r[3].(float64))
				break
			}
		}
		if stream != uint32(round+1) {
			t.Errorf("stream %d in round %d, want %d", stream, round, round+1)
		}
		c.command(stream, "publish", 4, nil, "studio", "live")
		for c.status().String("code") != "NetStream.Publish.Start" { // answers to the earlier stops come first
		}
		s := ingesttest.Await(t, "the publication", h.Opened)
		c.send(8, stream, 0, ingesttest.AACConfig())
		c.send(8, stream, 0, ingesttest.AACFrame())
		s.Unit(t)
		stops := []streamCommand{
			{0, []any{"FCUnpublish", 5, nil, "studio"}},
			{stream, []any{"closeStream", 0, nil}},
			{stream, []any{"deleteStream", 6, nil, int(stream)}},
		}
		for i := range 2 * len(stops) {
			o := stops[(i+round)%len(stops)]
			c.command(o.stream, o.values...)
		}
		if err := s.End(t); err != nil {
			t.Errorf("round %d ended with %v", round, err)
		}
	}
	if n := len(h.Opened); n != 0 {
		t.Errorf("%d further publications, want none", n)
	}
}

func TestRow56_SecondPublicationIsRefusedOnItsStreamAndItsMediaIgnored(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.command(0, "createStream", 4, nil)
	c.reply("_result")
	c.command(2, "publish", 5, nil, "other", "live")
	refusal := c.next(20)
	values, err := amf0.DecodeAll(refusal.Body)
	if err != nil || refusal.Stream != 2 || values[0] != "onStatus" || values[3].(amf0.Object).String("code") != "NetStream.Publish.BadName" {
		t.Errorf("answer %v on stream %d, err = %v", values, refusal.Stream, err)
	}
	c.audio(0, ingesttest.AACConfig())
	c.send(8, 2, 500, ingesttest.AACConfig())
	c.send(8, 2, 500, ingesttest.AACFrame())
	c.command(2, "closeStream", 0, nil)
	c.command(0, "deleteStream", 0, nil, 2)
	c.audio(20, ingesttest.AACFrame())
	if u := s.Unit(t); at(u) != "20/20" {
		t.Errorf("unit at %s, want 20/20", at(u))
	}
	// The first publication stops, and the second begins.
	c.command(0, "deleteStream", 0, nil, 1)
	if err := s.End(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	c.status()
	c.command(2, "publish", 6, nil, "other", "live")
	if st := c.status(); st.String("code") != "NetStream.Publish.Start" {
		t.Errorf("publish: %v", st)
	}
	other := ingesttest.Await(t, "the publication", h.Opened)
	c.audio(40, ingesttest.AACFrame()) // late media of the first publication
	c.send(8, 2, 60, ingesttest.AACConfig())
	c.send(8, 2, 60, ingesttest.AACFrame())
	if u := other.Unit(t); at(u) != "60/60" || other.ID != "other" {
		t.Errorf("unit of %s at %s, want other at 60/60", other.ID, at(u))
	}
}

func TestRow56_RepeatedPublishIsAnsweredAgain(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.command(1, "publish", 4, nil, "studio", "live")
	if st := c.status(); st.String("code") != "NetStream.Publish.Start" {
		t.Errorf("status %v", st)
	}
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	s.Unit(t)
	if len(h.Opened) != 0 {
		t.Error("the stream was published twice")
	}
}

func TestRow56_PublicationOnStreamZeroIsStoppedByTheStreamThatWasCreated(t *testing.T) {
	for _, o := range []streamCommand{
		{0, []any{"deleteStream", 0, nil, 1}},
		{0, []any{"deleteStream", 0, nil, 0}},
		{0, []any{"closeStream", 0, nil}},
		{1, []any{"closeStream", 0, nil}},
	} {
		h := open(t, testConfig())
		c := h.dial(t)
		c.connect("live")
		c.command(0, "createStream", 2, nil)
		c.reply("_result")
		c.command(0, "publish", 0, nil, "studio")
		c.status()
		s := ingesttest.Await(t, "the publication", h.Opened)
		c.command(o.stream, o.values...)
		if err := s.End(t); err != nil {
			t.Errorf("%v: ended with %v", o, err)
		}
	}
}
