package broadcast

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"golive/archive"
	"golive/container/mpegts"
	"golive/ingest"
	"golive/media"
	"golive/playlist"
	"golive/segmenter"
)

// SourceRendition is the name of the untranscoded rendition.
const SourceRendition = "source"

// Rendition is one quality of a broadcast: a segmenter that writes into a Window. It belongs
// to the goroutine that writes its units; the fields that readers use are atomic.
type Rendition struct {
	name      string
	cfg       Settings
	segmenter *segmenter.Segmenter
	record    recorder
	metrics   *Metrics
	warnings  *warnings
	others    []playlist.OtherRendition
	described func() // the variant has changed

	window      atomic.Pointer[playlist.Window] // nil until the first part
	variant     atomic.Pointer[playlist.Variant]
	independent atomic.Bool // EXT-X-INDEPENDENT-SEGMENTS holds

	repairs segmenter.Stats
	head    media.Segment    // of a segment opened before there was a window
	closed  []*media.Segment // segments completed since the last commit
	start   playlist.Start
	// captions are all that were seen. They stay declared when they pause.
	captions media.Captions
	// forcedAt is the number of the segment after the latest forced cut.
	forcedAt int64
	silent   silentTracks
	newest   time.Time // arrival of the newest part since the last commit
}

// cutFrom makes the segmenter, whose cuts become MPEG-TS.
func (r *Rendition) cutFrom(from segmenter.Resume) {
	r.segmenter = segmenter.New(r.cfg.Segmenter, from, segmenter.NewPackager(mpegts.NewMuxer(), r))
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
	if w := r.window.Load(); w != nil {
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
	if w := r.window.Load(); w != nil {
		w.Pause()
	}
	r.commit()
}

func (r *Rendition) end() {
	if w := r.window.Load(); w != nil {
		w.End()
		w.Commit()
	}
}

// forget releases all bytes. Readers do not find the broadcast any more; its archiver may
// still work.
func (r *Rendition) forget() {
	if w := r.window.Load(); w != nil {
		r.window.Store(playlist.NewWindow(r.cfg.Playlist, w.Constants(), r.start, r.others...))
	}
}

// commit shows readers what was added, and then does everything that readers need not wait for.
func (r *Rendition) commit() {
	w := r.window.Load()
	if w == nil {
		return
	}
	w.Commit()
	if !r.newest.IsZero() {
		r.metrics.publishDelay.Observe(time.Since(r.newest).Seconds())
		r.newest = time.Time{}
	}
	if len(r.closed) == 0 {
		if w.Snapshot().Full != nil && r.tracksChanged() {
			r.describe(w)
		}
		return
	}
	r.describe(w)
	for _, c := range r.closed {
		r.record.Offer(r.name, c)
	}
	clear(r.closed)
	r.closed = r.closed[:0]
	r.countRepairs()
}

// Open implements segmenter.Output.
func (r *Rendition) Open(head media.Segment) {
	if w := r.window.Load(); w != nil {
		w.Open(head)
		return
	}
	r.head = head
}

// Part implements segmenter.Output.
func (r *Rendition) Part(part *media.Part) {
	w := r.window.Load()
	if w == nil {
		f, _ := r.segmenter.Format()
		w = playlist.NewWindow(r.cfg.Playlist, playlist.Constants{Target: f.Target, PartTarget: f.PartTarget}, r.start, r.others...)
		w.Open(r.head)
		r.record.Describe(r.name, r.description(w, playlist.Variant{}))
		// Readers find a window only when it has something to show.
		defer r.window.Store(w)
	}
	w.Part(part)
	r.cfg.Memory.Hold(part.Data)
	r.newest = part.Arrived
	r.metrics.parts.Inc()
}

// Close implements segmenter.Output.
func (r *Rendition) Close(s *media.Segment) {
	// A segment without a part was never shown.
	if w := r.window.Load(); w != nil {
		w.Close(s)
		r.closed = append(r.closed, s)
	}
}

// tracksChanged reports whether the tracks or captions differ from those that the
// multivariant playlist declares.
func (r *Rendition) tracksChanged() bool {
	video, audio := r.segmenter.Tracks()
	declared := r.variant.Load()
	return declared == nil || declared.Video != video || declared.Audio != audio || declared.Captions != r.captions
}

// Drop implements segmenter.Output.
func (r *Rendition) Drop() {
	if w := r.window.Load(); w != nil {
		w.Drop()
	}
}

// describe renders the multivariant playlist again if what it declares of the rendition has
// changed.
func (r *Rendition) describe(w *playlist.Window) {
	video, audio := r.segmenter.Tracks()
	v := playlist.Variant{Name: r.name, Video: video, Audio: audio, FrameRate: r.segmenter.FrameRate(), Captions: r.captions}
	v.Peak, v.Average = w.Snapshot().Bandwidth()
	if v.Average == 0 || video == nil && audio == nil {
		return
	}
	independent := w.Independent()
	if old := r.variant.Load(); old != nil && sameVariant(old, &v) && independent == r.independent.Load() {
		return
	}
	r.variant.Store(&v)
	r.independent.Store(independent)
	r.record.Describe(r.name, r.description(w, v))
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
// that has none.
func variantOf(name string, d archive.Description) *playlist.Variant {
	v := playlist.Variant{Name: name, FrameRate: d.FrameRate, Captions: d.Captions, Peak: d.Peak, Average: d.Average}
	if d.Video != "" {
		v.Video = &media.Track{Codec: media.H264, CodecString: d.Video, Width: d.Width, Height: d.Height}
	}
	if d.Audio != "" {
		v.Audio = &media.Track{Codec: media.AAC, CodecString: d.Audio}
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
