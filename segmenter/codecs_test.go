package segmenter

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"golive/container/fmp4"
	"golive/container/mpegts"
	"golive/internal/mediatest"
	"golive/media"
)

// packagedSegments is an Output that keeps the segments.
type packagedSegments struct {
	segments []*media.Segment
	refused  []error
}

func (*packagedSegments) Open(media.Segment)       {}
func (*packagedSegments) Part(*media.Part)         {}
func (l *packagedSegments) Close(s *media.Segment) { l.segments = append(l.segments, s) }
func (l *packagedSegments) Unpackaged(err error)   { l.refused = append(l.refused, err) }
func (l *packagedSegments) gaps() (list []bool) {
	return mapped(l.segments, func(s *media.Segment) bool { return s.Size == 0 })
}

func (l *packagedSegments) breaks() (list []bool) {
	return mapped(l.segments, func(s *media.Segment) bool { return s.Discontinuity })
}
func (l *packagedSegments) inits() (list []string) { return mapped(l.segments, initOf) }
func (l *packagedSegments) starts() (list []media.Ticks) {
	return mapped(l.segments, func(s *media.Segment) media.Ticks { return s.Start })
}

func initOf(s *media.Segment) string {
	if s.Init == nil {
		return ""
	}
	return s.Init.Name
}

func mapped[T any](segments []*media.Segment, f func(*media.Segment) T) (list []T) {
	for _, s := range segments {
		list = append(list, f(s))
	}
	return list
}

// packageTwice cuts streams, one after the other, and packages them in CMAF and in MPEG-TS.
func packageTwice(streams ...mediatest.Stream) (cmaf, ts *packagedSegments, s *Segmenter) {
	cmaf, ts = &packagedSegments{}, &packagedSegments{}
	s = New(DefaultConfig(), Resume{}, NewPackager(media.CMAF, fmp4.NewMuxer(), cmaf), NewPackager(media.MPEGTS, mpegts.NewMuxer(), ts))
	s.Start("aaaa")
	var length time.Duration
	for _, stream := range streams {
		stream.Offset, stream.Epoch, stream.FPS, stream.GOP = media.TicksFromDuration(length), epoch().Add(length), 30, 60
		length += stream.Length
		for _, u := range stream.Units() {
			s.Write(u)
		}
	}
	s.Finish()
	return cmaf, ts, s
}

// The rows are those of docs/encoders.md.
func TestPackager_Row83_LeavesOutWhatItsContainerDoesNotCarry(t *testing.T) {
	for _, c := range []struct {
		name         string
		video, audio *media.Track
		streams      []uint8 // of the PMT
	}{
		{"H.264 and Opus", mediatest.H264(640, 36), mediatest.Opus(), []uint8{0x1b}},
		{"HEVC and MP3", mediatest.HEVC(), mediatest.MP3(), []uint8{0x24, 0x03}},
		{"AV1 and AAC", mediatest.AV1(), mediatest.AAC(), []uint8{0x0f}},
		{"AV1 and Opus", mediatest.AV1(), mediatest.Opus(), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmaf, ts, s := packageTwice(mediatest.Stream{Video: c.video, Audio: c.audio, Length: 6 * time.Second})
			if len(cmaf.refused) > 0 || slices.Contains(cmaf.gaps(), true) || len(cmaf.segments) != 3 {
				t.Errorf("CMAF: %v, gaps %v", cmaf.refused, cmaf.gaps())
			}
			if !slices.Equal(cmaf.starts(), ts.starts()) {
				t.Errorf("segments begin at %v and %v", cmaf.starts(), ts.starts())
			}
			if st := s.Stats(); st.DroppedVideo+st.DroppedAudio > 0 {
				t.Errorf("%+v", st)
			}
			if c.streams == nil {
				if len(ts.refused) != 3 || !errors.Is(ts.refused[0], ErrNotCarried) || slices.Contains(ts.gaps(), false) {
					t.Errorf("MPEG-TS: %v, gaps %v", ts.refused, ts.gaps())
				}
				return
			}
			if len(ts.refused) > 0 {
				t.Fatal(ts.refused)
			}
			for _, seg := range ts.segments {
				pmt := seg.Slabs()[0][188:]
				const firstStream = 4 + 1 + 12
				var got []uint8
				for i := range c.streams {
					got = append(got, pmt[firstStream+5*i])
				}
				if length := int(pmt[7]) - 13; !bytes.Equal(got, c.streams) || length != 5*len(c.streams) {
					t.Errorf("%s has streams of types %#x, want %#x", seg.Name(), got, c.streams)
				}
			}
		})
	}
}

