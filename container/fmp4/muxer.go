package fmp4

import (
	"bytes"
	"slices"
	"time"

	"golive/media"
)

const (
	// videoTimescale is the timescale of the video track: that of media.Ticks.
	videoTimescale = int64(media.Second)

	// timeOffset is added to all timestamps, as in MPEG-TS. It keeps the decode times,
	// which are unsigned in tfdt, and the PTS of pictures before time 0 positive without
	// an edit list, and gives both packagings the same timeline.
	timeOffset = 1400 * media.Millisecond
)

// Muxer makes the parts of one rendition. Sequence numbers and the count of audio samples
// continue from part to part, so all parts of a rendition need the same Muxer. It is not
// safe for concurrent use.
type Muxer struct {
	sequence uint32
	leading  leading
	clock    audioClock
	// The current part's samples, boxes and pieces, kept for their capacity.
	video, audio run
	boxes        []byte
	pieces       [][]byte
	begun        begun
}

// begun is the newest initialization segment.
type begun struct {
	video, audio *media.Track
	init         []byte
	err          error
}

// NewMuxer returns a Muxer for the beginning of a stream.
func NewMuxer() *Muxer { return &Muxer{} }

// Begin begins a segment with the given tracks, and returns their initialization segment. It
// is the same slice as long as the tracks are the same.
func (m *Muxer) Begin(video, audio *media.Track) (init []byte, err error) {
	if b := &m.begun; b.init == nil && b.err == nil || b.video != video || b.audio != audio {
		b.video, b.audio = video, audio
		b.init, b.err = Init(video, audio)
	}
	return m.begun.init, m.begun.err
}

// Part returns the part that holds units, for the initialization segment that Init makes
// of the same tracks. The slab's length is its capacity, and it shares no bytes with the
// units.
//
// video and audio are the part's tracks, or nil; Part panics on a unit of a track that is
// nil. The units of a track are in the order of DTS.
//
// start and end are the part's times in the playlist. The first picture is decoded at
// start, whatever its DTS, and the last one lasts until end, each to a tick, so that the
// decode times of consecutive parts are continuous although frames arrive early or late.
// PTS are exact. An audio frame lasts as long as its samples.
//
// Pictures without a complete NAL unit and empty audio frames can't be decoded and are
// left out.
func (m *Muxer) Part(video, audio *media.Track, units []media.AccessUnit, start, end media.Ticks) []byte {
	m.plan(video, audio, units, start, end)
	m.sequence++
	reference, arrived := m.reference(video != nil, units)
	moof := boxHeaderSize + mfhdSize + m.video.trafSize() + m.audio.trafSize()
	data := m.video.size + m.audio.size
	size := moof + boxHeaderSize + data
	if !arrived.IsZero() {
		size += prftSize
	}

	w := boxWriter{slab: m.boxes[:0]}
	if !arrived.IsZero() {
		w.prft(reference, arrived)
	}
	w.header(moof, "moof")
	w.mfhd(m.sequence)
	w.traf(&m.video, moof+boxHeaderSize)
	w.traf(&m.audio, moof+boxHeaderSize+m.video.size)
	w.header(boxHeaderSize+data, "mdat")
	m.boxes = w.slab

	slab := m.join(units)
	if len(slab) != size {
		panic("fmp4: part is not of its planned size")
	}
	return slab
}

// join returns the boxes and the samples in a slab of their size. bytes.Join does not clear what it
// allocates, which would take as long as writing it.
func (m *Muxer) join(units []media.AccessUnit) []byte {
	m.pieces = append(m.pieces[:0], m.boxes)
	for i := range m.video.samples {
		m.pieces = appendPicture(m.pieces, &units[m.video.samples[i].unit])
	}
	for i := range m.audio.samples {
		u := &units[m.audio.samples[i].unit]
		m.pieces = append(m.pieces, frameLayout(u), u.Data)
	}
	slab := slices.Clip(bytes.Join(m.pieces, nil))
	clear(m.pieces) // release the message buffers
	return slab
}

// plan makes the samples of the units.
func (m *Muxer) plan(video, audio *media.Track, units []media.AccessUnit, start, end media.Ticks) {
	m.video.reset(videoTrack, video != nil, max(int64(start+timeOffset)-margin, 0))
	m.audio.reset(audioTrack(video != nil), false, 0)
	for i := range units {
		u := &units[i]
		if u.Discontinuity {
			m.clock = audioClock{}
		}
		switch {
		case u.Track.Video():
			if video == nil {
				panic("fmp4: video unit in a part without video")
			}
			m.planPicture(i, u)
		case audio == nil:
			panic("fmp4: audio unit in a part without audio")
		case len(u.Data) > 0:
			m.planSound(i, u)
		}
	}
	m.video.end(int64(end+timeOffset) - margin)
	if audio != nil {
		m.audio.end(m.audio.last + int64(audio.SamplesPerUnit))
	}
}

// reference returns the sample for prft, which is the first one of the video track or else
// of the audio track, and the time of its arrival. The time is zero if there is no sample.
func (m *Muxer) reference(video bool, units []media.AccessUnit) (reference, time.Time) {
	r := &m.video
	if !video {
		r = &m.audio
	}
	if len(r.samples) == 0 {
		return reference{}, time.Time{}
	}
	first := &r.samples[0]
	return reference{track: r.track, at: r.base + int64(first.composition)}, units[first.unit].Arrived
}
