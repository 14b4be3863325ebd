package rtmp

import (
	"fmt"
	"math"
	"testing"

	"golive/container/amf0"
)

// on is a command on a message stream.
type on struct {
	stream uint32
	values []any
}

func (o on) String() string { return fmt.Sprintf("%v on %d", o.values, o.stream) }

func TestRow56_CommandEndsTheStreamThatItNames(t *testing.T) {
	for _, o := range []on{
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
		if err := s.end(t); err != nil {
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
	c.audio(0, aacConfig())
	for i, o := range []on{
		{1, []any{"deleteStream", 6, nil, 2}}, // the stream that it was sent on is not the one it names
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
		c.audio(uint32(20*i), aacFrame())
		s.unit(t)
	}
	c.command(0, "deleteStream", 9, nil, 1)
	if err := s.end(t); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRow56_StopsComeInAnyOrderAndOftenAndAnEncoderMayPublishAgain(t *testing.T) {
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
			t.Errorf("stream %d in round %d", stream, round)
		}
		c.command(stream, "publish", 4, nil, "studio", "live")
		for c.status().String("code") != "NetStream.Publish.Start" { // late answers come first
		}
		s := await(t, "the publication", h.opened)
		c.send(8, stream, 0, aacConfig())
		c.send(8, stream, 0, aacFrame())
		s.unit(t)
		stops := []on{
			{0, []any{"FCUnpublish", 5, nil, "studio"}},
			{stream, []any{"closeStream", 0, nil}},
			{stream, []any{"deleteStream", 6, nil, int(stream)}},
		}
		for i := range 2 * len(stops) {
			o := stops[(i+round)%len(stops)]
			c.command(o.stream, o.values...)
		}
		if err := s.end(t); err != nil {
			t.Errorf("round %d ended with %v", round, err)
		}
	}
	if n := len(h.opened); n != 0 {
		t.Errorf("%d publications more", n)
	}
}

func TestRow56_SecondPublicationIsRefusedOnItsStreamAndItsMediaIsNotMixedIn(t *testing.T) {
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
	c.audio(0, aacConfig())
	c.send(8, 2, 500, aacConfig())
	c.send(8, 2, 500, aacFrame())
	c.command(2, "closeStream", 0, nil)
	c.command(0, "deleteStream", 0, nil, 2)
	c.audio(20, aacFrame())
	if u := s.unit(t); at(u) != "20/20" {
		t.Errorf("unit at %s", at(u))
	}
	// The first stops, and the second begins.
	c.command(0, "deleteStream", 0, nil, 1)
	if err := s.end(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	c.status()
	c.command(2, "publish", 6, nil, "other", "live")
	if st := c.status(); st.String("code") != "NetStream.Publish.Start" {
		t.Errorf("publish: %v", st)
	}
	other := await(t, "the publication", h.opened)
	c.audio(40, aacFrame()) // late, of the first
	c.send(8, 2, 60, aacConfig())
	c.send(8, 2, 60, aacFrame())
	if u := other.unit(t); at(u) != "60/60" || other.id != "other" {
		t.Errorf("unit of %s at %s", other.id, at(u))
	}
}

func TestRow56_PublishingTwiceTheSameIsAnsweredTwice(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.command(1, "publish", 4, nil, "studio", "live")
	if st := c.status(); st.String("code") != "NetStream.Publish.Start" {
		t.Errorf("status %v", st)
	}
	c.audio(0, aacConfig())
	c.audio(0, aacFrame())
	s.unit(t)
	if len(h.opened) != 0 {
		t.Error("published twice")
	}
}

func TestRow56_PublicationOnStreamZeroIsStoppedByTheStreamThatWasCreated(t *testing.T) {
	for _, o := range []on{
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
		s := await(t, "the publication", h.opened)
		c.command(o.stream, o.values...)
		if err := s.end(t); err != nil {
			t.Errorf("%v: ended with %v", o, err)
		}
	}
}
