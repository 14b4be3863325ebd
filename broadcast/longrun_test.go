package broadcast

import (
	"flag"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golive/internal/hlscheck"
	"golive/internal/mediatest"
	"golive/media"
)

var hours = flag.Int("hours", 6, "stream time of the long run, in hours")

// longStart is the first timestamp of the long run: the 33 bits of MPEG-TS wrap after 26.5 hours.
const longStart = 24 * time.Hour

// longStream is a stream without an end: a picture 15 times a second with a key
// frame every 2 s, and AAC, with times rounded to the millisecond as RTMP does.
type longStream struct {
	gop           []media.AccessUnit // the pictures, sent repeatedly
	audio         media.AccessUnit
	epoch         time.Time
	video, frames int64 // sent so far
}

const longFPS = 15

func newLongStream(epoch time.Time) *longStream {
	s := &longStream{epoch: epoch}
	for _, u := range (mediatest.Stream{
		Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: longFPS, GOP: 2 * longFPS, Length: 2 * time.Second, BitRate: 40_000,
	}).Units() {
		if u.Track.Codec == media.AAC {
			s.audio = u
			s.audio.Data = u.Data[:48]
			continue
		}
		s.gop = append(s.gop, u)
	}
	return s
}

// sendUntil sends the units that are due before end, in the order in which an encoder sends them.
func (s *longStream) sendUntil(end time.Duration, write func(media.AccessUnit)) {
	for {
		video := s.video * 1000 / longFPS
		audio := s.frames * 1024 * 1000 / 48_000
		next := min(video, audio)
		if time.Duration(next)*time.Millisecond >= end {
			return
		}
		u := s.audio
		if video <= audio {
			u = s.gop[s.video%int64(len(s.gop))]
			s.video++
		} else {
			s.frames++
		}
		u.DTS = media.TicksFromMillis(longStart.Milliseconds() + next)
		u.PTS = u.DTS
		u.Arrived = s.epoch.Add(time.Duration(next) * time.Millisecond)
		write(u)
	}
}

// TestHub_HeapAndBucketDoNotGrowOverHours plays hours of stream time in a few seconds of
// real time.
func TestHub_HeapAndBucketDoNotGrowOverHours(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute under the race detector, which has little to find: one goroutine does the work")
	}
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		stream := newLongStream(time.Now())
		write := func(u media.AccessUnit) {
			if err := e.sink.WriteUnit(u); err != nil {
				t.Fatal(err)
			}
		}
		var early, late footprint
		for step := time.Duration(0); step <= time.Duration(*hours)*time.Hour; step += time.Second {
			<-time.After(time.Until(stream.epoch.Add(step)))
			stream.sendUntil(step, write)
			switch {
			case step%time.Hour != 0 || step == 0:
				continue
			case step == time.Hour:
				early = s.measure(t, stream, step)
			default:
				late = s.measure(t, stream, step)
			}
		}
		t.Logf("heap after 1 h %.2f MB with %d objects in the bucket, after %d h %.2f MB with %d",
			float64(early.heap)/1e6, early.objects, *hours, float64(late.heap)/1e6, late.objects)
		if late.heap > early.heap+early.heap/10 {
			t.Errorf("the heap grew from %d to %d bytes", early.heap, late.heap)
		}
		if diff := late.objects - early.objects; diff < -1 || diff > 1 {
			t.Errorf("the bucket had %d objects and has %d", early.objects, late.objects)
		}
		if n := s.state("b"); n != "live" {
			t.Errorf("the broadcast is %s, want live", n)
		}
		e.sink.Close(nil)
	})
}

// footprint is what must not grow.
type footprint struct {
	heap    uint64
	objects int
}

// measure checks the playlist's numbers and times, and the timestamps of its newest segment,
// and returns the footprint.
func (s *testHub) measure(t *testing.T, stream *longStream, at time.Duration) footprint {
	t.Helper()
	synctest.Wait() // until the archiver has stored everything
	list, wrong := hlscheck.ParseMedia("", []byte(s.tsPlaylist("b")))
	for _, v := range wrong {
		t.Error(v)
	}
	const segment = 2 * time.Second
	last := list.Segments[len(list.Segments)-1]
	// The key frame that closes the newest one is due now.
	if want := int64(at/segment) - 1; last.MSN != want {
		t.Errorf("after %v the last segment is %d, want %d", at, last.MSN, want)
	}
	begin := time.Duration(last.MSN-1) * segment
	if date := stream.epoch.Add(begin); last.ProgramDateTime.Sub(date).Abs() > time.Millisecond {
		t.Errorf("after %v the last segment is dated %v, want %v", at, last.ProgramDateTime, date)
	}
	w, _ := s.Window("b", SourceRendition)
	found, ok := w.Snapshot().Find(last.URI)
	if !ok || found.Slabs == nil {
		t.Fatalf("after %v segment %s is not in memory", at, last.URI)
	}
	var data []byte
	for _, slab := range found.Slabs {
		data = append(data, slab...)
	}
	ts, err := hlscheck.Demux(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	// 1.4 s is what the muxer adds to all times.
	want := (int64(longStart+begin+1400*time.Millisecond) / int64(time.Millisecond) * 90) % (1 << 33)
	if got := ts.Video().Units[0].DTS; got != want {
		t.Errorf("after %v segment %d begins at %d, want %d", at, last.MSN, got, want)
	}
	if n := len(ts.Video().Units); n != 2*longFPS {
		t.Errorf("after %v segment %d has %d pictures", at, last.MSN, n)
	}
	state := footprint{objects: len(s.keys("live/b/"))}
	state.heap = math.MaxUint64
	for range 3 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		state.heap = min(state.heap, m.HeapAlloc)
	}
	return state
}
