package segmenter

import (
	"testing"
	"time"

	"golive/container/mpegts"
	"golive/internal/mediatest"
	"golive/media"
)

// discard is an Output that keeps nothing.
type discard struct{ parts int }

func (d *discard) Open(media.Segment)   {}
func (d *discard) Part(*media.Part)     { d.parts++ }
func (d *discard) Close(*media.Segment) {}
func (d *discard) Unpackaged(error)     {}

// BenchmarkSegmenter cuts and packages two seconds of a stream of 5 Mbit/s per operation.
func BenchmarkSegmenter(b *testing.B) {
	units := mediatest.Stream{
		Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30, GOP: 60, Length: 2 * time.Second, Epoch: epoch(),
	}.Units()
	picture := make([]byte, 20_000)
	for i := range units {
		if u := &units[i]; u.Track.Video() {
			u.Data = append(append([]byte(nil), u.Data...), 0, 0, 0x4e, 0x1c, 0x41)
			u.Data = append(u.Data, picture[:0x4e1b]...)
		}
	}
	d := &discard{}
	s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), d))
	s.Start("aaaa")
	b.ReportAllocs()
	for b.Loop() {
		for i := range units {
			s.Write(units[i])
			units[i].DTS += 2 * media.Second
			units[i].PTS += 2 * media.Second
			units[i].Arrived = units[i].Arrived.Add(2 * time.Second)
		}
	}
	if d.parts < 10*(b.N-2) {
		b.Errorf("%d parts of %d seconds", d.parts, 2*b.N)
	}
}
