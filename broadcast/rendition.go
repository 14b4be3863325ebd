package broadcast

import (
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"golive/archive"
	"golive/media"
	"golive/playlist"
	"golive/segmenter"
)

// SourceRendition is the name of the untranscoded rendition.
const SourceRendition = "source"

// Rendition is one quality of a broadcast: it is cut once, and packaged in one container or
// two. Its fields belong to the goroutine that writes its units, except the atomic ones, which
// readers use.
type Rendition struct {
	name           string
	cfg            Settings
	log            *slog.Logger
	cutter         cutter
	packagings     []*packaging // see newPackagings; never changed
	record         recorder
	metrics        *Metrics
	variantChanged func() // what the multivariant playlist says has changed

	independent atomic.Bool // EXT-X-INDEPENDENT-SEGMENTS holds
	// offline is set while no media is made for it: the multivariant playlist does not list it.
	offline atomic.Bool

	closed []*media.Segment // segments to archive, completed since the last commit
	// completed is set if a segment was completed since the last commit.
	completed bool
	// priorDiscontinuities is the number of discontinuities before the cutter's first segment.
	priorDiscontinuities int64
	start                playlist.Start
	// unplayable is set if nothing of the broadcast can be packaged.
	unplayable error
	// captions are all captions seen so far: they stay declared while they pause.
	captions      media.Captions
	newestArrival time.Time // arrival of the newest part since the last commit
}

// cutter cuts a rendition: a segmenter.Segmenter, or a segmenter.Follower.
type cutter interface {
	Format() (segmenter.Format, bool)
	Tracks() (video, audio *media.Track)
	FrameRate() float64
	Discontinuities() int64
}

// packagers returns the Packagers that fill the windows.
func (r *Rendition) packagers() []segmenter.Packaging {
	all := make([]segmenter.Packaging, len(r.packagings))
	for i, p := range r.packagings {
		all[i] = p.packager()
	}
	return all
}

// live returns the packaging that the multivariant playlist lists, and plain the one in MPEG-TS,
// which is archived. Without low latency they are the same.
func (r *Rendition) live() *packaging  { return r.packagings[0] }
func (r *Rendition) plain() *packaging { return r.packagings[len(r.packagings)-1] }

// eachWindow calls f for the windows that exist.
func (r *Rendition) eachWindow(f func(w *playlist.Window)) {
	for _, p := range r.packagings {
		if w := p.window.Load(); w != nil {
			f(w)
		}
	}
}

// recorder keeps what must outlive the process; archive.Recording is one.
type recorder interface {
	// Offer takes a finished segment. One without media is recorded as a gap.
	Offer(rendition string, seg *media.Segment)
	// Describe records what a rendition's playlists declare.
	Describe(rendition string, d archive.Description)
}

// unrecorded is the recorder of a broadcast that is kept in memory only.
type unrecorded struct{}

func (unrecorded) Offer(string, *media.Segment)         {}
func (unrecorded) Describe(string, archive.Description) {}

// end ends the playlists.
func (r *Rendition) end() {
	r.eachWindow(func(w *playlist.Window) {
		w.End()
		w.Commit()
	})
}

// releaseMedia releases the bytes of all segments. Readers no longer find the broadcast, but its
// archiver may still be at work.
func (r *Rendition) releaseMedia() {
	for _, p := range r.packagings {
		if w := p.window.Load(); w != nil {
			p.window.Store(p.newWindow(w.Constants()))
		}
	}
}

// commit publishes what was added to the windows, and then does everything that readers need not
// wait for. It reports whether a segment was completed.
func (r *Rendition) commit() (completed bool) {
	r.eachWindow((*playlist.Window).Commit)
	if !r.newestArrival.IsZero() {
		r.metrics.publishDelay.WithLabelValues(r.kind()).Observe(time.Since(r.newestArrival).Seconds())
		r.newestArrival = time.Time{}
	}
	if !r.completed {
		if w := r.live().window.Load(); w != nil && w.Snapshot().Full != nil && r.tracksChanged() {
			r.describe()
		}
		return false
	}
	r.completed = false
	r.describe()
	for _, c := range r.closed {
		r.record.Offer(r.name, c)
	}
	clear(r.closed)
	r.closed = r.closed[:0]
	return true
}

// kind is the rendition's label in metrics.
func (r *Rendition) kind() string {
	if r.name == SourceRendition {
		return SourceRendition
	}
	return "rung"
}

// tracksChanged reports whether the tracks or captions differ from those that the
// multivariant playlist declares.
func (r *Rendition) tracksChanged() bool {
	video, audio := r.live().container.Carried(r.cutter.Tracks())
	declared := r.live().variant.Load()
	return declared == nil || declared.Video != video || declared.Audio != audio || declared.Captions != r.captions
}

// describe renders the multivariant playlists again if what they declare of the rendition has
// changed.
func (r *Rendition) describe() {
	video, audio := r.cutter.Tracks()
	if video == nil && audio == nil {
		return
	}
	v := playlist.Variant{Name: r.name, Video: video, Audio: audio, FrameRate: r.cutter.FrameRate(), Captions: r.captions}
	changed := false
	for _, p := range slices.Backward(r.packagings) {
		changed = p.describe(&v) || changed
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
	r.variantChanged()
}

// description returns a variant as the log records it.
func (r *Rendition) description(w *playlist.Window, v playlist.Variant) archive.Description {
	c := w.Constants()
	d := archive.Description{
		Target: c.Target, PartTarget: c.PartTarget, DiscontinuitySequence: r.start.DiscontinuitySequence,
		FrameRate: v.FrameRate, Captions: v.Captions, Peak: v.Peak, Average: v.Average,
	}
	if v.Video != nil {
		d.Video, d.Width, d.Height = v.VideoCodec, v.Video.Width, v.Video.Height
	}
	if v.Audio != nil {
		d.Audio = v.Audio.CodecString
	}
	return d
}

// variantOf returns the variant of a rendition from its description in the log, or nil if the
// description has no tracks. The tracks have only the fields that playlists declare.
func variantOf(name string, d archive.Description) *playlist.Variant {
	v := playlist.Variant{Name: name, FrameRate: d.FrameRate, Captions: d.Captions, Peak: d.Peak, Average: d.Average}
	if d.Video != "" {
		v.Video, v.VideoCodec = &media.Track{CodecString: d.Video, Width: d.Width, Height: d.Height}, d.Video
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
