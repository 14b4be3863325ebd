package broadcast

import (
	"slices"
	"strconv"
	"time"

	"golive/media"
)

// extraTracks makes a rendition of each additional video track that a publisher sends, with the
// audio of the source. It belongs to the publisher's goroutine.
type extraTracks struct {
	b      *Broadcast
	tracks []extraTrack
	audio  *media.Track // of the source's open segment
	// from is the number of the first segment since the last discontinuity; while starting is
	// set, the source gathers units for it.
	from     int64
	starting bool
	held     []media.AccessUnit // while starting
}

// extraTrack is an additional video track.
type extraTrack struct {
	number int
	rung   *rung
	begun  bool      // since the last discontinuity
	newest time.Time // arrival of its newest unit
}

// extraTrackTimeout is how long an additional track may send nothing before its rendition is
// removed from the multivariant playlist.
const extraTrackTimeout = 3 * time.Second

// maxHeldUnits is the largest number of units that are held.
const maxHeldUnits = 4096

// extraTrackName is the name of the rendition of an additional video track.
func extraTrackName(number int) string { return "video" + strconv.Itoa(number) }

// discontinuity is called when the source's next segment will follow a discontinuity.
func (s *extraTracks) discontinuity() {
	s.from, s.starting = s.b.source().segmenter.NextMSN(), true
	for i := range s.tracks {
		s.tracks[i].begun = false
	}
}

// sourceUnit takes a unit that was written to the source.
func (s *extraTracks) sourceUnit(u *media.AccessUnit) {
	if u.Discontinuity {
		s.discontinuity()
	}
	if len(s.tracks) == 0 {
		return
	}
	segmenter := s.b.source().segmenter
	if s.starting && !segmenter.Gathering() {
		s.starting = false
		_, s.audio = segmenter.Tracks()
		held := s.held
		s.held = nil
		for _, h := range held {
			s.write(h)
		}
	}
	switch _, audio := segmenter.Tracks(); {
	case u.Track.Video():
		if audio != s.audio && !s.starting { // the source has changed it with a discontinuity
			s.discontinuity()
			s.from, s.starting, s.audio = segmenter.NextMSN()-1, false, audio
		}
	default:
		s.write(*u)
	}
}

// write takes a unit of an additional video track, or of the source's audio.
func (s *extraTracks) write(u media.AccessUnit) {
	if s.starting {
		if len(s.held) == maxHeldUnits {
			s.held = slices.Delete(s.held, 0, maxHeldUnits/2)
		}
		s.held = append(s.held, u)
		return
	}
	if u.Track.Video() {
		t := s.track(u.Track.Number)
		t.newest = u.Arrived
		if !t.begun {
			t.begun = true
			t.rung.begin(u.Track, s.audio, s.from)
		}
		u.Captions = 0 // the source's are declared
		t.rung.write(u)
		return
	}
	if u.Track != s.audio {
		return // it belongs to the segments from the next one on
	}
	for i := range s.tracks {
		if t := &s.tracks[i]; t.begun {
			t.rung.write(u)
		}
	}
}

// extraUnit takes a unit of an additional video track. A publication with such tracks is not
// transcoded: the publisher sends the ladder.
func (s *extraTracks) extraUnit(u media.AccessUnit) {
	s.track(u.Track.Number)
	s.write(u)
}

// track returns the additional track with a number.
func (s *extraTracks) track(number int) *extraTrack {
	i := slices.IndexFunc(s.tracks, func(t extraTrack) bool { return t.number == number })
	if i < 0 {
		s.b.source().units.disable()
		i = len(s.tracks)
		s.tracks = append(s.tracks, extraTrack{number: number, rung: s.b.rung(extraTrackName(number))})
	}
	return &s.tracks[i]
}

// segmentCompleted is called when the source has completed a segment.
func (s *extraTracks) segmentCompleted(now time.Time) {
	for i := range s.tracks {
		if t := &s.tracks[i]; t.begun && now.Sub(t.newest) > extraTrackTimeout {
			t.begun, s.from = false, s.b.source().segmenter.NextMSN()-1
			t.rung.stop(false)
		}
	}
}

// end ends the tracks with their publication.
func (s *extraTracks) end() {
	for _, t := range s.tracks {
		t.rung.stop(true)
	}
}
