package transcode

import (
	"cmp"
	"slices"

	"golive/codec/h264"
	"golive/media"
)

// source is what is known about the units that a child process will get.
type source struct {
	// video and audio are the tracks; either may be nil.
	video, audio *media.Track
	// frameRate is in pictures a second, 0 if it is not known.
	frameRate float64
	// audioBitrate is in bits a second, 0 if it is not known.
	audioBitrate int
}

// usualFrameRate is assumed where the frame rate is not known.
const usualFrameRate = 30

func (s source) rate() float64 { return cmp.Or(s.frameRate, usualFrameRate) }

// shortSide returns the shorter side of the picture in pixels.
func (s source) shortSide() int { return min(s.video.Width, s.video.Height) }

// has reports whether the source gets the rung. Pictures are never made larger.
func (s source) has(r Rung) bool {
	if r.AudioOnly {
		return s.audio != nil
	}
	return s.video != nil && r.Height <= s.shortSide()
}

// interlaced reports whether the pictures may be fields.
func (s source) interlaced() bool {
	if s.video == nil || s.video.Codec != media.H264 {
		return false
	}
	c, err := h264.FromParameterSets(s.video.SPS, s.video.PPS)
	return err == nil && c.Interlaced
}

// tooHigh is how many times the bit rate of a rung's sound the source's may be, in percent,
// to be passed on.
const tooHigh = 130

// passes reports whether the source's sound can be that of a rung.
func (s source) passes(r Rung) bool {
	a := s.audio
	return a.Codec == media.AAC && a.ObjectType == aacLC && a.Channels <= 2 && a.ProgramConfig == nil &&
		s.audioBitrate*100 <= int(r.AudioBitrate)*tooHigh
}

const aacLC = 2

// plan is the work of one child process.
type plan struct {
	source source
	rungs  []plannedRung
	// sounds are what is encoded of the sound; rungs with the same bit rate share one.
	sounds []plannedSound
}

// plannedRung is a rung that a child process makes.
type plannedRung struct {
	Rung
	// audio is the track of its sound; nil if there is none.
	audio *media.Track
	// passes is set if its sound is the source's.
	passes bool
	// from and soundFrom are the times of the newest picture and sound that the rung has had;
	// only later ones are made.
	from, soundFrom media.Ticks
}

// resumes reports whether the rung has had pictures.
func (r plannedRung) resumes() bool { return r.from != beforeAll }

// plannedSound is one encoding of the sound.
type plannedSound struct {
	bitrate int
	track   *media.Track
	// rungs are the indexes of the rungs that have it.
	rungs []int
}

// newPlan returns the plan that makes the given rungs, of which the source has all.
func newPlan(s source, rungs []Rung) *plan {
	p := &plan{source: s}
	for i, r := range rungs {
		planned := plannedRung{Rung: r, from: beforeAll, soundFrom: beforeAll}
		switch {
		case s.audio == nil:
		case s.passes(r):
			planned.audio, planned.passes = s.audio, true
		default:
			planned.audio = p.encodeSound(i, int(r.AudioBitrate))
		}
		p.rungs = append(p.rungs, planned)
	}
	return p
}

// encodeSound plans the sound of a rung, and returns its track.
func (p *plan) encodeSound(rung, bitrate int) *media.Track {
	i := slices.IndexFunc(p.sounds, func(s plannedSound) bool { return s.bitrate == bitrate })
	if i < 0 {
		i = len(p.sounds)
		p.sounds = append(p.sounds, plannedSound{bitrate: bitrate, track: encodedTrack(p.source.audio)})
	}
	p.sounds[i].rungs = append(p.sounds[i].rungs, rung)
	return p.sounds[i].track
}

// encodedTrack returns the track that ffmpeg makes of a sound: AAC-LC with at most two channels,
// at a sample rate that all players have.
func encodedTrack(from *media.Track) *media.Track {
	rate := 48000
	if from.SampleRate == 44100 {
		rate = 44100
	}
	return &media.Track{
		Codec: media.AAC, CodecString: "mp4a.40.2", ObjectType: aacLC,
		SampleRate: rate, Channels: min(max(from.Channels, 1), 2), SamplesPerUnit: 1024,
	}
}

// pictures reports whether the child process decodes pictures, sound whether it decodes
// sound.
func (p *plan) pictures() bool {
	return slices.ContainsFunc(p.rungs, func(r plannedRung) bool { return !r.AudioOnly })
}

func (p *plan) sound() bool { return len(p.sounds) > 0 }

// needsChild reports whether there is work for a child process: not if all rungs have the
// source's sound and no pictures.
func (p *plan) needsChild() bool { return p.pictures() || p.sound() }

// frameRate returns the pictures a second of a rung at most.
func (p *plan) frameRate(r Rung) float64 {
	if limit := r.FrameRate; limit > 0 {
		return min(limit, p.source.rate())
	}
	return p.source.rate()
}

// threads returns the number of threads that encode a rung. Up to ffmpeg 6, one thread decodes and
// encodes everything, which has to be enough for all rungs; with more, encoders run beside it.
// Each thread after the first delays a rung by a picture.
func (p *plan) threads(r Rung) int {
	const (
		enough   = 0.4 // of a core
		oneRung  = 0.8
		slowRate = 12 // pictures a second
		most     = 4
	)
	all := load{source: p.source}
	for _, r := range p.rungs {
		all.wanted = append(all.wanted, r.Rung)
	}
	if p.source.rate() < slowRate || all.cost(len(all.wanted)) < enough {
		return 1
	}
	return min(2+int(p.encodeCost(r)/oneRung), most)
}

// encodeCost returns how many cores the encoder of a rung with pictures needs.
func (p *plan) encodeCost(r Rung) float64 {
	const million = 1e6
	v := p.source.video
	width := float64(max(v.Width, v.Height)) / float64(max(1, p.source.shortSide())) * float64(r.Height)
	return width * float64(r.Height) * p.frameRate(r) / million * encodeCost(r.preset())
}
