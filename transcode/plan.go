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

// usualFrameRate is assumed if the frame rate is not known.
const usualFrameRate = 30

func (s source) rate() float64 { return cmp.Or(s.frameRate, usualFrameRate) }

// shortSide returns the shorter side of the picture in pixels.
func (s source) shortSide() int { return min(s.video.Width, s.video.Height) }

// allows reports whether the rung can be made of the source. Pictures are never enlarged.
func (s source) allows(r Rung) bool {
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

// maxPassPercent is the highest bit rate at which the source's audio is passed on to a rung, in
// percent of the rung's audio bit rate.
const maxPassPercent = 130

// passesAudio reports whether the source's audio is passed on to a rung without encoding it.
func (s source) passesAudio(r Rung) bool {
	a := s.audio
	return a.Codec == media.AAC && a.ObjectType == aacLC && a.Channels <= 2 && a.ProgramConfig == nil &&
		s.audioBitrate*100 <= int(r.AudioBitrate)*maxPassPercent
}

const aacLC = 2

// plan is the work of one child process.
type plan struct {
	source source
	rungs  []plannedRung
	// encodings are the encodings of the audio. Rungs with the same bit rate share one.
	encodings []audioEncoding
}

// plannedRung is a rung that a child process makes.
type plannedRung struct {
	Rung
	// audio is its audio track; nil if there is none.
	audio *media.Track
	// passes is set if the source's audio is passed on.
	passes bool
	// from and audioFrom are the times of the newest picture and audio frame that were passed on
	// before; only later ones are made.
	from, audioFrom media.Ticks
}

// resumes reports whether the rung already has pictures.
func (r plannedRung) resumes() bool { return r.from != beforeAll }

// audioEncoding is one encoding of the audio.
type audioEncoding struct {
	bitrate int
	track   *media.Track
	// rungs are the indexes of the rungs that use it.
	rungs []int
}

// newPlan returns the plan that makes the given rungs. The source must allow all of them.
func newPlan(s source, rungs []Rung) *plan {
	p := &plan{source: s}
	for i, r := range rungs {
		planned := plannedRung{Rung: r, from: beforeAll, audioFrom: beforeAll}
		switch {
		case s.audio == nil:
		case s.passesAudio(r):
			planned.audio, planned.passes = s.audio, true
		default:
			planned.audio = p.planAudio(i, int(r.AudioBitrate))
		}
		p.rungs = append(p.rungs, planned)
	}
	return p
}

// planAudio plans the audio of a rung, and returns its track.
func (p *plan) planAudio(rung, bitrate int) *media.Track {
	i := slices.IndexFunc(p.encodings, func(s audioEncoding) bool { return s.bitrate == bitrate })
	if i < 0 {
		i = len(p.encodings)
		p.encodings = append(p.encodings, audioEncoding{bitrate: bitrate, track: encodedTrack(p.source.audio)})
	}
	p.encodings[i].rungs = append(p.encodings[i].rungs, rung)
	return p.encodings[i].track
}

// encodedTrack returns the track that ffmpeg makes of an audio track: AAC-LC with at most two
// channels, at a sample rate that all players support.
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

// encodesVideo reports whether the child process encodes video, encodesAudio whether it encodes
// audio.
func (p *plan) encodesVideo() bool {
	return slices.ContainsFunc(p.rungs, func(r plannedRung) bool { return !r.AudioOnly })
}

func (p *plan) encodesAudio() bool { return len(p.encodings) > 0 }

// needsChild reports whether there is work for a child process: not if all rungs are audio only
// and the source's audio is passed on.
func (p *plan) needsChild() bool { return p.encodesVideo() || p.encodesAudio() }

// frameRate returns the highest frame rate of a rung.
func (p *plan) frameRate(r Rung) float64 {
	if limit := r.FrameRate; limit > 0 {
		return min(limit, p.source.rate())
	}
	return p.source.rate()
}

// threads returns the number of threads that encode a rung. Up to ffmpeg 6, one thread decodes and
// encodes everything, unless encoders have more threads. Each thread after the first delays a rung
// by a picture.
func (p *plan) threads(r Rung) int {
	const (
		singleThread = 0.4 // cores; up to this one thread is enough for all rungs
		perThread    = 0.8 // cores
		slowRate     = 12  // pictures a second, below which a picture is too long a delay
		maxThreads   = 4
	)
	all := load{source: p.source}
	for _, r := range p.rungs {
		all.wanted = append(all.wanted, r.Rung)
	}
	if p.source.rate() < slowRate || all.cost(len(all.wanted)) < singleThread {
		return 1
	}
	return min(2+int(p.encodeCost(r)/perThread), maxThreads)
}

// encodeCost returns how many cores the encoder of a rung with pictures needs.
func (p *plan) encodeCost(r Rung) float64 {
	const million = 1e6
	v := p.source.video
	width := float64(max(v.Width, v.Height)) / float64(max(1, p.source.shortSide())) * float64(r.Height)
	return width * float64(r.Height) * p.frameRate(r) / million * encodeCost(r.preset())
}
