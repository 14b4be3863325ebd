package whip

import (
	"time"

	"github.com/pion/rtcp"

	"golive/media"
)

// rtpClock turns the RTP timestamps of one track into times that all tracks share. They are first
// joined by when their first packets arrived, which may be wrong by the delay of encoding a key
// frame; joiner corrects it.
type rtpClock struct {
	rate int64 // in Hz

	begun bool
	last  uint32 // the latest timestamp, and the same since the first one, unwrapped
	units int64
	base  media.Ticks // the time of the first one
	// report is the latest sender report.
	report   bool
	ntp      time.Duration // the sender's clock, since its epoch
	reported int64         // the timestamp at ntp, since the first one
}

// begin begins with a timestamp that arrived that long after the session began.
func (c *rtpClock) begin(timestamp uint32, after time.Duration) {
	if !c.begun {
		c.begun, c.last, c.base = true, timestamp, media.TicksFromDuration(after)
	}
}

// unwrap returns a timestamp since the first one, in units of the clock.
func (c *rtpClock) unwrap(timestamp uint32) int64 {
	at := c.units + int64(int32(timestamp-c.last))
	if at > c.units {
		c.units, c.last = at, timestamp
	}
	return at
}

// ticks returns the time of an unwrapped timestamp.
func (c *rtpClock) ticks(at int64) media.Ticks {
	return c.base + media.Ticks(at*int64(media.Second)/c.rate)
}

// setReport takes a sender report (RFC 3550 section 6.4.1). One without a clock has zero there.
func (c *rtpClock) setReport(r *rtcp.SenderReport) {
	if !c.begun || r.NTPTime == 0 {
		return
	}
	c.report = true
	c.ntp = time.Duration(r.NTPTime>>32)*time.Second + time.Duration((r.NTPTime&0xffffffff)*uint64(time.Second)>>32)
	c.reported = c.units + int64(int32(r.RTPTime-c.last))
}

// at returns the time when the sender's clock is ntp.
func (c *rtpClock) at(ntp time.Duration) media.Ticks {
	return c.ticks(c.reported) + media.TicksFromDuration(ntp-c.ntp)
}

const (
	// maxCorrection is the largest difference from the times of arrival that sender reports
	// explain. Beyond it the tracks of a sender have different clocks.
	maxCorrection = 2 * media.Second
	// correctionDivisor bounds a correction to this part of the distance of two pictures.
	correctionDivisor = 8
)

// joiner corrects the times of pictures, so that they are those of the sound. It moves the pictures,
// because a picture that is shown a little longer or shorter is not noticed, and sound would need a
// hole.
type joiner struct {
	target  media.Ticks // what is to be added to the times of pictures
	current media.Ticks // what is added now
	last    media.Ticks // the time of the last picture, uncorrected
}

// join takes the latest sender reports. It reports whether they can be used.
func (j *joiner) join(video, audio *rtpClock) bool {
	if !video.report || !audio.report {
		return false
	}
	at := max(video.ntp, audio.ntp)
	off := audio.at(at) - video.at(at)
	if off > maxCorrection || off < -maxCorrection {
		return false
	}
	j.target = off
	return true
}

// correct returns the time of the next picture, whose uncorrected time is at.
func (j *joiner) correct(at media.Ticks) media.Ticks {
	if most := (at - j.last) / correctionDivisor; most > 0 {
		j.current += min(max(j.target-j.current, -most), most)
	}
	j.last = max(j.last, at)
	return at + j.current
}
