package segmenter

import (
	"errors"
	"testing"
	"time"

	"golive/container/fmp4"
	"golive/container/mpegts"
	"golive/internal/mediatest"
	"golive/media"
)

// segmentKeeper is an Output that keeps segments with all their parts.
type segmentKeeper struct {
	heads    []media.Segment
	segments []*media.Segment
	refused  []error
}

func (k *segmentKeeper) Open(head media.Segment) { k.heads = append(k.heads, head) }
func (k *segmentKeeper) Part(*media.Part)        {}
func (k *segmentKeeper) Close(s *media.Segment)  { k.segments = append(k.segments, s) }
func (k *segmentKeeper) Unpackaged(err error)    { k.refused = append(k.refused, err) }

func cutInto(units []media.AccessUnit, outs ...Packaging) {
	s := New(DefaultConfig(), Resume{}, outs...)
	s.Start("aaaa")
	for _, u := range units {
		s.Write(u)
	}
	s.Finish()
}

func TestPackager_PackagesTheSameCutsInEachContainer(t *testing.T) {
	first, second := stream(6*time.Second), stream(6*time.Second)
	second.Video, second.Offset = mediatest.H264(320, 18), 6*media.Second
	units := append(first.Units(), second.Units()...)
	ts, cmaf := &segmentKeeper{}, &segmentKeeper{}
	cutInto(units, NewPackager(media.MPEGTS, mpegts.NewMuxer(), ts), NewPackager(media.CMAF, fmp4.NewMuxer(), cmaf))
	if len(ts.segments) != len(cmaf.segments) || len(ts.segments) < 6 || len(ts.refused)+len(cmaf.refused) > 0 {
		t.Fatalf("%d and %d segments, refused %v %v", len(ts.segments), len(cmaf.segments), ts.refused, cmaf.refused)
	}
	inits := map[string]bool{}
	for i, s := range ts.segments {
		c := cmaf.segments[i]
		if s.MSN != c.MSN || s.Duration != c.Duration || s.Discontinuity != c.Discontinuity || !s.ProgramDateTime.Equal(c.ProgramDateTime) ||
			s.Independent != c.Independent || len(s.Parts) != len(c.Parts) {
			t.Errorf("segment %d: %+v and %+v", i, s, c)
		}
		if s.Init != nil || s.Name() != "aaaa-"+string(rune('1'+i))+".ts" || c.Init == nil || c.Name() != "aaaa-"+string(rune('1'+i))+".m4s" {
			t.Errorf("%s with %v, %s with %v", s.Name(), s.Init, c.Name(), c.Init)
		}
		inits[c.Init.Name] = true
		tables := 0
		for _, p := range s.Parts {
			for at := 0; at < len(p.Data); at += 188 {
				if p.Data[at+1]&0x1f == 0 && p.Data[at+2] == 0 {
					if tables++; at > 0 || p != s.Parts[0] {
						t.Errorf("%s has a PAT after its beginning", s.Name())
					}
				}
			}
		}
		if tables != 1 {
			t.Errorf("%s has %d PATs", s.Name(), tables)
		}
	}
	if len(inits) != 2 || !inits["aaaa-1.mp4"] || !inits["aaaa-4.mp4"] {
		t.Errorf("initialization segments %v", inits)
	}
}

// refusingMuxer is a Muxer of a container that cannot carry some video.
type refusingMuxer struct {
	*mpegts.Muxer
	width int
}

func (r refusingMuxer) Begin(video, audio *media.Track) ([]byte, error) {
	if video != nil && video.Width == r.width {
		return nil, errors.New("no such width")
	}
	return r.Muxer.Begin(video, audio)
}

func TestPackager_MakesGapsOfWhatItsContainerCannotCarry(t *testing.T) {
	first, second := stream(4*time.Second), stream(4*time.Second)
	second.Video, second.Offset = mediatest.H264(320, 18), 4*media.Second
	k := &segmentKeeper{}
	cutInto(append(first.Units(), second.Units()...), NewPackager(media.MPEGTS, refusingMuxer{mpegts.NewMuxer(), 320}, k))
	if len(k.segments) != 4 || len(k.refused) != 2 {
		t.Fatalf("%d segments, %v", len(k.segments), k.refused)
	}
	for i, s := range k.segments {
		if gap := s.Size == 0 && s.Parts[0].Gap; gap != (i >= 2) {
			t.Errorf("segment %d has %d bytes", i, s.Size)
		}
	}
}
