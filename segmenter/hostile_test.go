package segmenter

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golive/container/mpegts"
	"golive/internal/mediatest"
	"golive/media"
)

// checkTargets checks the output by rules 2, 3 and 27 of package hlscheck.
func (r *recorder) checkTargets(f Format) {
	r.t.Helper()
	for _, seg := range r.segments {
		if rounded := int(seg.Duration.Seconds() + 0.5); rounded > f.Target {
			r.t.Errorf("rule 2: %s lasts %.3f s, target %d", seg.Name(), seg.Duration.Seconds(), f.Target)
		}
		if len(seg.Parts) == 0 || seg.Duration <= 0 {
			r.t.Errorf("%s has %d parts and lasts %d", seg.Name(), len(seg.Parts), seg.Duration)
		}
		for _, p := range seg.Parts {
			if p.Duration > f.PartTarget {
				r.t.Errorf("rule 27: %s lasts %d, target %d", p.Name(), p.Duration, f.PartTarget)
			}
		}
	}
}

// Row 52 of docs/encoders.md: a gap in the track that determines the cuts, without another
// track.
func TestSegmenter_HolesKeepTheTargets(t *testing.T) {
	for _, hole := range []time.Duration{1700 * time.Millisecond, 2900 * time.Millisecond, 59 * time.Second} {
		for name, in := range map[string]mediatest.Stream{
			"video_only": {Video: mediatest.H264(640, 36), FPS: 30, GOP: 60, Length: 9 * time.Second, Epoch: epoch()},
			"audio_only": {Audio: mediatest.AAC(), Length: 9 * time.Second, Epoch: epoch()},
			"both":       {Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30, GOP: 60, Length: 9 * time.Second, Epoch: epoch()},
		} {
			for at := 3 * time.Second; at < 5*time.Second; at += 700 * time.Millisecond {
				t.Run(fmt.Sprintf("%s_%s_at_%s", name, hole, at), func(t *testing.T) {
					units := in.Units()
					for i := range units {
						if units[i].DTS >= media.TicksFromDuration(at) {
							units[i].DTS += media.TicksFromDuration(hole)
							units[i].PTS += media.TicksFromDuration(hole)
						}
					}
					r, s := cutAll(t, DefaultConfig(), units)
					f, _ := s.Format()
					r.checkTargets(f)
					if len(r.segments) < 4 {
						t.Errorf("%d segments of 9 s of media", len(r.segments))
					}
				})
			}
		}
	}
}

// randomStream makes random units, within what ingest guarantees: the times of each kind of track
// increase, by a minute at most.
type randomStream struct {
	*rand.Rand
	video, audio *media.Track
	now          [2]media.Ticks
	arrived      time.Time
}

func (h *randomStream) unit() media.AccessUnit {
	kind := h.IntN(2)
	if h.IntN(200) == 0 {
		h.video = mediatest.H264(640, 36)
		h.video.FrameRate = []float64{0, 0.001, 1, 30, 1e9}[h.IntN(5)]
	}
	if h.IntN(200) == 0 {
		h.audio = mediatest.AAC()
	}
	step := media.Ticks(3000)
	switch h.IntN(40) {
	case 0:
		step = media.Ticks(h.Int64N(int64(3 * media.Second)))
	case 1:
		step = 1
	case 2:
		if h.IntN(20) == 0 {
			step = media.Ticks(h.Int64N(int64(60 * media.Second)))
		}
	case 3: // this kind advances to the time of the other
		step = h.now[1-kind] - h.now[kind]
	}
	h.now[kind] += max(1, step)
	h.arrived = h.arrived.Add(10 * time.Millisecond)
	u := media.AccessUnit{
		Track: h.video, DTS: h.now[kind], PTS: h.now[kind], Key: h.IntN(30) == 0,
		Data: []byte{0, 0, 0, 2, 0x41, 1}, Arrived: h.arrived, Discontinuity: h.IntN(500) == 0,
	}
	if kind == 1 {
		u.Track, u.Key = h.audio, true
	}
	return u
}