func TestSegmenter_Row84_ChangeOfTheCodecIsADiscontinuityWithAnotherInit(t *testing.T) {
	avc, hevc, av1, aac, opus := mediatest.H264(640, 36), mediatest.HEVC(), mediatest.AV1(), mediatest.AAC(), mediatest.Opus()
	const length = 4 * time.Second
	cmaf, ts, s := packageTwice(
		mediatest.Stream{Video: avc, Audio: aac, Length: length}, // segments 0 and 1
		mediatest.Stream{Video: hevc, Audio: opus, Length: length},
		mediatest.Stream{Video: av1, Audio: opus, Length: length},
		mediatest.Stream{Video: avc, Audio: aac, Length: length},
	)
	if len(cmaf.refused) > 0 || slices.Contains(cmaf.gaps(), true) {
		t.Errorf("CMAF: %v, gaps %v", cmaf.refused, cmaf.gaps())
	}
	wantBreaks := []bool{false, false, true, false, true, false, true, false}
	if got := cmaf.breaks(); !slices.Equal(got, wantBreaks) || !slices.Equal(ts.breaks(), wantBreaks) {
		t.Errorf("discontinuities %v and %v, want %v", got, ts.breaks(), wantBreaks)
	}
	wantInits := []string{"aaaa-1.mp4", "aaaa-1.mp4", "aaaa-3.mp4", "aaaa-3.mp4", "aaaa-5.mp4", "aaaa-5.mp4", "aaaa-7.mp4", "aaaa-7.mp4"}
	if got := cmaf.inits(); !slices.Equal(got, wantInits) {
		t.Errorf("initialization segments %v, want %v", got, wantInits)
	}
	if got, want := ts.gaps(), []bool{false, false, false, false, true, true, false, false}; !slices.Equal(got, want) {
		t.Errorf("gaps of MPEG-TS %v, want %v", got, want)
	}
	if n := s.Stats().DroppedVideo; n > 0 {
		t.Errorf("%d pictures were dropped", n)
	}
}

// openHEVC returns a stream of open GOPs of HEVC, I B B P P P …, one each second.
func openHEVC() (units []media.AccessUnit) {
	const frame = media.Second / 30
	video := mediatest.HEVC()
	for i := range 300 {
		u := media.AccessUnit{
			Track: video, DTS: media.Ticks(i) * frame, PTS: media.Ticks(i+1) * frame, Key: i%30 == 0, Access: media.AccessOpen,
			Data: []byte{0, 0, 0, 3, 0x2a, 1, byte(i)}, Arrived: epoch().Add(media.Ticks(i * int(frame)).Duration()),
		}
		switch i % 30 {
		case 0:
			u.PTS += 2 * frame
		case 1, 2:
			u.PTS -= frame
		}
		units = append(units, u)
	}
	return units
}

// HEVC decoders skip the leading pictures of the CRA picture at which they start: only pictures
// that no decoder could decode are left out.
func TestSegmenter_Row80_KeepsLeadingPicturesOfHEVC(t *testing.T) {
	r, s := cutAll(t, DefaultConfig(), openHEVC())
	if n := s.Stats().DroppedVideo; n != 2 || len(r.segments) != 5 {
		t.Errorf("%d pictures of %d segments were left out, want the two before the first", n, len(r.segments))
	}
	for _, seg := range r.segments {
		if seg.Independent {
			t.Errorf("%s is independent", seg.Name())
		}
		if !seg.Parts[0].Independent {
			t.Errorf("%s: its first part is not independent", seg.Name())
		}
	}
}

func TestSegmenter_Row82_OpusThatStopsIsReplacedBySilence(t *testing.T) {
	stream := mediatest.Stream{Video: mediatest.H264(640, 36), Audio: mediatest.Opus(), FPS: 30, GOP: 60, Length: 8 * time.Second, Epoch: epoch()}
	units := exclude(stream.Units(), func(u *media.AccessUnit) bool { return !u.Track.Video() && u.DTS > 3*media.Second })
	var silent int
	out := unitCallback(func(u *media.AccessUnit) {
		if bytes.Equal(u.Data, []byte{0xfc, 0xff, 0xfe}) {
			silent++
		}
	})
	s := New(DefaultConfig(), Resume{}, out)
	s.Start("aaaa")
	for _, u := range units {
		s.Write(u)
	}
	s.Finish()
	if silent < 230 || silent > 250 {
		t.Errorf("%d packets of silence, want about 250 in 5 s", silent)
	}
	if _, audio := s.Silent(); !audio {
		t.Error("the track is not reported as silent")
	}
}

// There is no silence in MP3 and no skipped picture in HEVC: the segmenter leaves the track empty.
func TestSegmenter_TracksThatCannotBeFilledMayStop(t *testing.T) {
	for _, missing := range []bool{true, false} {
		stream := mediatest.Stream{Video: mediatest.HEVC(), Audio: mediatest.MP3(), FPS: 30, GOP: 60, Length: 12 * time.Second, Epoch: epoch()}
		units := exclude(stream.Units(), func(u *media.AccessUnit) bool { return u.Track.Video() == missing && u.DTS > 5*media.Second })
		r, s := cutAll(t, DefaultConfig(), units)
		f, _ := s.Format()
		r.checkTargets(f)
		if len(r.segments) < 5 {
			t.Errorf("%d segments of 12 s", len(r.segments))
		}
	}
}

// unitCallback is a Packaging that passes units to a function.
type unitCallback func(u *media.AccessUnit)

func (unitCallback) Open(media.Segment) {}
func (unitCallback) Close()             {}
func (unitCallback) Drop()              {}
func (f unitCallback) Part(c *Cut) {
	for i := range c.Units {
		f(&c.Units[i])
	}
}
