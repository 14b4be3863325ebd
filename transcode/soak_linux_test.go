//go:build field

package transcode

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/media"
)

var hours = flag.Float64("hours", 1, "stream time of TestSoak, in hours")

// The bounds of what memory may grow by from the second of eight samples to the last one.
const (
	mostHeapGrowth  = 4 << 20
	mostChildGrowth = 16 << 20
)

// TestSoak_MemoryStaysFlat gives a job hours of media as fast as it takes it. In the first half
// the child is killed again and again.
func TestSoak_MemoryStaysFlat(t *testing.T) {
	const samples = 8
	s := newSoak(t)
	length := media.Ticks(*hours * 3600 * float64(media.Second))
	// One child after the other, however long the stream is.
	const children = 24
	units := int(length/soakPicture + length/soakFrame)
	s.running.node.maxUnits = min(units/children, maxChildUnits)
	var heap, child [samples]int
	for i := range samples {
		begin, step := media.Ticks(i)*length/samples, length/samples
		if i < samples/2 {
			s.feed(t, begin+step/2)
			s.kill(t)
		}
		s.feed(t, begin+step)
		heap[i], child[i] = heapInUse(), s.childMemory(t)
		t.Logf("%v of the stream, %d restarts, %v children took over: heap %.1f MiB, child %.1f MiB", (begin + step).Duration().Round(time.Second),
			s.running.job.Status().Restarts, s.takeovers(), mebibytes(heap[i]), mebibytes(child[i]))
	}
	clips := media.Ticks(s.nextP/len(s.pictures) + 1)
	s.feed(t, clips*s.length+s.pictures[0].DTS-s.start) // whole groups of pictures
	s.running.finish(t)
	s.check(t)
	if s.takeovers() == 0 {
		t.Error("no child took over from another one")
	}
	if n := s.running.job.Status().Restarts; n != samples/2 {
		t.Errorf("%d restarts after failures, want %d", n, samples/2)
	}
	if grown := heap[samples-1] - heap[1]; grown > mostHeapGrowth {
		t.Errorf("the heap grew by %.1f MiB, want at most %.1f", mebibytes(grown), mebibytes(mostHeapGrowth))
	}
	if grown := child[samples-1] - child[1]; grown > mostChildGrowth {
		t.Errorf("the child grew by %.1f MiB, want at most %.1f", mebibytes(grown), mebibytes(mostChildGrowth))
	}
}

