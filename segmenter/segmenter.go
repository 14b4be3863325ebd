package segmenter

import (
	"slices"
	"time"

	"golive/media"
)

// Stats counts the repairs and drops of a Segmenter. The counters only grow.
type Stats struct {
	// ForcedCuts is the number of segments that begin without a key frame because a group of
	// pictures was longer than the target.
	ForcedCuts uint64
	// DroppedVideo is the number of frames that cannot be decoded: no key frame came before
	// them, or they refer to pictures before their segment. Most of the latter are replaced
	// by pictures that repeat the key frame.
	DroppedVideo uint64
	// DroppedAudio is the number of frames too far from any picture at a start or a change.
	DroppedAudio uint64
	// GapParts is the number of parts for time without received media.
	GapParts uint64
	// LongestGOP is the longest key frame interval.
	LongestGOP media.Ticks
}

// Resume continues the numbering of an earlier run of the same rendition. Its zero value is
// a first run.
type Resume struct {
	// NextMSN is the media sequence number of the next segment.
	NextMSN int64
	// Format is the frozen Format, nil if nothing was published.
	Format *Format
}

// A part is closed, and a segment ended, at these sizes whatever its duration: received
// times may stand still, but memory must not grow.
const (
	maxPartBytes    = 32 << 20
	maxPartUnits    = 8192
	maxSegmentBytes = 4 * maxPartBytes
	maxSegmentParts = 256
)

// Segmenter cuts one rendition. Create it with New, then Start a publication.
type Segmenter struct {
	cfg         Config
	outs        []Packaging
	format      Format
	frozen      bool
	publication string
	stats       Stats

	video, audio *media.Track // of the open segment; either may be nil
	nextAudio    *media.Track // takes effect at the next key frame
	rate         rate         // of the lead track: video, or else audio
	lastKey      media.Ticks
	lastAccess   media.Access
	keySeen      bool // lastKey is set
	gops         intervals
	leading      leading

	gather     gathering
	audioState audioState
	videoState videoState
	earlyAudio []media.AccessUnit // units of nextAudio

	open            bool
	segment         media.Segment // the head of the open one, and its duration so far
	parts           int           // of the open segment
	segmentBytes    int           // bytes of access units in them
	cut             Cut           // passed to the Packagings
	nextMSN         int64
	nextPart        int64
	discontinuity   bool  // the next segment begins with a discontinuity
	discontinuities int64 // discontinuities of the segments before the open one
	anchorWall      time.Time
	anchorDTS       media.Ticks
	lastWall        time.Time // program date-time of the end of the last segment

	units []media.AccessUnit // of the current part
	bytes int
	start media.Ticks // start of the current part: the end of the last one
}

// FirstMSN is the media sequence number of a rendition's first segment. hls.js (1.7.4) loads the
// parts of segment 0 again and again while the next segment is open.
const FirstMSN = 1

// New returns a Segmenter that passes its cuts to outs.
func New(cfg Config, from Resume, outs ...Packaging) *Segmenter {
	s := &Segmenter{cfg: cfg, outs: outs, nextMSN: max(from.NextMSN, FirstMSN)}
	s.discontinuity = s.nextMSN > FirstMSN
	if from.Format != nil {
		s.format, s.frozen = *from.Format, true
	}
	return s
}

// Start begins a publication, given its token, which is part of file names. After an
// earlier publication it begins with a discontinuity.
func (s *Segmenter) Start(publication string) {
	s.Finish()
	s.publication, s.nextPart = publication, 0
	s.startGathering(true)
}

// Format returns the frozen Format; false if no part has been closed yet.
func (s *Segmenter) Format() (Format, bool) { return s.format, s.frozen }

// Tracks returns the tracks of the open segment, or of the last one.
func (s *Segmenter) Tracks() (video, audio *media.Track) { return s.video, s.audio }

