package segmenter

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golive/container/mpegts"
	"golive/internal/hlscheck"
	"golive/internal/mediatest"
	"golive/media"
)

// recorder keeps a Segmenter's output, and checks invariants.
type recorder struct {
	t        *testing.T
	open     *media.Segment
	parts    []*media.Part // of the open segment
	newest   *media.Part
	all      []*media.Part
	segments []*media.Segment
	log      bytes.Buffer
}

func (r *recorder) Open(head media.Segment) {
	r.t.Helper()
	if r.open != nil && (len(r.parts) > 0 || head.MSN != r.open.MSN) {
		r.t.Errorf("segment %d was opened while %d was open", head.MSN, r.open.MSN)
	}
	r.open, r.parts = &head, nil
	fmt.Fprintf(&r.log, "open %s start=%d independent=%t discontinuity=%t pdt=%s\n",
		head.Name(), head.Start, head.Independent, head.Discontinuity, head.ProgramDateTime.UTC().Format("05.000"))
}

func (r *recorder) Part(p *media.Part) {
	r.t.Helper()
	// The number determines the name that a preload hint announces (rule 39 of package hlscheck).
	want := int64(0)
	if r.newest != nil && r.newest.Publication == p.Publication {
		want = r.newest.Number + 1
	}
	if p.Number != want {
		r.t.Errorf("part %s has number %d, want %d", p.Name(), p.Number, want)
	}
	r.newest = p
	end := r.open.Start
	if n := len(r.parts); n > 0 {
		end = r.parts[n-1].Start + r.parts[n-1].Duration
	}
	if p.Start != end {
		r.t.Errorf("part %s starts at %d, the one before ended at %d", p.Name(), p.Start, end)
	}
	if p.Duration <= 0 {
		r.t.Errorf("part %s lasts %d", p.Name(), p.Duration)
	}
	if p.Gap != (len(p.Data) == 0) {
		r.t.Errorf("part %s: gap=%t with %d bytes", p.Name(), p.Gap, len(p.Data))
	}
	r.parts = append(r.parts, p)
	r.all = append(r.all, p)
	fmt.Fprintf(&r.log, "  part %s %d+%d independent=%t gap=%t\n", p.Name(), p.Start, p.Duration, p.Independent, p.Gap)
}

func (r *recorder) Close(s *media.Segment) {
	r.t.Helper()
	var sum media.Ticks
	var size int64
	for _, p := range s.Parts {
		sum, size = sum+p.Duration, size+p.Size
	}
	if sum != s.Duration || size != s.Size || len(s.Parts) != len(r.parts) {
		r.t.Errorf("segment %s: duration %d size %d parts %d, its parts sum to %d, %d, %d",
			s.Name(), s.Duration, s.Size, len(s.Parts), sum, size, len(r.parts))
	}
	r.open = nil
	r.segments = append(r.segments, s)
	fmt.Fprintf(&r.log, "close %s %d\n", s.Name(), s.Duration)
}

func (r *recorder) Unpackaged(err error) {
	r.t.Helper()
	r.t.Error(err)
}

func epoch() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func cutAll(t *testing.T, cfg Config, units []media.AccessUnit) (*recorder, *Segmenter) {
	t.Helper()
	r := &recorder{t: t}
	s := New(cfg, Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
	s.Start("aaaa")
	for _, u := range units {
		s.Write(u)
	}
	s.Finish()
	return r, s
}

func stream(length time.Duration) mediatest.Stream {
	return mediatest.Stream{
		Video: mediatest.H264(640, 36), Audio: mediatest.AAC(),
		FPS: 30, GOP: 60, Length: length, Epoch: epoch(),
	}
}

// content describes the units in the segments, by the codec of their stream.
type content struct {
	// longest is the longest time from one unit to the next.
	longest map[hlscheck.Codec]media.Ticks
	// last is the time of the last unit.
	last map[hlscheck.Codec]media.Ticks
}

// readBack demultiplexes the segments. It checks that each contains units of every stream in its
// PMT, and that an independent one begins with a key frame.
func (r *recorder) readBack() content {
	r.t.Helper()
	p := content{longest: map[hlscheck.Codec]media.Ticks{}, last: map[hlscheck.Codec]media.Ticks{}}
	for _, seg := range r.segments {
		if seg.Discontinuity {
			clear(p.last)
		}
		var data []byte
		for _, slab := range seg.Slabs() {
			data = append(data, slab...)
		}
		if len(data) == 0 {
			continue
		}
		ts, err := hlscheck.Demux(r.t.Context(), data)
		if err != nil {
			r.t.Fatalf("%s: %v", seg.Name(), err)
		}
		if v := ts.Video(); v != nil && seg.Independent && (len(v.Units) == 0 || !v.Units[0].Key) {
			r.t.Errorf("%s is independent and does not begin with a key frame", seg.Name())
		}
		for _, s := range ts.Streams {
			if len(s.Units) == 0 {
				r.t.Errorf("%s has %s in its PMT, but no unit of it", seg.Name(), s.Codec)
			}
			for _, at := range timesOf(r.t, s) {
				if last, ok := p.last[s.Codec]; ok {
					if at <= last {
						r.t.Errorf("%s: a unit of %s at %d follows one at %d", seg.Name(), s.Codec, at, last)
					}
					p.longest[s.Codec] = max(p.longest[s.Codec], at-last)
				}
				p.last[s.Codec] = at
			}
		}
	}
	return p
}

// timesOf returns the decoding times of a stream's units, without the muxer's offset.
func timesOf(t *testing.T, s *hlscheck.Stream) (times []media.Ticks) {
	t.Helper()
	const offset = 1400 * media.Millisecond // of the muxer
	if s.Codec != hlscheck.AAC {
		for _, u := range s.Units {
			times = append(times, media.Ticks(u.DTS)-offset)
		}
		return times
	}
	frames, err := hlscheck.AudioFrames(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		times = append(times, media.Ticks(f.PTS)-offset)
	}
	return times
}

// exclude returns the units for which drop returns false.
func exclude(units []media.AccessUnit, drop func(u *media.AccessUnit) bool) (kept []media.AccessUnit) {
	for i := range units {
		if !drop(&units[i]) {
			kept = append(kept, units[i])
		}
	}
	return kept
}

func (r *recorder) discontinuities() (n int) {
	for _, seg := range r.segments {
		if seg.Discontinuity {
			n++
		}
	}
	return n
}

// checkParts checks rule 28, and calls checkTargets.
func (r *recorder) checkParts(f Format) {
	r.t.Helper()
	r.checkTargets(f)
	for _, seg := range r.segments {
		for i, p := range seg.Parts {
			last := i == len(seg.Parts)-1
			if !last && !p.Independent && !p.Gap && !seg.Parts[i+1].Gap && p.Duration < f.minPart() {
				r.t.Errorf("rule 28: %s lasts %d, target %d", p.Name(), p.Duration, f.PartTarget)
			}
		}
	}
}
