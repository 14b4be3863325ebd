package transcode

import (
	"bytes"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"golive/media"
)

// beforeAll is a time before all units.
const beforeAll = media.Ticks(math.MinInt64)

// rungOutput passes the units of one rung to the Output, in one goroutine. Video and audio, which
// come from other goroutines, are passed on in the order of their times.
type rungOutput struct {
	Rung
	out    Output
	events chan event

	// The rest belongs to the goroutine, except for atomic values.

	started bool
	restart bool // the next unit begins a run, though started
	video   *media.Track
	audio   *media.Track
	held    []media.AccessUnit // audio that is ahead of the video

	// pictureAt and audioAt are the times of the newest picture and audio frame that were passed
	// on.
	pictureAt, audioAt atomic.Int64
	// lag is how old the newest picture was when it was passed on, in nanoseconds.
	lag     atomic.Int64
	running atomic.Bool
}

// event is something that happens to a rung.
type event struct {
	kind eventKind
	unit media.AccessUnit
	// lost is set if units before the unit were lost.
	lost  bool
	audio *media.Track // of eventBegin
	stop  StopReason
	// flushed is closed after the flush.
	flushed chan<- struct{}
}

type eventKind uint8

const (
	eventUnit  eventKind = iota
	eventBegin           // a child process begins, or the tracks change
	eventFlush           // a child process has ended
	eventStop
)

func newRungOutput(r Rung, out Output) *rungOutput {
	const buffer = 64
	o := &rungOutput{Rung: r, out: out, events: make(chan event, buffer)}
	o.pictureAt.Store(int64(beforeAll))
	o.audioAt.Store(int64(beforeAll))
	return o
}

// run handles events until their channel is closed.
func (r *rungOutput) run() {
	for e := range r.events {
		switch e.kind {
		case eventUnit:
			r.write(e)
		case eventBegin:
			if r.started && !sameTrack(e.audio, r.audio) {
				r.flush()
				r.restart = true
			}
			if !sameTrack(e.audio, r.audio) {
				r.audio = e.audio
			}
		case eventFlush:
			r.flush()
			close(e.flushed)
		case eventStop:
			r.flush()
			if r.started {
				r.started = false
				r.running.Store(false)
				r.out.Stop(r.Name, e.stop)
			}
		}
	}
}

func (r *rungOutput) write(e event) {
	u := e.unit
	switch {
	case !u.Track.Video() && r.AudioOnly:
		u.Track = r.audio
		r.begin(nil, e.lost)
		r.pass(u)
	case !u.Track.Video():
		u.Track = r.audio
		r.held = append(r.held, u)
		if r.started {
			r.release(maxAhead)
		} else if n := len(r.held); n > maxHeld { // no picture came
			r.held = slices.Delete(r.held, 0, n-maxHeld)
		}
	default:
		if !r.started && !u.Key {
			return
		}
		if r.started && !sameTrack(r.video, u.Track) {
			r.flush()
			r.restart = true
		}
		if !sameTrack(r.video, u.Track) {
			r.video = u.Track
		}
		u.Track = r.video
		r.begin(r.video, e.lost)
		r.lag.Store(int64(time.Since(u.Arrived)))
		r.release(0) // audio up to the last picture
		r.pass(u)
	}
}

// begin calls Start if a run of units begins.
func (r *rungOutput) begin(video *media.Track, lost bool) {
	if r.started && !r.restart && !lost {
		return
	}
	r.started, r.restart = true, false
	r.running.Store(true)
	r.out.Start(r.Name, video, r.audio)
}

func (r *rungOutput) pass(u media.AccessUnit) {
	if u.Track.Video() {
		r.pictureAt.Store(int64(u.PTS))
	} else {
		r.audioAt.Store(int64(u.DTS))
	}
	r.out.Write(r.Name, u)
}

// maxAhead is how far audio may be ahead of the video before it is passed on without it.
const maxAhead = media.Second

// maxHeld is how many audio units are held before the first picture.
const maxHeld = 512

// release passes on the held audio up to the newest picture or, if ahead is not 0, up to that time
// before the newest audio.
func (r *rungOutput) release(ahead media.Ticks) {
	until := media.Ticks(r.pictureAt.Load())
	if ahead > 0 {
		until = max(until, r.held[len(r.held)-1].DTS-ahead)
	}
	i := slices.IndexFunc(r.held, func(u media.AccessUnit) bool { return u.DTS > until })
	if i < 0 {
		i = len(r.held)
	}
	r.passHeld(i)
}

// flush passes on all held audio.
func (r *rungOutput) flush() { r.passHeld(len(r.held)) }

// passHeld passes on the first n held units. Before the first picture it drops them.
func (r *rungOutput) passHeld(n int) {
	for _, u := range r.held[:n] {
		if r.started {
			r.pass(u)
		}
	}
	r.held = slices.Delete(r.held, 0, n)
}

// sameTrack reports whether two tracks have the same content. ffmpeg writes a track again after a
// restart, which is not a change.
func sameTrack(a, b *media.Track) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	sets := func(x, y [][]byte) bool { return slices.EqualFunc(x, y, bytes.Equal) }
	return a.Codec == b.Codec && a.CodecString == b.CodecString && a.NALLengthSize == b.NALLengthSize &&
		sets(a.SPS, b.SPS) && sets(a.PPS, b.PPS) &&
		a.ObjectType == b.ObjectType && a.SampleRate == b.SampleRate && a.Channels == b.Channels &&
		bytes.Equal(a.ProgramConfig, b.ProgramConfig) && a.SamplesPerUnit == b.SamplesPerUnit
}