func TestSegmenter_KeepsItsTargetsForAnyInput(t *testing.T) {
	for seed := range uint64(10) {
		h := &randomStream{Rand: rand.New(rand.NewPCG(seed, 1)), video: mediatest.H264(640, 36), audio: mediatest.AAC(), arrived: epoch()}
		r := &recorder{t: t}
		s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
		for session := range 3 {
			s.Start(fmt.Sprint("s", session))
			for range 1000 {
				s.Write(h.unit())
			}
			s.Finish()
		}
		f, _ := s.Format()
		if f.PartTarget > media.Ticks(f.Target)*media.Second {
			t.Errorf("PART-TARGET is %d", f.PartTarget)
		}
		r.checkTargets(f)
		if len(r.segments) == 0 {
			t.Error("no segment was made")
		}
		for i, seg := range r.segments {
			if seg.MSN != int64(i)+FirstMSN {
				t.Fatalf("segment %d has MSN %d", i, seg.MSN)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestSegmenter_AudioWhoseTimeStandsStillDoesNotGrowMemory(t *testing.T) {
	in := stream(2 * time.Second)
	r := &recorder{t: t}
	s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
	s.Start("aaaa")
	var last media.AccessUnit
	for _, u := range in.Units() {
		s.Write(u)
		if !u.Track.Video() {
			last = u
		}
	}
	last.Data = make([]byte, 1<<20)
	for range 3 * maxPartBytes / len(last.Data) {
		last.DTS++
		s.Write(last)
		if s.bytes > maxPartBytes+len(last.Data) {
			t.Fatalf("%d bytes are held", s.bytes)
		}
	}
}

func TestSegmenter_NewAudioAfterTheVideoStoppedIsKept(t *testing.T) {
	in := stream(3 * time.Second)
	units := in.Units()
	r := &recorder{t: t}
	s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
	s.Start("aaaa")
	for _, u := range units {
		s.Write(u)
	}
	audioOnly := mediatest.Stream{Audio: mediatest.AAC(), Length: 20 * time.Second, Offset: 3 * media.Second, Epoch: epoch().Add(3 * time.Second)}
	for _, u := range audioOnly.Units() {
		s.Write(u)
	}
	s.Finish()
	f, _ := s.Format()
	r.checkTargets(f)
	last := r.segments[len(r.segments)-1]
	if end := last.Start + last.Duration; end < 22*media.Second {
		t.Errorf("the playlist ends at %.1f s, the audio at 23 s", end.Seconds())
	}
	if _, audio := s.Tracks(); audio != audioOnly.Audio {
		t.Error("the new audio track was never used")
	}
	if n := s.Stats().DroppedAudio; n > 150 {
		t.Errorf("%d audio frames were dropped", n)
	}
}

// Row 28 of docs/encoders.md: timestamps do not increase.
func TestSegmenter_TimeThatStandsStillDoesNotGrowASegmentWithoutBound(t *testing.T) {
	for name, tt := range map[string]struct {
		size, count int
		video       bool
	}{
		"large pictures":  {64 << 10, 3000, true},
		"small pictures":  {20, 100_000, true},
		"large audio":     {64 << 10, 3000, false},
		"small audio":     {20, 100_000, false},
		"key frames only": {64 << 10, 3000, true},
	} {
		t.Run(name, func(t *testing.T) {
			var most struct {
				part, segment int64
				parts         int
			}
			bound := &bounds{part: func(p *media.Part) { most.part = max(most.part, p.Size) }, segment: func(s *media.Segment) {
				most.segment, most.parts = max(most.segment, s.Size), max(most.parts, len(s.Parts))
			}}
			s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), bound))
			s.Start("aaaa")
			units := stream(2 * time.Second).Units()
			var u media.AccessUnit
			for _, v := range units {
				s.Write(v)
				if v.Track.Video() == tt.video {
					u = v
				}
			}
			u.Key = !tt.video || name == "key frames only"
			u.Data = make([]byte, tt.size)
			if tt.video {
				binary.BigEndian.PutUint32(u.Data, uint32(tt.size-4))
				u.Data[4] = 0x41
			} else {
				u.Data = u.Data[:min(tt.size, 8000)]
			}
			for range tt.count {
				u.DTS++
				u.PTS = u.DTS
				s.Write(u)
				if len(s.units) > maxPartUnits || s.bytes > maxPartBytes+tt.size {
					t.Fatalf("%d units of %d bytes are held", len(s.units), s.bytes)
				}
			}
			s.Finish()
			if most.part > 5*maxPartBytes/4 || most.segment > maxSegmentBytes+5*maxPartBytes/4 || most.parts > maxSegmentParts {
				t.Errorf("the largest part has %d bytes, the largest segment %d in %d parts", most.part, most.segment, most.parts)
			}
		})
	}
}

// bounds is an Output that passes parts and segments to functions, and keeps nothing.
type bounds struct {
	part    func(*media.Part)
	segment func(*media.Segment)
}

func (b *bounds) Open(media.Segment)     {}
func (b *bounds) Part(p *media.Part)     { b.part(p) }
func (b *bounds) Close(s *media.Segment) { b.segment(s) }
func (b *bounds) Unpackaged(error)       {}
