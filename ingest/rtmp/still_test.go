package rtmp

import (
	"testing"
	"time"

	"golive/container/mpegts"
	"golive/media"
	"golive/segmenter"
)

// longest is a segmenter.Output that keeps the longest segment.
type longest struct {
	segments int
	duration media.Ticks
}

func (l *longest) Open(media.Segment) {}
func (l *longest) Part(*media.Part)   {}
func (l *longest) Close(s *media.Segment) {
	l.segments++
	l.duration = max(l.duration, s.Duration)
}
func (l *longest) Unpackaged(error) {}

// Row 28 of docs/encoders.md, from RTMP to segments: every tag of a minute has the same
// timestamp.
func TestRow28_MinuteOfOneTimestampIsCutIntoSegmentsOfUsualLength(t *testing.T) {
	inBubble(t, func(t *testing.T, c *client, s *sink, _ <-chan uint8) {
		out := &longest{}
		cut := segmenter.New(segmenter.DefaultConfig(), segmenter.Resume{}, segmenter.NewPackager(media.MPEGTS, mpegts.NewMuxer(), out))
		cut.Start("aaaa")
		c.video(0, avcConfig())
		c.audio(0, aacConfig())
		sound := 0
		for i := range 25 * 60 {
			c.video(0, picture(i%50 == 0, 100))
			cut.Write(<-s.wrote)
			for ; sound*1024/48 <= 40*i; sound++ {
				c.audio(0, aacFrame())
				cut.Write(<-s.wrote)
			}
			<-time.After(40 * time.Millisecond) // fake time
		}
		cut.Finish()
		if out.segments < 25 || out.segments > 35 || out.duration > 5*media.Second/2 {
			t.Errorf("%d segments, the longest of %v", out.segments, out.duration.Duration())
		}
	})
}
