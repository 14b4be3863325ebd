package fmp4

import "math"

// The track ids. Sound without pictures is the first track.
const (
	videoTrack  = 1
	secondTrack = 2
)

func audioTrack(video bool) uint32 {
	if video {
		return secondTrack
	}
	return videoTrack
}

// sample is an access unit in a fragment, with what trun says of it. Times are in the
// timescale of its track.
type sample struct {
	unit        int // its index
	duration    uint32
	size        uint32
	flags       uint32
	composition int32 // how much later than decoded it is presented
}

// run is the samples of one track in a part, in order of decoding.
type run struct {
	track   uint32
	samples []sample
	base    int64 // the decode time of the first one
	last    int64 // of the last one
	size    int   // in mdat, in bytes
	// always says that there is a track fragment without samples too: a player that takes
	// the time of a part from its first fragment must not find that of the sound there.
	always bool

	// What all samples have in common is told once, in tfhd. even is set when they have
	// the same duration and flags, simple when they are presented as they are decoded.
	even, simple bool
}

// reset begins the next part, which begins at a time.
func (r *run) reset(track uint32, always bool, at int64) {
	*r = run{track: track, samples: r.samples[:0], base: at, last: at, always: always, even: true, simple: true}
}

// empty reports whether there is no track fragment.
func (r *run) empty() bool { return len(r.samples) == 0 && !r.always }

// add appends a sample that is decoded at a time which is not before that of the last
// one.
func (r *run) add(s sample, at int64) {
	if len(r.samples) == 0 {
		r.base = at
	} else {
		r.close(at)
	}
	r.last = at
	r.samples = append(r.samples, s)
	r.size += int(s.size)
	r.simple = r.simple && s.composition == 0
}

// end tells when the last sample ends.
func (r *run) end(at int64) {
	if len(r.samples) > 0 {
		r.close(at)
	}
}

// close sets the duration of the last sample.
func (r *run) close(at int64) {
	s, first := &r.samples[len(r.samples)-1], &r.samples[0]
	s.duration = uint32(min(max(at-r.last, 0), math.MaxUint32))
	r.even = r.even && s.duration == first.duration && s.flags == first.flags
}

// trafSize is the size of the track fragment in bytes, 0 when there is none.
func (r *run) trafSize() int {
	switch {
	case r.empty():
		return 0
	case len(r.samples) == 0:
		return boxHeaderSize + tfhdSize + tfdtSize
	}
	return boxHeaderSize + r.tfhdSize() + tfdtSize + r.trunSize()
}

func (r *run) tfhdSize() int {
	const defaults = 8
	if r.hasDefaults() {
		return tfhdSize + defaults
	}
	return tfhdSize
}

// hasDefaults reports whether tfhd tells duration and flags.
func (r *run) hasDefaults() bool { return r.even && len(r.samples) > 0 }

func (r *run) trunSize() int {
	entry := 4 // sample_size
	if !r.even {
		entry += 8 // sample_duration, sample_flags
	}
	if !r.simple {
		entry += 4 // sample_composition_time_offset
	}
	return trunSize + len(r.samples)*entry
}
