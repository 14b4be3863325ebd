package broadcast

import (
	"fmt"
	"time"

	"golive/container/flv"
	"golive/ingest"
	"golive/media"
	"golive/pictures"
	"golive/playlist"
	"golive/segmenter"
)

// sourceRendition is the rendition that the publisher sends. The others are cut where it is.
type sourceRendition struct {
	*Rendition
	segmenter *segmenter.Segmenter
	cuts      *segmenter.Cuts
	units     *unitTap
	pictures  *pictureTap

	warnings *warnings
	repairs  segmenter.Stats
	// forcedAt is the number of the segment after the latest forced cut.
	forcedAt     int64
	silent       silentTracks
	warnedTracks [2]*media.Track // see warnNotInMPEGTS
}

// newSource returns the source rendition of a broadcast, which continues the numbering from.
func newSource(r *Rendition, from numbering, w *warnings, l *ladder, feed *pictures.Feed) *sourceRendition {
	s := &sourceRendition{Rendition: r, warnings: w, units: &unitTap{ladder: l}, pictures: &pictureTap{feed: feed}}
	s.cutFrom(from.segmenter, from.discontinuities)
	return s
}

// cutFrom makes the segmenter. discontinuities is the number of discontinuities before its first
// segment.
func (s *sourceRendition) cutFrom(from segmenter.Resume, discontinuities int64) {
	s.cuts = segmenter.NewCuts()
	s.segmenter = segmenter.New(s.cfg.Segmenter, from, append(s.packagers(), s.cuts, s.units, s.pictures)...)
	s.cutter, s.priorDiscontinuities = s.segmenter, discontinuities
}

// numbering is where the numbers of a broadcast begin. A successor under the same id continues
// those of its predecessor.
type numbering struct {
	segmenter segmenter.Resume
	// discontinuities is the number of discontinuities before the first segment.
	discontinuities int64
}

// numbering returns where a successor would begin. Only the writer may call it.
func (s *sourceRendition) numbering() numbering {
	n := numbering{segmenter: segmenter.Resume{NextMSN: s.segmenter.NextMSN()}, discontinuities: s.priorDiscontinuities}
	if w := s.live().window.Load(); w != nil {
		n.discontinuities = w.DiscontinuitySequence()
	}
	return n
}

// begin begins a publication.
func (s *sourceRendition) begin(token string) {
	s.warnedTracks = [2]*media.Track{} // the warnings are the new publisher's
	s.units.disabled = false
	s.segmenter.Start(token)
}

// write takes the next unit and publishes what it completed. It reports whether a segment was
// completed.
func (s *sourceRendition) write(u media.AccessUnit) (completed bool) {
	s.captions |= u.Captions
	s.segmenter.Write(u)
	return s.show()
}

// tick advances the time while nothing arrives, and publishes what that completed.
func (s *sourceRendition) tick(now time.Time) (slow, completed bool) {
	slow = s.segmenter.Advance(now)
	return slow, s.show()
}

func (s *sourceRendition) show() (completed bool) {
	s.noteSilence()
	completed = s.commit()
	s.warnNotInMPEGTS()
	if completed {
		s.countRepairs()
	}
	return completed
}

// pause closes the open segment when the publisher has left; lost reports that its connection
// was lost.
func (s *sourceRendition) pause(lost bool) {
	if lost {
		s.segmenter.FinishLost()
	} else {
		s.segmenter.Finish()
	}
	s.units.end()
	s.eachWindow((*playlist.Window).Pause)
	s.show()
}

// refusal returns why the publication cannot continue, for the encoder's user; nil if it can.
func (s *sourceRendition) refusal() error {
	if s.unplayable == nil {
		return nil
	}
	video, audio := s.segmenter.Tracks()
	kind, track := "video", video
	if track == nil {
		kind, track = "audio", audio
	}
	return &flv.UnsupportedError{
		Kind: kind, Codec: track.Codec.String(),
		Reason: "this server has no low latency (playlist.low_latency), without which it cannot be broadcast; set the encoder to H.264 and AAC",
	}
}

// segmentsUntilClear is how many segments without a forced cut clear the warning.
const segmentsUntilClear = 10

// countRepairs adds what the segmenter repaired since the last call to the metrics.
func (s *sourceRendition) countRepairs() {
	stats, before := s.segmenter.Stats(), s.repairs
	s.repairs = stats
	s.metrics.forcedCuts.Add(float64(stats.ForcedCuts - before.ForcedCuts))
	if stats.ForcedCuts > before.ForcedCuts && stats.LongestGOP > 0 {
		s.warnings.add(ingest.Warning{Code: ingest.WarnKeyFramesFarApart, Text: fmt.Sprintf(
			"no key frame came for %.1f s: set the encoder's key frame interval to %g s, or players join late and see cuts without one",
			stats.LongestGOP.Seconds(), s.cfg.Segmenter.SegmentDuration.Seconds())})
	}
	switch next := s.segmenter.NextMSN(); {
	case stats.ForcedCuts > before.ForcedCuts:
		s.forcedAt = next
	case next-s.forcedAt == segmentsUntilClear:
		s.warnings.remove(ingest.WarnKeyFramesFarApart)
	}
	s.metrics.dropped.WithLabelValues("no_key_frame").Add(float64(stats.DroppedVideo - before.DroppedVideo))
	s.metrics.dropped.WithLabelValues("audio_out_of_place").Add(float64(stats.DroppedAudio - before.DroppedAudio))
	s.metrics.gapParts.Add(float64(stats.GapParts - before.GapParts))
}
