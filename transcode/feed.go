package transcode

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"golive/media"
)

// feed writes the source's units to w until the source ends, or its tracks or the rungs change.
func (s *session) feed(ctx context.Context, w io.Writer) ending {
	var meter rateMeter
	keySeen := false
	for {
		t, ok := s.job.next(ctx)
		if !ok {
			return ending{ended: ctx.Err() == nil}
		}
		if e := s.change(t); e.next != "" {
			if !(t.Track.Video() && t.Key) {
				s.until.Store(int64(s.decoded))
			}
			s.job.queue.unread()
			return e
		}
		if !s.plan.source.hasTrack(t.Track) {
			continue // a unit from before a change
		}
		if t.Track.Video() {
			if keySeen = keySeen || t.Key; !keySeen {
				continue
			}
			if meter.add(t.DTS) > s.plan.source.rate()*fasterRate {
				s.job.rate.Store(math.Float64bits(meter.rate))
			}
		}
		if err := s.write(ctx, w, t); err != nil {
			return ending{next: RestartExit, failed: true, err: err}
		}
	}
}

// next waits for the next unit; ok is false if there is none, or ctx is done.
func (j *Job) next(ctx context.Context) (t taken, ok bool) {
	for {
		t, ok, ended := j.queue.take()
		if ok || ended {
			return t, ok
		}
		select {
		case <-j.queue.signal:
		case <-ctx.Done():
			return t, false
		}
	}
}

// change returns why a unit belongs to the next session, if it does. Rungs change at key
// pictures. A unit that is taken again after a rewind does not end the session, even if it has an
// older track.
func (s *session) change(t taken) ending {
	switch {
	case t.again:
		return ending{}
	case !s.plan.source.hasTrack(t.Track):
		return ending{next: RestartTracks, change: t.Track}
	case t.Key && t.Track.Video(), s.plan.source.video == nil:
		s.job.queue.release(s.passed())
		if s.isOld(t.DTS) {
			return ending{next: RestartAge}
		}
		return ending{next: s.job.replan(s.plan)}
	}
	return ending{}
}

// isOld reports whether another child has to take over from the next unit on.
func (s *session) isOld(next media.Ticks) bool {
	return s.muxed >= s.job.node.maxUnits || s.muxed > 0 && next-s.timeline.base > maxChildTime
}

// passed returns a time that all outputs have passed.
func (s *session) passed() media.Ticks {
	at := media.Ticks(math.MaxInt64)
	for i, out := range s.outs {
		switch p := &s.plan.rungs[i]; {
		case !p.AudioOnly:
			at = min(at, media.Ticks(out.pictureAt.Load()))
		case !p.passes:
			at = min(at, media.Ticks(out.audioAt.Load()))
		}
	}
	return at
}

// fasterRate is the increase of the frame rate that requires a new plan: an encoder that expects
// fewer pictures would exceed the bit rate.
const fasterRate = 1.25

// hasTrack reports whether the plan was made for a track.
func (s source) hasTrack(t *media.Track) bool { return t == s.video || t == s.audio }

// write writes a unit to the child, and passes audio on to the rungs that do not encode it.
func (s *session) write(ctx context.Context, w io.Writer, t taken) error {
	arrived := t.Arrived
	s.arrival.Store(&arrived)
	if t.Track.Video() {
		if !s.plan.encodesVideo() {
			return nil
		}
		s.decoded = t.DTS
		s.pictures.add(fedPicture{pts: t.PTS, arrived: t.Arrived, lost: t.lost})
		return s.mux(w, t)
	}
	for i := range s.plan.rungs {
		if p := &s.plan.rungs[i]; p.passes && t.DTS > p.audioFrom {
			if err := send(ctx, s.outs[i], event{unit: t.AccessUnit, lost: t.lost && p.AudioOnly}); err != nil {
				return err
			}
		}
	}
	if !s.plan.encodesAudio() {
		return nil
	}
	return s.mux(w, t)
}

// mux writes a unit as a fragment of an MP4 file.
func (s *session) mux(w io.Writer, t taken) error {
	var video, audio *media.Track
	if s.plan.encodesVideo() {
		video = s.plan.source.video
	}
	if s.plan.encodesAudio() {
		audio = s.plan.source.audio
	}
	if !s.begun {
		init, err := s.muxer.Begin(video, audio)
		if err != nil {
			return err
		}
		if _, err := w.Write(init); err != nil {
			return fmt.Errorf("write to ffmpeg: %w", err)
		}
		s.begun = true
	}
	u := t.AccessUnit
	u.DTS, u.PTS = max(u.DTS-s.timeline.base, 1-childOffset), u.PTS-s.timeline.base
	u.Arrived, u.Discontinuity = time.Time{}, false
	if u.Track.Video() {
		u.PTS = markKey(u.PTS, u.Key)
	}
	const anyDuration = 40 * media.Millisecond // of the sample; decoders ignore it
	part := s.muxer.Part(video, audio, []media.AccessUnit{u}, u.DTS, u.DTS+anyDuration)
	if _, err := w.Write(part); err != nil {
		return fmt.Errorf("write to ffmpeg: %w", err)
	}
	if !t.again {
		s.muxed++
	}
	s.fed.Store(max(1, int64(time.Since(s.started))))
	return nil
}

// markKey returns the time of a picture for the child: odd if it is a key picture, or else
// even. See isKey.
func markKey(at media.Ticks, key bool) media.Ticks {
	at = (at + 1) &^ 1
	if key {
		at++
	}
	return at
}

// rateMeter measures pictures a second.
type rateMeter struct {
	from  media.Ticks
	count int
	rate  float64 // of the last window
}

// add counts a picture, and returns the rate.
func (m *rateMeter) add(dts media.Ticks) float64 {
	const window = 2 * media.Second
	switch elapsed := dts - m.from; {
	case m.count == 0 || elapsed < 0 || elapsed > 4*window:
		m.from, m.count = dts, 0
	case elapsed >= window:
		m.rate = float64(m.count) / elapsed.Seconds()
		m.from, m.count = dts, 0
	}
	m.count++
	return m.rate
}

// measure sets the source's frame rate and audio bit rate from its first units.
func (s source) measure(units []taken) source {
	var first, last [2]media.Ticks
	var counts, sizes [2]int
	for i := range units {
		u, kind := &units[i], 0
		if !s.hasTrack(u.Track) {
			continue
		}
		if !u.Track.Video() {
			kind = 1
		}
		if counts[kind] == 0 {
			first[kind] = u.DTS
		}
		last[kind] = u.DTS
		counts[kind]++
		sizes[kind] += len(u.Data)
	}
	const minUnits = 6
	per := func(kind, n int) float64 {
		if d := last[kind] - first[kind]; counts[kind] >= minUnits && d > 0 {
			return float64(n) * float64(counts[kind]-1) / float64(counts[kind]) / d.Seconds()
		}
		return 0
	}
	if s.audio != nil {
		s.audioBitrate = int(per(1, sizes[1]*8))
	}
	if s.video != nil {
		s.frameRate = s.video.FrameRate
		// The declared rate is exact, unless it is far from the measured one.
		const tolerance = 1.2
		if got := per(0, counts[0]); got > s.frameRate*tolerance || got > 0 && got < s.frameRate/tolerance {
			s.frameRate = got
		}
	}
	return s
}