// FrameRate returns the measured frame rate of the output video, in frames per second.
func (s *Segmenter) FrameRate() float64 {
	if s.video == nil {
		return 0
	}
	rate := 1 / s.rate.frame().Seconds()
	if s.slow() && s.canRepeat() {
		repeated := 1 / repeatEvery.Seconds()
		if s.videoState.skip != nil {
			repeated = 1 / skipEvery.Seconds()
		}
		if s.rate.singleFrame() {
			return repeated
		}
		return max(rate, repeated)
	}
	return rate
}

// Silent reports which tracks have stopped.
func (s *Segmenter) Silent() (video, audio bool) {
	both := s.video != nil && s.audio != nil && !s.gather.on
	return both && s.videoState.silent, both && s.audioState.silent
}

// Gathering reports whether the next segment waits for more units: its tracks are not known yet.
func (s *Segmenter) Gathering() bool { return s.gather.on }

// Discontinuities returns how many segments before the open one began with a discontinuity.
func (s *Segmenter) Discontinuities() int64 { return s.discontinuities }

// Stats returns the counters so far.
func (s *Segmenter) Stats() Stats { return s.stats }

// NextMSN returns the media sequence number of the next segment.
func (s *Segmenter) NextMSN() int64 { return s.nextMSN }

// Skip skips n media sequence numbers, which the caller has listed as lost. The following
// segments are not dated before wall.
func (s *Segmenter) Skip(n int, wall time.Time) {
	s.nextMSN += int64(n)
	if wall.After(s.lastWall) {
		s.lastWall = wall
	}
}

// Write takes the next access unit.
func (s *Segmenter) Write(u media.AccessUnit) {
	if u.Discontinuity {
		s.breakTimeline()
	}
	if s.gather.on {
		s.hold(u)
		return
	}
	s.place(u)
}

// Finish closes the open part and segment: the publisher stopped.
func (s *Segmenter) Finish() {
	if s.gather.on {
		s.release(true)
	}
	if !s.open {
		return
	}
	if len(s.units) > 0 {
		end := s.units[len(s.units)-1].DTS + s.leadFrame()
		s.repeatPicture(end)
		s.closeLast(end)
	}
	s.closeSegment()
}

// FinishLost is Finish for a publisher whose connection was lost. A segment without a published
// part that would be at most half a part long is dropped: hls.js 1.7 hangs on a segment of
// one picture.
func (s *Segmenter) FinishLost() {
	if s.gather.on {
		s.release(true)
	}
	if !s.open || s.parts > 0 || len(s.units) == 0 {
		s.Finish()
		return
	}
	if end := s.units[len(s.units)-1].DTS + s.leadFrame(); end-s.start > s.partTarget()/2 {
		s.Finish()
		return
	}
	for _, u := range s.units {
		s.countDropped(u)
	}
	clear(s.units)
	s.units, s.bytes = s.units[:0], 0
	s.open = false
	s.nextMSN--
	for _, out := range s.outs {
		out.Drop()
	}
}

func (s *Segmenter) countDropped(u media.AccessUnit) {
	if u.Track.Video() {
		s.stats.DroppedVideo++
	} else {
		s.stats.DroppedAudio++
	}
}

// place writes a unit to the open segment.
func (s *Segmenter) place(u media.AccessUnit) {
	if !u.Track.Video() {
		s.placeAudio(u)
		return
	}
	if u.Track != s.video {
		// New parameters, or pictures after a start with audio only.
		if !u.Key {
			s.stats.DroppedVideo++
			return
		}
		if s.awaitAudio(u) {
			return
		}
		s.changeTracks(u.Track, s.newestAudio(), u)
		return
	}
	keep, whole := s.leading.rewrite(&u)
	if !whole {
		s.stats.DroppedVideo++
	}
	if !keep {
		s.rate.add(u.DTS) // the frame is not missing
		return
	}
	s.writeLead(u)
}

