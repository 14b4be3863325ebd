package broadcast

import (
	"slices"
	"strconv"
	"time"

	"golive/media"
)

// sentTracks makes a rendition of each additional video track that a publisher sends, with the
// sound of the source. It belongs to the publisher's goroutine.
type sentTracks struct {
	b      *Broadcast
	tracks []sentTrack
	audio  *media.Track // of the source's open segment
	// from is the number of the first segment since the last discontinuity; while starting is
	// set, the source gathers units for it.
	from     int64
	starting bool
	held     []media.AccessUnit // while starting
}

// sentTrack is an additional video track.
type sentTrack struct {
	number int
	rung   *rung
	begun  bool      // since the last discontinuity
	newest time.Time // arrival of its newest unit
}

// sentSilence is how long an additional track may send nothing before its rendition is taken out of
// the multivariant playlist.
const sentSilence = 3 * time.Second

// maxSentHeld bounds the units that are held, in number.
const maxSentHeld = 4096

// sentName is the name of the rendition of an additional video track.
func sentName(number int) string { return "video" + strconv.Itoa(number) }

// begin begins the source's next segment after a discontinuity.
func (s *sentTracks) begin() {
	s.from, s.starting = s.b.source().segmenter.NextMSN(), true
	for i := range s.tracks {
		s.tracks[i].begun = false
	}
}

// source takes a unit that the source has been given.
func (s *sentTracks) source(u *media.AccessUnit) {
	if u.Discontinuity {
		s.begin()
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
			s.begin()
			s.from, s.starting, s.audio = segmenter.NextMSN()-1, false, audio
		}
	default:
		s.write(*u)
	}
}

// write takes a unit of an additional video track, or of the source's sound.
func (s *sentTracks) write(u media.AccessUnit) {
	if s.starting {
		if len(s.held) == maxSentHeld {
			s.held = slices.Delete(s.held, 0, maxSentHeld/2)
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
		return // from the next segment on
	}
	for i := range s.tracks {
		if t := &s.tracks[i]; t.begun {
			t.rung.write(u)
		}
	}
}

// add takes a unit of an additional video track. It is not transcoded then: the publisher sends
// the ladder.
func (s *sentTracks) add(u media.AccessUnit) {
	s.track(u.Track.Number)
	s.write(u)
}

// track returns the additional track with a number.
func (s *sentTracks) track(number int) *sentTrack {
	i := slices.IndexFunc(s.tracks, func(t sentTrack) bool { return t.number == number })
	if i < 0 {
		s.b.source().units.disable()
		i = len(s.tracks)
		s.tracks = append(s.tracks, sentTrack{number: number, rung: s.b.rung(sentName(number))})
	}
	return &s.tracks[i]
}

// completed is called when the source has completed a segment.
func (s *sentTracks) completed(now time.Time) {
	for i := range s.tracks {
		if t := &s.tracks[i]; t.begun && now.Sub(t.newest) > sentSilence {
			t.begun, s.from = false, s.b.source().segmenter.NextMSN()-1
			t.rung.stop(false)
		}
	}
}

// end ends the tracks with their publication.
func (s *sentTracks) end() {
	for _, t := range s.tracks {
		t.rung.stop(true)
	}
}
