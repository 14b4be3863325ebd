package segmenter

import (
	"slices"
	"time"

	"golive/codec/aac"
	"golive/codec/opus"
	"golive/media"
)

const (
	// defaultSilenceAfter is how far audio may be behind the pictures until silence is inserted.
	// Encoders interleave much closer, and a low-latency player is not much further from
	// the end of the playlist.
	defaultSilenceAfter = media.Second / 2
	// maxSilenceAfter bounds its growth for audio that is always late.
	maxSilenceAfter = 3 * media.Second
	// silentAfter is how long a track must have stopped to be reported as silent, and how
	// long audio must have resumed until it no longer is.
	silentAfter = 2 * media.Second
)

// audioState is the state of the audio beside video. A player waits for an announced audio
// track, so time without audio is filled with silence (docs/encoders.md row 63): the tracks
// do not change, and interruptions of the audio need no discontinuity.
type audioState struct {
	period  media.Ticks // of one access unit
	end     media.Ticks // end of the newest unit, received or silence
	filled  media.Ticks // end of the silence; audio before it is too late
	filling bool        // the newest unit is silence
	// silenceAfter is defaultSilenceAfter, or more if audio is always late.
	silenceAfter media.Ticks

	receivedEnd media.Ticks // end of the newest received unit
	resumedAt   media.Ticks // when audio resumed after silence
	silent      bool        // no audio was received for a noticeable time

	frame []byte // one frame of silence; nil if none is known
	// Silence is counted in samples from its beginning, so that it does not drift.
	began media.Ticks
	units int64
}

func newAudioState(t *media.Track, at media.Ticks) audioState {
	if t == nil {
		return audioState{}
	}
	return audioState{
		period: periodOf(t), end: at, receivedEnd: at, filled: at - media.Second, silenceAfter: defaultSilenceAfter, frame: silenceOf(t),
	}
}

// silenceOf returns an access unit of silence; nil if none is known.
func silenceOf(t *media.Track) []byte {
	switch t.Codec {
	case media.AAC:
		return aac.Silence(t.Channels, t.ProgramConfig)
	case media.Opus:
		return opus.Silence(t.Channels, t.SamplesPerUnit)
	default:
		return nil
	}
}

// periodOf returns the duration of one access unit of an audio track.
func periodOf(t *media.Track) media.Ticks {
	return max(1, unitsAt(t, 1))
}

// unitsAt returns the duration of n access units of an audio track.
func unitsAt(t *media.Track, n int64) media.Ticks {
	return media.Ticks(n) * media.Ticks(t.SamplesPerUnit) * media.Second / media.Ticks(max(t.SampleRate, 1))
}

// take records an audio unit. It returns false if silence has been inserted in its place.
func (v *audioState) take(dts, picture media.Ticks) bool {
	if dts+v.period/2 < v.filled {
		// The audio is not missing but late: wait longer before silence is inserted.
		v.filling = false
		v.silenceAfter = max(v.silenceAfter, min(picture-dts+defaultSilenceAfter, maxSilenceAfter))
		return false
	}
	if v.filling || dts-v.receivedEnd > silentAfter {
		v.resumedAt = dts
	}
	v.filling = false
	v.end = dts + v.period
	v.receivedEnd = v.end
	if v.silent && v.end-v.resumedAt >= silentAfter {
		v.silent = false
	}
	return true
}

// fillSilence inserts silence up to end if audio is missing beside video.
func (s *Segmenter) fillSilence(end media.Ticks, arrived time.Time) {
	v := &s.audioState
	if s.video == nil || s.audio == nil || !v.filling && end-v.end <= v.silenceAfter {
		return
	}
	if end-v.receivedEnd >= silentAfter {
		v.silent = true
	}
	if v.frame == nil {
		return
	}
	if !v.filling {
		v.filling, v.began, v.units = true, v.end, 0
	}
	for v.end+v.period <= end {
		s.units = append(s.units, media.AccessUnit{Track: s.audio, DTS: v.end, PTS: v.end, Key: true, Data: v.frame, Arrived: arrived})
		v.units++
		v.end = v.began + unitsAt(s.audio, v.units)
	}
	v.filled = v.end
	// The clock reference must not pass audio that is not written yet.
	slices.SortStableFunc(s.units, func(a, b media.AccessUnit) int { return int(a.DTS - b.DTS) })
}

// skipGap records a gap of all tracks up to end, which is not filled with silence.
func (v *audioState) skipGap(end media.Ticks) {
	if v.end < end {
		v.end, v.filling = end, false
	}
}
