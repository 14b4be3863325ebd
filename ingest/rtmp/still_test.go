package rtmp

import (
	"testing"
	"time"

	"golive/container/mpegts"
	"golive/ingest/ingesttest"
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
	inBubble(t, func(t *testing.T, c *client, s *ingesttest.Sink, _ <-chan uint8) {
		out := &longest{}
		cut := segmenter.New(segmenter.DefaultConfig(), segmenter.Resume{}, segmenter.NewPackager(media.MPEGTS, mpegts.NewMuxer(), out))
		cut.Start("aaaa")
		c.video(0, ingesttest.AVCConfig())
		c.audio(0, ingesttest.AACConfig())
		sound := 0
		for i := range 25 * 60 {
			c.video(0, ingesttest.Picture(i%50 == 0, 100))
			cut.Write(<-s.Wrote)
			for ; sound*1024/48 <= 40*i; sound++ {
				c.audio(0, ingesttest.AACFrame())
				cut.Write(<-s.Wrote)
			}
			<-time.After(40 * time.Millisecond) // fake time
		}
		cut.Finish()
		if out.segments < 25 || out.segments > 35 || out.duration > 5*media.Second/2 {
			t.Errorf("%d segments, the longest of %v; want 25 to 35 of 2.5s at most", out.segments, out.duration.Duration())
		}
	})
}
