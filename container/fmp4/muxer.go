package fmp4

import (
	"time"

	"golive/media"
)

const (
	// videoTimescale is that of pictures: media.Ticks as they are.
	videoTimescale = int64(media.Second)

	// timeOffset is added to all timestamps, as in MPEG-TS, so that decode times, which
	// have no sign in tfdt, and the times of pictures that are shown before time 0 are
	// positive. So no edit list is needed, and both packagings have one timeline.
	timeOffset = 1400 * media.Millisecond
)

// Muxer packs the parts of one rendition. The fragments' sequence numbers and the count
// of audio samples run on from part to part, so there is one Muxer for all of a
// rendition's parts, and it is used by one goroutine at a time.
type Muxer struct {
	sequence uint32
	leading  leading
	clock    audioClock
	// The current part's samples, kept for their capacity.
	video, audio run
}

// NewMuxer makes a Muxer at the beginning of a stream.
func NewMuxer() *Muxer { return &Muxer{} }

// Part packs units into one slab with a fragment for the initialization segment that
// Init makes of the same tracks. The slab is exactly as long as its capacity and shares
// no bytes with the units.
//
// video and audio are the tracks of the part, nil where there is none; units of a track
// that is not given are a bug of the caller. The units of a track are in the order of
// DTS.
//
// start and end are the part's times as the playlist has them. The first picture is
// decoded at start, where the last one of the part before ended, and the last picture
// lasts until end, to a tick: a picture that comes a little early or late leaves no hole
// for a player to find. Presentation times are exact. Sound lasts as long as its samples.
//
// Pictures without a complete NAL unit and audio that is empty hold nothing a player
// could decode and are left out.
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

	w := boxWriter{slab: make([]byte, 0, size)}
	if !arrived.IsZero() {
		w.prft(reference, arrived)
	}
	w.header(moof, "moof")
	w.mfhd(m.sequence)
	w.traf(&m.video, moof+boxHeaderSize)
	w.traf(&m.audio, moof+boxHeaderSize+m.video.size)
	w.header(boxHeaderSize+data, "mdat")
	for i := range m.video.samples {
		w.slab = appendPicture(w.slab, &units[m.video.samples[i].unit])
	}
	for i := range m.audio.samples {
		w.slab = append(w.slab, units[m.audio.samples[i].unit].Data...)
	}
	if len(w.slab) != size || cap(w.slab) != size {
		panic("fmp4: part is not of its planned size")
	}
	return w.slab
}

// plan decides which samples the units become.
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

// reference is the sample that prft describes, the first of the track that sets the
// pace, and when it arrived; the zero time when there is none.
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
