package segmenter

import (
	"cmp"
	"slices"
	"time"

	"golive/media"
)

const (
	// gatherTime is how long to wait for a second track (docs/encoders.md row 37).
	gatherTime = 3 * media.Second / 2
	// keyWait is how long to wait for a key frame if pictures arrive.
	keyWait = 10 * media.Second
	// changeWait is how long pictures with new parameters wait for a change of the audio.
	changeWait = 3 * media.Second / 10
	// keptAudio is how much audio before the first picture is kept.
	keptAudio = media.Second / 2
	// maxHeld and maxHeldBytes bound the units that are held meanwhile.
	maxHeld      = 2048
	maxHeldBytes = maxPartBytes
)

// gathering is the state before a segment can begin: waiting for the tracks of a new
// publication, or for the next key frame after a discontinuity.
type gathering struct {
	on       bool // gathering
	fresh    bool // a new publication, whose tracks are not known
	change   bool // new pictures; the segment before them is still open
	held     []media.AccessUnit
	bytes    int
	began    media.Ticks // DTS of the first unit
	arrived  time.Time   // when the first unit arrived
	started  bool        // a unit was received
	sawVideo bool        // a picture was received, key frame or not
	video    *media.Track
	audio    *media.Track
	follows  bool // AudioFollows of the newest picture
}

// startGathering starts gathering for a segment after a discontinuity.
func (s *Segmenter) startGathering(fresh bool) {
	s.gather = gathering{on: true, fresh: fresh}
	s.discontinuity = s.discontinuity || s.nextMSN > FirstMSN
	s.keySeen = false
}

// awaitAudio holds pictures with new parameters until it is known whether the audio changes
// too. It returns false if that is known.
func (s *Segmenter) awaitAudio(u media.AccessUnit) bool {
	if s.audio == nil || s.audioState.silent || s.nextAudio != nil {
		return false
	}
	s.gather = gathering{on: true, change: true}
	s.hold(u)
	return true
}

// changeTo ends the segment before pictures with new parameters, and continues with the
// held units.
func (s *Segmenter) changeTo(g gathering) {
	first := firstOf(g.held, true)
	s.changeTracks(g.video, g.audio, g.held[first])
	for i, u := range g.held {
		switch {
		case i == first:
		case u.Track.Video() || u.Track == g.audio && u.DTS+s.audioState.period > s.segment.Start:
			s.place(u)
		default:
			s.stats.DroppedAudio++
		}
	}
}

// breakTimeline ends the segment because the timeline is discontinuous. Units that are held for a
// segment that has not begun belong to the old timeline and are dropped.
func (s *Segmenter) breakTimeline() {
	if s.gather.change {
		s.release(true)
	}
	if !s.gather.on {
		s.Finish()
		s.startGathering(false)
		return
	}
	for _, u := range s.gather.held {
		s.countDropped(u)
	}
	s.startGathering(s.gather.fresh)
}

// hold keeps a unit until the segment can begin.
func (s *Segmenter) hold(u media.AccessUnit) {
	g := &s.gather
	if !g.started {
		g.started, g.began, g.arrived = true, u.DTS, u.Arrived
	}
	if g.change && u.Track == s.audio && u.DTS < g.began {
		s.writeAudio(u) // it belongs before the change
		return
	}
	if u.Track.Video() {
		g.sawVideo, g.follows = true, u.AudioFollows
		if g.video == nil && !u.Key {
			s.stats.DroppedVideo++
			u.Data = nil
		} else if g.video != u.Track && u.Key {
			// Also if the parameters change before the start: use the newest.
			s.dropHeldVideo()
			g.video = u.Track
		}
	} else {
		g.audio = u.Track
	}
	if u.Data != nil {
		g.held = append(g.held, u)
		g.bytes += len(u.Data)
	}
	s.releaseWhenReady(u.DTS - g.began)
}

func (s *Segmenter) dropHeldVideo() {
	kept := s.gather.held[:0]
	for _, u := range s.gather.held {
		if u.Track.Video() {
			s.stats.DroppedVideo++
			s.gather.bytes -= len(u.Data)
			continue
		}
		kept = append(kept, u)
	}
	clear(s.gather.held[len(kept):]) // release the message buffers
	s.gather.held = kept
}

func (s *Segmenter) releaseWhenReady(waited media.Ticks) {
	g := &s.gather
	full := len(g.held) >= maxHeld || g.bytes >= maxHeldBytes
	switch {
	case g.fresh && g.follows && waited < keyWait && !full:
		return
	case g.video != nil && g.audio != nil && (!g.fresh || !g.soundIsBehind()):
	case !g.fresh && g.video != nil && (s.audio == nil || s.audioState.silent || waited >= changeWait || full):
		// The audio track is known already.
	case !g.fresh && g.audio != nil && s.video == nil:
	case g.video != nil && (waited >= gatherTime || full):
	case g.audio != nil && !g.sawVideo && (waited >= gatherTime || full):
	case g.audio != nil && (waited >= keyWait || full):
	default:
		return
	}
	s.release(false)
}

// soundIsBehind reports whether there is so little sound yet that silence would be inserted in its place.
func (g *gathering) soundIsBehind() bool {
	var newest [2]media.Ticks // of sound and of pictures
	for i, video := range []bool{false, true} {
		for _, u := range slices.Backward(g.held) {
			if u.Track.Video() == video {
				newest[i] = u.DTS
				break
			}
		}
	}
	return newest[1]-newest[0] > defaultSilenceAfter/2
}

// release begins the segment with the held units. At the end of a publication it uses
// whatever has been received.
func (s *Segmenter) release(atEnd bool) {
	g := s.gather
	s.gather = gathering{}
	if g.video == nil && g.audio == nil {
		s.gather.on = !atEnd
		return
	}
	if !g.fresh && g.audio == nil {
		g.audio = s.newestAudio()
	}
	if g.change {
		s.changeTo(g)
		return
	}
	// Sound that came late belongs among the pictures before it.
	slices.SortStableFunc(g.held, func(a, b media.AccessUnit) int { return cmp.Compare(a.DTS, b.DTS) })
	first := firstOf(g.held, g.video != nil)
	s.setTracks(g.video, g.audio)
	s.anchor(g.held[first])
	s.audioState = newAudioState(g.audio, s.anchorDTS)
	s.videoState = newVideoState(g.video)
	s.leading = newLeading(g.video)
	s.leading.begin(&g.held[first])
	s.openSegment(g.held[first].DTS, g.held[first].Independent())
	for _, u := range g.held {
		switch {
		case !u.Track.Video() && (u.Track != g.audio || u.DTS < s.anchorDTS-keptAudio):
			s.stats.DroppedAudio++
		case !u.Track.Video() && g.video != nil && s.parts == 0:
			s.append(u) // audio around the first picture
			s.audioState.take(u.DTS, u.DTS)
		default:
			s.place(u)
		}
	}
}

// firstOf returns the index of the first unit of the lead track.
func firstOf(held []media.AccessUnit, video bool) int {
	for i := range held {
		if held[i].Track.Video() == video {
			return i
		}
	}
	return 0
}

// anchor maps the timeline to the wall clock at u. Dates never go back before those of an
// earlier publication.
func (s *Segmenter) anchor(u media.AccessUnit) {
	wall := u.Arrived.Round(time.Millisecond)
	if wall.Before(s.lastWall) {
		wall = s.lastWall
	}
	s.anchorWall, s.anchorDTS = wall, u.DTS
}
