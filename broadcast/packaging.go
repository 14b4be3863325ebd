package broadcast

import (
	"cmp"
	"errors"
	"sync/atomic"
	"time"

	"golive/archive"
	"golive/codec/rfc6381"
	"golive/container/fmp4"
	"golive/container/mpegts"
	"golive/media"
	"golive/playlist"
	"golive/segmenter"
)

// liveWindow is the default of Settings.LiveWindow. The plain playlist, in MPEG-TS, has all of the
// configured window.
const liveWindow = 12 * time.Second

// packaging is a rendition in one container: a Window, and what the multivariant playlist
// says of it. It belongs to the goroutine that writes the rendition's units; the fields that
// readers use are atomic.
type packaging struct {
	rendition *Rendition
	container media.Container
	cfg       playlist.Config
	others    func() []playlist.OtherRendition // nil without low latency

	window  atomic.Pointer[playlist.Window] // nil until the first part
	variant atomic.Pointer[playlist.Variant]
	refused string // why a segment had no media
	// unpackaged is set if the next segment has no media; absent while a segment is not listed
	// because it and all before it have none.
	unpackaged, absent bool
}

// newPackagings returns the packagings of a rendition; others are those that a playlist with low
// latency reports. The first one is that which viewers
// are sent to; the last one is MPEG-TS, which is archived.
func newPackagings(r *Rendition, cfg Settings, others func() []playlist.OtherRendition) []*packaging {
	plain := &packaging{rendition: r, container: media.MPEGTS, cfg: playlist.Config{Window: cfg.Playlist.Window}}
	if !cfg.Playlist.LowLatency {
		return []*packaging{plain}
	}
	live := &packaging{rendition: r, container: media.CMAF, cfg: playlist.Config{Window: cmp.Or(cfg.LiveWindow, liveWindow), LowLatency: true}, others: others}
	return []*packaging{live, plain}
}

// packager returns the Packager that fills the window.
func (p *packaging) packager() *segmenter.Packager {
	if p.container == media.CMAF {
		return segmenter.NewPackager(media.CMAF, fmp4.NewMuxer(), p)
	}
	return segmenter.NewPackager(media.MPEGTS, mpegts.NewMuxer(), p)
}

// archived reports whether the segments of the packaging outlive the memory.
func (p *packaging) archived() bool { return p.container == media.MPEGTS }

// Open implements segmenter.Output.
func (p *packaging) Open(head media.Segment) {
	w := p.window.Load()
	p.absent, p.unpackaged = w == nil && p.unpackaged && p.archived(), false
	if p.absent {
		return
	}
	if w == nil {
		cutter := p.rendition.cutter
		p.rendition.start.DiscontinuitySequence = p.rendition.priorDiscontinuities + cutter.Discontinuities()
		f, _ := cutter.Format()
		w = p.newWindow(playlist.Constants{Target: f.Target, PartTarget: f.PartTarget})
		p.window.Store(w) // readers find nothing in it before its first Commit
		if p.archived() {
			p.rendition.record.Describe(p.rendition.name, p.rendition.description(w, playlist.Variant{}))
		}
	}
	w.Open(head)
}

func (p *packaging) newWindow(c playlist.Constants) *playlist.Window {
	return playlist.NewWindow(p.cfg, c, p.rendition.start, p.others)
}

// Part implements segmenter.Output.
func (p *packaging) Part(part *media.Part) {
	if p.absent {
		return
	}
	p.window.Load().Part(part)
	r := p.rendition
	r.newestArrival = part.Arrived
	if p == r.packagings[0] {
		r.metrics.parts.Inc()
	}
}

// Close implements segmenter.Output.
func (p *packaging) Close(s *media.Segment) {
	p.rendition.completed = true
	if p.absent {
		return
	}
	p.window.Load().Close(s)
	p.rendition.cfg.Memory.Hold(s.Slabs())
	if p.archived() {
		p.rendition.closed = append(p.rendition.closed, s)
	}
}

// Unpackaged implements segmenter.Output.
func (p *packaging) Unpackaged(err error) {
	p.unpackaged = true
	if r := p.rendition; len(r.packagings) == 1 && p.window.Load() == nil {
		r.unplayable = err
	}
	if p.refused == err.Error() {
		return
	}
	p.refused = err.Error()
	if errors.Is(err, segmenter.ErrNotCarried) {
		p.rendition.log.Warn("media is not archived", "rendition", p.rendition.name, "err", err)
		return
	}
	p.rendition.log.Error("media cannot be packaged: its segments are gaps", "rendition", p.rendition.name, "err", err)
}

// describe notes what the multivariant playlist declares, and reports whether that has
// changed. v has the tracks, and the bit rates of another packaging of all of them or none.
func (p *packaging) describe(v *playlist.Variant) (changed bool) {
	w := p.window.Load()
	if w == nil {
		return false
	}
	declared := *v
	declared.Video, declared.Audio = p.container.Carried(v.Video, v.Audio)
	if declared.Video == nil {
		declared.FrameRate, declared.Captions = 0, 0
	}
	if peak, average := w.Snapshot().Bandwidth(); average > 0 {
		declared.Peak, declared.Average = peak, average
	}
	if declared.Average == 0 || declared.Video == nil && declared.Audio == nil {
		return false
	}
	if declared.Video == v.Video && declared.Audio == v.Audio {
		v.Peak, v.Average = declared.Peak, declared.Average
	}
	old := p.variant.Load()
	if declared.Video != nil {
		declared.VideoCodec = declared.Video.CodecString
		if old != nil && old.Video != nil {
			declared.VideoCodec = rfc6381.Join(old.VideoCodec, declared.VideoCodec)
		}
	}
	if old != nil && sameVariant(old, &declared) {
		return false
	}
	p.variant.Store(&declared)
	return true
}

// restore fills the window with what is recorded. In a container that is not archived it is
// all gaps, so that players that have seen it find the place where it continues.
func (p *packaging) restore(c playlist.Constants, segments []*media.Segment, d archive.Description) {
	w := p.newWindow(c)
	w.Restore(p.lost(segments))
	w.Commit()
	p.window.Store(w)
	p.variant.Store(variantOf(p.rendition.name, d))
}

// lost returns the segments as they are listed by a packaging that has no media of them.
func (p *packaging) lost(segments []*media.Segment) []*media.Segment {
	if p.archived() {
		return segments
	}
	gaps := make([]*media.Segment, len(segments))
	for i, s := range segments {
		gap := *s
		gap.Container, gap.Size, gap.Parts = p.container, 0, nil
		gaps[i] = &gap
	}
	return gaps
}
