package fmp4

import "math"

const videoTrack = 1

// audioTrack returns the id of the audio track, beside a video track or without one.
func audioTrack(video bool) uint32 {
	if video {
		return videoTrack + 1
	}
	return videoTrack
}

// sample is an access unit in a fragment, with its entry in trun. Times are in the
// timescale of its track.
type sample struct {
	unit        int // its index
	duration    uint32
	size        uint32
	flags       uint32
	composition int32 // presentation time minus decode time
}

// run is the samples of one track in a part, in order of decoding.
type run struct {
	track   uint32
	samples []sample
	base    int64 // the decode time of the first one
	last    int64 // of the last one
	size    int   // in mdat, in bytes
	// always is set for a track that has a track fragment also without samples. Shaka Player
	// takes the first tfdt of a part for the video's.
	always bool

	// even is set if all samples have the same duration and flags, which tfhd then has;
	// simple if no sample has a composition offset.
	even, simple bool
}

// reset begins a part whose first sample is decoded at a time.
func (r *run) reset(track uint32, always bool, at int64) {
	*r = run{track: track, samples: r.samples[:0], base: at, last: at, always: always, even: true, simple: true}
}

// empty reports whether there is no track fragment.
func (r *run) empty() bool { return len(r.samples) == 0 && !r.always }

// add appends a sample. It is not decoded before the last one.
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

// end sets the end of the last sample.
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

// trafSize returns the size of the track fragment in bytes, 0 if there is none.
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

// hasDefaults reports whether tfhd has the duration and flags of the samples.
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
