package broadcast

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"golive/archive"
	"golive/container/flv"
	"golive/ingest"
	"golive/media"
	"golive/playlist"
	"golive/segmenter"
)

// SourceRendition is the name of the untranscoded rendition.
const SourceRendition = "source"

// Rendition is one quality of a broadcast: it is cut once, and packaged in one container or
// two. It belongs to the goroutine that writes its units; the fields that readers use are
// atomic.
type Rendition struct {
	name       string
	cfg        Settings
	log        *slog.Logger
	segmenter  *segmenter.Segmenter
	packagings []*packaging // see newPackagings; never changed
	record     recorder
	metrics    *Metrics
	warnings   *warnings
	described  func() // what the multivariant playlist says has changed

	independent atomic.Bool // EXT-X-INDEPENDENT-SEGMENTS holds

	repairs segmenter.Stats
	closed  []*media.Segment // segments to archive, completed since the last commit
	// completed is set if a segment was completed since the last commit.
	completed bool
	start     playlist.Start
	// unplayable is set if nothing of the broadcast can be packaged.
	unplayable error
	// captions are all that were seen. They stay declared when they pause.
	captions media.Captions
	// forcedAt is the number of the segment after the latest forced cut.
	forcedAt int64
	silent   silentTracks
	newest   time.Time // arrival of the newest part since the last commit
}

// cutFrom makes the segmenter.
func (r *Rendition) cutFrom(from segmenter.Resume) {
	outs := make([]segmenter.Packaging, len(r.packagings))
	for i, p := range r.packagings {
		outs[i] = p.packager()
	}
	r.segmenter = segmenter.New(r.cfg.Segmenter, from, outs...)
}

// live returns the packaging that viewers are sent to, plain the one in MPEG-TS, which is
// archived. They are the same without low latency.
func (r *Rendition) live() *packaging  { return r.packagings[0] }
func (r *Rendition) plain() *packaging { return r.packagings[len(r.packagings)-1] }

// eachWindow calls f for the windows that there are.
func (r *Rendition) eachWindow(f func(w *playlist.Window)) {
	for _, p := range r.packagings {
		if w := p.window.Load(); w != nil {
			f(w)
		}
	}
}

// recorder takes what must outlive the memory; archive.Recording is one.
type recorder interface {
	// Offer takes a finished segment; one of gaps only takes its place in the playlists.
	Offer(rendition string, seg *media.Segment)
	// Describe records what a rendition's playlists declare.
	Describe(rendition string, d archive.Description)
}

// unrecorded is the recorder where nothing outlives the memory.
type unrecorded struct{}

func (unrecorded) Offer(string, *media.Segment)         {}
func (unrecorded) Describe(string, archive.Description) {}

// numbering is what a rendition's successor under the same id continues.
type numbering struct {
	segmenter segmenter.Resume
	window    playlist.Start
}

// numbering returns where a successor would begin. Only the writer may call it.
func (r *Rendition) numbering() numbering {
	n := numbering{segmenter: segmenter.Resume{NextMSN: r.segmenter.NextMSN()}, window: r.start}
	if w := r.live().window.Load(); w != nil {
		n.window.DiscontinuitySequence = w.DiscontinuitySequence()
	}
	return n
}

// write takes the next unit and makes visible what it completed.
func (r *Rendition) write(u media.AccessUnit) {
	r.captions |= u.Captions
	r.segmenter.Write(u)
	r.noteSilence()
	r.commit()
}

// refusal returns why a publisher cannot go on, in words for the encoder; nil if it can.
func (r *Rendition) refusal() error {
	if r.unplayable == nil {
		return nil
	}
	video, audio := r.segmenter.Tracks()
	kind, track := "video", video
	if track == nil {
		kind, track = "audio", audio
	}
	return &flv.UnsupportedError{
		Kind: kind, Codec: track.Codec.String(),
		Reason: "this server has no low latency (playlist.low_latency), without which it cannot be broadcast; set the encoder to H.264 and AAC",
	}
}

// tick advances the time while nothing arrives, and makes visible what that completed.
func (r *Rendition) tick(now time.Time) (slow bool) {
	slow = r.segmenter.Advance(now)
	r.noteSilence()
	r.commit()
	return slow
}

// pause closes what is open when the publisher is gone.
func (r *Rendition) pause(lost bool) {
	if lost {
		r.segmenter.FinishLost()
	} else {
		r.segmenter.Finish()
	}
	r.eachWindow((*playlist.Window).Pause)
	r.commit()
}

func (r *Rendition) end() {
	r.eachWindow(func(w *playlist.Window) {
		w.End()
		w.Commit()
	})
}

// forget releases all bytes. Readers do not find the broadcast any more; its archiver may
// still work.
func (r *Rendition) forget() {
	for _, p := range r.packagings {
		if w := p.window.Load(); w != nil {
			p.window.Store(p.newWindow(w.Constants()))
		}
	}
}