func (s *Segmenter) placeAudio(u media.AccessUnit) {
	switch {
	case u.Track == s.audio && s.nextAudio == nil:
		if s.video == nil {
			s.writeLead(u)
			return
		}
		s.writeAudio(u)
	case s.video == nil:
		s.changeTracks(nil, u.Track, u)
	default:
		// The audio changed inside a group of pictures. Cutting here would freeze the
		// picture; wait for the next key frame.
		if s.nextAudio != u.Track {
			s.nextAudio = u.Track
			s.dropEarlyAudio()
		}
		s.earlyAudio = append(s.earlyAudio, u)
		s.followLateVideo(u.DTS)
		if len(s.earlyAudio) > maxEarlyAudio {
			s.earlyAudio = slices.Delete(s.earlyAudio, 0, 1)
			s.stats.DroppedAudio++
		}
	}
}

// maxEarlyAudio bounds the frames of a new audio track that are kept for the key frame at which
// it begins.
const maxEarlyAudio = 16

// dropEarlyAudio drops audio that was kept for a key frame that did not come.
func (s *Segmenter) dropEarlyAudio() {
	s.stats.DroppedAudio += uint64(len(s.earlyAudio))
	clear(s.earlyAudio)
	s.earlyAudio = s.earlyAudio[:0]
}

// placeEarlyAudio places audio of a new track that was received before its key frame but belongs
// after it.
func (s *Segmenter) placeEarlyAudio() {
	for _, u := range s.earlyAudio {
		if u.Track == s.audio && u.DTS+s.audioState.period > s.start {
			s.append(u)
			s.audioState.take(u.DTS, u.DTS)
		} else {
			s.stats.DroppedAudio++
		}
	}
	clear(s.earlyAudio)
	s.earlyAudio = s.earlyAudio[:0]
}

// writeAudio writes audio beside video.
func (s *Segmenter) writeAudio(u media.AccessUnit) {
	if s.audioState.filling {
		s.fillSilence(u.DTS+s.audioState.period/2, u.Arrived)
	}
	if !s.audioState.take(u.DTS, s.videoState.newest) {
		s.stats.DroppedAudio++
		return
	}
	s.followLateVideo(u.DTS)
	s.append(u)
	if s.partFull() {
		s.closeTimedPart(u.DTS + 1)
	}
}

// partFull reports whether the current part must not grow.
func (s *Segmenter) partFull() bool { return s.bytes > maxPartBytes || len(s.units) >= maxPartUnits }

// segmentFull reports whether the open segment must not get another part.
func (s *Segmenter) segmentFull() bool {
	return s.segmentBytes >= maxSegmentBytes || s.parts >= maxSegmentParts
}

func (s *Segmenter) newestAudio() *media.Track {
	if s.nextAudio != nil {
		return s.nextAudio
	}
	return s.audio
}

// changeTracks starts a new segment at u, with a discontinuity and the given tracks.
func (s *Segmenter) changeTracks(video, audio *media.Track, u media.AccessUnit) {
	at := s.due(&u)
	s.fillLongGap(at)
	s.endTracksAt(at, audio)
	s.setTracks(video, audio)
	s.discontinuity = true
	s.leading.begin(&u)
	s.openSegment(s.start, u.Independent())
	s.placeEarlyAudio()
	s.writeLead(u)
}

func (s *Segmenter) setTracks(video, audio *media.Track) {
	lead := video
	if lead == nil {
		lead = audio
	}
	if old := s.leadTrack(); old != lead {
		s.rate = newRate(lead)
		s.gops = intervals{}
	}
	if audio != s.audio {
		s.audioState = newAudioState(audio, s.start)
	}
	if video != s.video {
		s.videoState = newVideoState(video)
		s.leading = newLeading(video)
	}
	s.video, s.audio, s.nextAudio = video, audio, nil
}

func (s *Segmenter) leadTrack() *media.Track {
	if s.video != nil {
		return s.video
	}
	return s.audio
}

func (s *Segmenter) append(u media.AccessUnit) {
	s.units = append(s.units, u)
	s.bytes += len(u.Data)
}

// insert adds a unit before those with later decoding times.
func (s *Segmenter) insert(u media.AccessUnit) {
	s.units = insertUnit(s.units, u)
	s.bytes += len(u.Data)
}
