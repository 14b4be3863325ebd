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
	forcedAt int64
	silent   silentTracks
	warnedOf [2]*media.Track // see warnOfPlain
}

// newSource returns the source rendition of a broadcast, which continues from.
func newSource(r *Rendition, from numbering, w *warnings, l *ladder, feed *pictures.Feed) *sourceRendition {
	s := &sourceRendition{Rendition: r, warnings: w, units: &unitTap{ladder: l}, pictures: &pictureTap{feed: feed}}
	s.cutFrom(from.segmenter, from.discontinuities)
	return s
}

// cutFrom makes the segmenter. discontinuities is the number of those before its first segment.
func (s *sourceRendition) cutFrom(from segmenter.Resume, discontinuities int64) {
	s.cuts = segmenter.NewCuts()
	s.segmenter = segmenter.New(s.cfg.Segmenter, from, append(s.packagers(), s.cuts, s.units, s.pictures)...)
	s.cutter, s.before = s.segmenter, discontinuities
}

// numbering is what a broadcast's successor under the same id continues.
type numbering struct {
	segmenter segmenter.Resume
	// discontinuities is the number of those before the first segment.
	discontinuities int64
}

// numbering returns where a successor would begin. Only the writer may call it.
func (s *sourceRendition) numbering() numbering {
	n := numbering{segmenter: segmenter.Resume{NextMSN: s.segmenter.NextMSN()}, discontinuities: s.before}
	if w := s.live().window.Load(); w != nil {
		n.discontinuities = w.DiscontinuitySequence()
	}
	return n
}

// begin begins a publication.
func (s *sourceRendition) begin(token string) {
	s.warnedOf = [2]*media.Track{} // the warnings are the new publisher's
	s.units.disabled = false
	s.segmenter.Start(token)
}

// write takes the next unit and makes visible what it completed. It reports whether that was a
// segment.
func (s *sourceRendition) write(u media.AccessUnit) (completed bool) {
	s.captions |= u.Captions
	s.segmenter.Write(u)
	return s.show()
}

// tick advances the time while nothing arrives, and makes visible what that completed.
func (s *sourceRendition) tick(now time.Time) (slow, completed bool) {
	slow = s.segmenter.Advance(now)
	return slow, s.show()
}

func (s *sourceRendition) show() (completed bool) {
	s.noteSilence()
	completed = s.commit()
	s.warnOfPlain()
	if completed {
		s.countRepairs()
	}
	return completed
}

// pause closes what is open when the publisher is gone.
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

// refusal returns why a publisher cannot go on, in words for the encoder; nil if it can.
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

// segmentsUntilClear is how many segments without a forced cut end the warning of those before.
const segmentsUntilClear = 10

// countRepairs adds what the segmenter repaired since the last call to the metrics.
func (s *sourceRendition) countRepairs() {
	now := s.segmenter.Stats()
	before := s.repairs
	s.repairs = now
	s.metrics.forcedCuts.Add(float64(now.ForcedCuts - before.ForcedCuts))
	if now.ForcedCuts > before.ForcedCuts && now.LongestGOP > 0 {
		s.warnings.add(ingest.Warning{Code: ingest.WarnKeyFramesFarApart, Text: fmt.Sprintf(
			"no key frame came for %.1f s: set the encoder's key frame interval to %g s, or players join late and see cuts without one",
			now.LongestGOP.Seconds(), s.cfg.Segmenter.SegmentDuration.Seconds())})
	}
	switch next := s.segmenter.NextMSN(); {
	case now.ForcedCuts > before.ForcedCuts:
		s.forcedAt = next
	case next-s.forcedAt == segmentsUntilClear:
		s.warnings.remove(ingest.WarnKeyFramesFarApart)
	}
	s.metrics.dropped.WithLabelValues("no_key_frame").Add(float64(now.DroppedVideo - before.DroppedVideo))
	s.metrics.dropped.WithLabelValues("audio_out_of_place").Add(float64(now.DroppedAudio - before.DroppedAudio))
	s.metrics.gapParts.Add(float64(now.GapParts - before.GapParts))
}