// commit shows readers what was added, and then does everything that readers need not wait for.
func (r *Rendition) commit() {
	r.eachWindow((*playlist.Window).Commit)
	if !r.newest.IsZero() {
		r.metrics.publishDelay.Observe(time.Since(r.newest).Seconds())
		r.newest = time.Time{}
	}
	if !r.completed {
		if w := r.live().window.Load(); w != nil && w.Snapshot().Full != nil && r.tracksChanged() {
			r.describe()
		}
		return
	}
	r.completed = false
	r.describe()
	for _, c := range r.closed {
		r.record.Offer(r.name, c)
	}
	clear(r.closed)
	r.closed = r.closed[:0]
	r.countRepairs()
}

// tracksChanged reports whether the tracks or captions differ from those that the
// multivariant playlist declares.
func (r *Rendition) tracksChanged() bool {
	video, audio := r.live().container.Carried(r.segmenter.Tracks())
	declared := r.live().variant.Load()
	return declared == nil || declared.Video != video || declared.Audio != audio || declared.Captions != r.captions
}

// describe renders the multivariant playlists again if what they declare of the rendition has
// changed.
func (r *Rendition) describe() {
	video, audio := r.segmenter.Tracks()
	if video == nil && audio == nil {
		return
	}
	v := playlist.Variant{Name: r.name, Video: video, Audio: audio, FrameRate: r.segmenter.FrameRate(), Captions: r.captions}
	changed := false
	for _, p := range slices.Backward(r.packagings) {
		changed = p.describe(&v) || changed
	}
	if r.name == SourceRendition {
		r.warnOfPlain(video, audio)
	}
	w := r.live().window.Load()
	if w == nil {
		return
	}
	if independent := w.Independent(); independent != r.independent.Swap(independent) {
		changed = true
	}
	if !changed {
		return
	}
	if v := r.plain().variant.Load(); v != nil {
		r.record.Describe(r.name, r.description(w, *v))
	}
	r.described()
}

// description returns a variant as the log records it.
func (r *Rendition) description(w *playlist.Window, v playlist.Variant) archive.Description {
	c := w.Constants()
	d := archive.Description{
		Target: c.Target, PartTarget: c.PartTarget, DiscontinuitySequence: r.start.DiscontinuitySequence,
		FrameRate: v.FrameRate, Captions: v.Captions, Peak: v.Peak, Average: v.Average,
	}
	if v.Video != nil {
		d.Video, d.Width, d.Height = v.Video.CodecString, v.Video.Width, v.Video.Height
	}
	if v.Audio != nil {
		d.Audio = v.Audio.CodecString
	}
	return d
}

// variantOf returns the variant of a rendition from its description in the log; nil when
// that has none. Its tracks have what playlists declare, and nothing else.
func variantOf(name string, d archive.Description) *playlist.Variant {
	v := playlist.Variant{Name: name, FrameRate: d.FrameRate, Captions: d.Captions, Peak: d.Peak, Average: d.Average}
	if d.Video != "" {
		v.Video = &media.Track{CodecString: d.Video, Width: d.Width, Height: d.Height}
	}
	if d.Audio != "" {
		v.Audio = &media.Track{CodecString: d.Audio}
	}
	if v.Video == nil && v.Audio == nil {
		return nil
	}
	return &v
}

// sameVariant reports whether the description a still holds for b: the same tracks,
// and bit rates within the tolerance of Apple's authoring specification (9.1).
func sameVariant(a, b *playlist.Variant) bool {
	near := func(declared, now int) bool { return now <= declared+declared/20 && now >= declared-declared/20 }
	return a.Video == b.Video && a.Audio == b.Audio && a.Captions == b.Captions && math.Abs(a.FrameRate-b.FrameRate) < 0.5 &&
		near(a.Peak, b.Peak) && near(a.Average, b.Average)
}

// segmentsUntilClear is how many segments without a forced cut end the warning of those before.
const segmentsUntilClear = 10

// countRepairs adds what the segmenter repaired since the last call to the metrics.
func (r *Rendition) countRepairs() {
	now := r.segmenter.Stats()
	before := r.repairs
	r.repairs = now
	r.metrics.forcedCuts.Add(float64(now.ForcedCuts - before.ForcedCuts))
	if now.ForcedCuts > before.ForcedCuts && now.LongestGOP > 0 {
		r.warnings.add(ingest.Warning{Code: ingest.WarnKeyFramesFarApart, Text: fmt.Sprintf(
			"no key frame came for %.1f s: set the encoder's key frame interval to %g s, or players join late and see cuts without one",
			now.LongestGOP.Seconds(), r.cfg.Segmenter.SegmentDuration.Seconds())})
	}
	switch next := r.segmenter.NextMSN(); {
	case now.ForcedCuts > before.ForcedCuts:
		r.forcedAt = next
	case next-r.forcedAt == segmentsUntilClear:
		r.warnings.remove(ingest.WarnKeyFramesFarApart)
	}
	r.metrics.dropped.WithLabelValues("no_key_frame").Add(float64(now.DroppedVideo - before.DroppedVideo))
	r.metrics.dropped.WithLabelValues("audio_out_of_place").Add(float64(now.DroppedAudio - before.DroppedAudio))
	r.metrics.gapParts.Add(float64(now.GapParts - before.GapParts))
}