func heapInUse() int {
	runtime.GC()
	runtime.GC() // collects what finalizers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func mebibytes(n int) float64 { return float64(n) / (1 << 20) }

// childMemory returns the resident memory of the child in bytes.
func (s *soak) childMemory(t *testing.T) int {
	t.Helper()
	for {
		if c := s.running.job.child.Load(); c != nil {
			if n, ok := residentMemory(c.cmd.Process.Pid); ok {
				return n
			}
		}
		s.feedMore(t) // another child takes over
	}
}

// residentMemory returns the resident memory of a process in bytes. ok is false if it is gone.
func residentMemory(pid int) (n int, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(status) {
		if value, found := bytes.CutPrefix(line, []byte("VmRSS:")); found {
			n, err := strconv.Atoi(string(bytes.Fields(value)[0]))
			return n << 10, err == nil
		}
	}
	return 0, false
}

// takeovers returns how many children took over from others that had many units.
func (s *soak) takeovers() float64 {
	return testutil.ToFloat64(s.running.node.metrics.restarts.WithLabelValues(string(RestartAge)))
}

// The source of a soak: the times between its pictures and between its frames of sound.
const (
	soakPicture = media.Second / 10
	soakFrame   = 1024 * media.Second / 24_000
)

// soak is a job that gets the units of a clip again and again.
type soak struct {
	running       *testJob
	pictures      []media.AccessUnit // of the clip, with their times
	sound         []media.AccessUnit
	start         media.Ticks // of the stream
	nextP, nextS  int         // the numbers of the next picture and frame of sound
	length        media.Ticks // of the clip's pictures
	low, soundOut soakRung
	change        chan struct{}
}

// soakRung checks the units of a rung as they are written, and keeps none.
type soakRung struct {
	mu          sync.Mutex
	newest      [2]media.Ticks // of sound and pictures
	counts      [2]int
	starts      int
	faults      []string
	faultsTotal int
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	units := unitsOf(t, encode(t, "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=24000",
		"-t", "8", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "20", "-keyint_min", "20", "-sc_threshold", "0", "-bf", "2",
		"-b:v", "60k", "-c:a", "aac", "-b:a", "48k", "-ac", "1"))
	s := &soak{length: 8 * media.Second, change: make(chan struct{}, 1)}
	for _, u := range units {
		if u.Track.Video() {
			s.pictures = append(s.pictures, u)
		} else {
			s.sound = append(s.sound, u)
		}
	}
	s.start = s.pictures[0].PTS
	s.running = startWith(t, ladderOf(
		Rung{Name: "low", Height: 90, VideoBitrate: 50_000, AudioBitrate: 128_000, Preset: "ultrafast"},
		Rung{Name: "audio", AudioOnly: true, AudioBitrate: 16_000},
	), s)
	return s
}

// feed gives the job the units before a time of the stream, and stays at most four seconds ahead
// of the rungs.
func (s *soak) feed(t *testing.T, until media.Ticks) {
	t.Helper()
	const ahead = 4 * media.Second
	now := time.Now()
	for {
		n := s.nextP / len(s.pictures)
		picture := s.pictures[s.nextP%len(s.pictures)]
		picture.DTS += media.Ticks(n) * s.length
		picture.PTS += media.Ticks(n) * s.length
		sound := s.sound[s.nextS%len(s.sound)]
		sound.DTS = s.start + media.Ticks(s.nextS)*soakFrame
		sound.PTS = sound.DTS
		u, next := picture, &s.nextP
		if sound.DTS < picture.DTS {
			u, next = sound, &s.nextS
		}
		if u.DTS-s.start >= until {
			return
		}
		*next++
		if u.Key && u.Track.Video() {
			s.await(t, u.DTS-ahead)
			now = time.Now()
		}
		u.Arrived = now
		s.running.job.Write(u)
	}
}

// await waits until both rungs have reached a time.
func (s *soak) await(t *testing.T, at media.Ticks) {
	t.Helper()
	timeout := time.NewTimer(time.Minute)
	defer timeout.Stop()
	for s.low.at(true) < at || s.soundOut.at(false) < at {
		select {
		case <-s.change:
		case <-timeout.C:
			t.Fatalf("no progress for a minute: pictures at %d, sound at %d, of %d", s.low.at(true), s.soundOut.at(false), at)
		}
	}
}

// kill kills the child. Another child has taken over since the last kill, so that the job does not
// suspend transcoding.
func (s *soak) kill(t *testing.T) {
	t.Helper()
	for {
		if live := s.running.job.live.Load(); live != nil && live.units.Load() > 0 {
			if err := syscall.Kill(live.child.cmd.Process.Pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			return
		}
		s.feedMore(t)
	}
}

// feedMore gives the job another second of the stream.
func (s *soak) feedMore(t *testing.T) {
	t.Helper()
	s.feed(t, s.pictureTime(s.nextP)-s.start+media.Second)
}

func (s *soak) pictureTime(n int) media.Ticks { return s.start + media.Ticks(n)*soakPicture }

func (s *soak) rung(name string) *soakRung {
	if name == "low" {
		return &s.low
	}
	return &s.soundOut
}

// Start, Write and Stop are those of Output.
func (s *soak) Start(rung string, _, _ *media.Track) {
	r := s.rung(rung)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts++
}

func (s *soak) Write(rung string, u media.AccessUnit) {
	s.rung(rung).add(s, u)
	select {
	case s.change <- struct{}{}:
	default:
	}
}

func (s *soak) Stop(string, StopReason) {}

func kindOf(video bool) int {
	if video {
		return 1
	}
	return 0
}

// at returns the time of the newest picture or sound.
func (r *soakRung) at(video bool) media.Ticks {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest[kindOf(video)]
}

// add checks that each picture is the next one of the source, and that sound has no gaps.
func (r *soakRung) add(s *soak, u media.AccessUnit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := kindOf(u.Track.Video())
	last, n := r.newest[kind], r.counts[kind]
	r.newest[kind] = u.DTS
	r.counts[kind]++
	switch {
	case u.Track.Video():
		if want := s.pictureTime(n); u.PTS != want {
			r.fault("picture %d is at %d, want %d", n, u.PTS, want)
		}
	case n > 0 && (u.DTS <= last || u.DTS-last > 2*soakFrame):
		r.fault("frame %d of sound is at %d, after one at %d", n, u.DTS, last)
	}
}

func (r *soakRung) fault(format string, args ...any) {
	const most = 5
	if r.faultsTotal++; len(r.faults) < most {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// check checks that the rungs have all units, in one run.
func (s *soak) check(t *testing.T) {
	t.Helper()
	for _, name := range []string{"low", "audio"} {
		r := s.rung(name)
		if r.faultsTotal > 0 {
			t.Errorf("%s has %d faults: %v", name, r.faultsTotal, r.faults)
		}
		if r.starts != 1 {
			t.Errorf("%s began %d times, want once", name, r.starts)
		}
		t.Logf("%s: %d pictures, %d frames of sound", name, r.counts[1], r.counts[0])
	}
	if got := s.low.counts[1]; got != s.nextP {
		t.Errorf("%d pictures, the source has %d", got, s.nextP)
	}
	if got := s.low.counts[0]; got != s.nextS {
		t.Errorf("%d frames of sound, the source has %d", got, s.nextS)
	}
	if last := s.soundOut.at(false); last < s.start+media.Ticks(s.nextS-4)*soakFrame {
		t.Errorf("the encoded sound ends at %d", last)
	}
}
