package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golive/container/flv"
	"golive/media"
)

// timeline converts the times of a child's outputs to those of the source. The child's times
// are small, so that 32 bits of milliseconds are enough.
type timeline struct{ base media.Ticks }

func (t timeline) source(child media.Ticks) media.Ticks { return child + t.base - childOffset }

// readTags reads the tags of an output until its end, with their times in the source.
func (t timeline) readTags(r io.Reader, each func(tag flv.Tag, at media.Ticks) error) error {
	reader := flv.NewReader(r)
	var times flv.Timestamps
	for {
		tag, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil // the process's exit status says why it ended
		case err != nil:
			return err
		}
		at := times.Video(tag.Timestamp) // there is one track
		if err := each(tag, t.source(at)); err != nil {
			return err
		}
	}
}

// readPictures reads the video output of a rung until its end.
func (s *session) readPictures(ctx context.Context, r io.Reader, rung int) error {
	demuxer := flv.NewDemuxer()
	out, last := s.outs[rung], s.plan.rungs[rung].from
	return s.timeline.readTags(r, func(tag flv.Tag, at media.Ticks) error {
		if tag.Type != flv.TagVideo {
			return nil
		}
		u, ok, err := demuxer.Video(at, tag.Body)
		if err != nil || !ok {
			return err
		}
		fed, ok := s.pictures.find(u.PTS, last)
		if !ok {
			s.unmatched.Add(1)
			return nil
		}
		s.progress()
		if fed.pts > media.Ticks(s.until.Load()) {
			return nil // the next child makes this picture
		}
		last = fed.pts
		// Without reordered pictures both times are the same.
		u.DTS, u.PTS, u.Arrived = fed.pts, fed.pts, fed.arrived
		return send(ctx, out, event{unit: u, lost: fed.lost})
	})
}

// readAudio reads the output of an audio encoding until its end, for the rungs that use it.
func (s *session) readAudio(ctx context.Context, r io.Reader, encoding *audioEncoding) error {
	demuxer := flv.NewDemuxer()
	var clock sampleClock
	return s.timeline.readTags(r, func(tag flv.Tag, at media.Ticks) error {
		if tag.Type != flv.TagAudio {
			return nil
		}
		u, ok, err := demuxer.Audio(at, tag.Body)
		if err != nil || !ok {
			return err
		}
		if track := encoding.track; u.Track.SampleRate != track.SampleRate || u.Track.Channels != track.Channels {
			return fmt.Errorf("audio has %d channels of %d Hz, not %d of %d Hz",
				u.Track.Channels, u.Track.SampleRate, track.Channels, track.SampleRate)
		}
		s.progress()
		u.Track, u.DTS = encoding.track, clock.at(at, encoding.track)
		u.PTS, u.Arrived = u.DTS, s.newestArrival()
		for _, i := range encoding.rungs {
			if u.DTS < s.timeline.base || u.DTS <= s.plan.rungs[i].audioFrom {
				continue // the encoder's priming frame, or audio that the rung already has
			}
			if err := send(ctx, s.outs[i], event{unit: u}); err != nil {
				return err
			}
		}
		return nil
	})
}

// send gives an event to a rung.
func send(ctx context.Context, out *rungOutput, e event) error {
	select {
	case out.events <- e:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// roundingTolerance is the largest difference between a rounded time and the time by samples that
// is not a gap.
const roundingTolerance = 2 * media.Millisecond

// sampleClock counts samples, so that rounded times do not make gaps.
type sampleClock struct {
	known   bool
	start   media.Ticks
	samples int64
}

// at returns the time of the next frame, whose rounded time is known.
func (c *sampleClock) at(rounded media.Ticks, t *media.Track) media.Ticks {
	rate := int64(t.SampleRate)
	next := c.start + media.Ticks((c.samples*int64(media.Second)+rate/2)/rate)
	if !c.known || distance(next, rounded) > roundingTolerance {
		c.known, c.start, c.samples, next = true, rounded, 0, rounded
	}
	c.samples += int64(t.SamplesPerUnit)
	return next
}
