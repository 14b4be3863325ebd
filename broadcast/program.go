package broadcast

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"golive/container/mpegts"
	"golive/ingest"
	"golive/media"
	"golive/playlist"
	"golive/segmenter"
)

// SourceRendition is the name of the untranscoded rendition.
const SourceRendition = "source"

// program is one rendition in the making: a segmenter that writes into a
// window. It belongs to whoever publishes; what readers may see is atomic.
type program struct {
	name      string
	cfg       Settings
	segmenter *segmenter.Segmenter
	archive   archive
	metrics   *Metrics

	window       atomic.Pointer[playlist.Window] // nil until the first part
	multivariant atomic.Pointer[playlist.Text]
	variant      atomic.Pointer[playlist.Variant]
	repairs      atomic.Pointer[segmenter.Stats]
	warnings     warnings

	head   media.Segment    // of a segment opened before there was a window
	closed []*media.Segment // segments completed since the last commit
	start  playlist.Start
	// captions are all that were seen. They stay declared when they pause.
	captions media.Captions
	// forcedAt is the number of the segment after the latest forced cut.
	forcedAt int64
	// independent is what the multivariant playlist says of all segments.
	independent bool
	silent      silentTracks
	newest      time.Time // arrival of the newest part since the last commit
}

// archive is where complete segments go; storage stands behind it.
type archive interface {
	// offer takes a segment; one of gaps only takes its place in the playlists.
	offer(seg *media.Segment)
}

func newProgram(name string, cfg Settings, from numbering, archive archive, m *Metrics) *program {
	p := &program{name: name, cfg: cfg, archive: archive, metrics: m, start: from.window}
	p.segmenter = segmenter.New(cfg.Segmenter, from.segmenter, segmenter.NewPackager(mpegts.NewMuxer(), p))
	return p
}

// numbering is what a broadcast's successor under the same id continues.
type numbering struct {
	segmenter segmenter.Resume
	window    playlist.Start
}

// numbering is where a successor would begin. Only the writer may call it.
func (p *program) numbering() numbering {
	n := numbering{segmenter: segmenter.Resume{NextMSN: p.segmenter.NextMSN()}, window: p.start}
	if w := p.window.Load(); w != nil {
		n.window.DiscontinuitySequence = w.DiscontinuitySequence()
	}
	return n
}

// write takes the next unit and makes visible what it completed.
func (p *program) write(u media.AccessUnit) {
	p.captions |= u.Captions
	p.segmenter.Write(u)
	p.noteSilence()
	p.commit()
}

// tick tells the time while nothing comes, and makes visible what that completed.
func (p *program) tick(now time.Time) (slow bool) {
	slow = p.segmenter.Advance(now)
	p.noteSilence()
	p.commit()
	return slow
}

// pause closes what is open when the publisher is gone.
func (p *program) pause(lost bool) {
	if lost {
		p.segmenter.Lose()
	} else {
		p.segmenter.Finish()
	}
	if w := p.window.Load(); w != nil {
		w.Pause()
	}
	p.commit()
}

func (p *program) end() {
	if w := p.window.Load(); w != nil {
		w.End()
		w.Commit()
	}
}

// forget lets go of all bytes. Nobody finds the broadcast any more; its Archiver may
// still be at work.
func (p *program) forget() {
	if w := p.window.Load(); w != nil {
		p.window.Store(playlist.NewWindow(p.cfg.Playlist, w.Constants(), p.start))
	}
}

// commit shows readers what was added, and then sees to all that may come later.
func (p *program) commit() {
	w := p.window.Load()
	if w == nil {
		return
	}
	w.Commit()
	if !p.newest.IsZero() {
		p.metrics.publishDelay.Observe(time.Since(p.newest).Seconds())
		p.newest = time.Time{}
	}
	if len(p.closed) == 0 {
		if w.Snapshot().Full != nil && p.tracksChanged() {
			p.describe(w)
		}
		return
	}
	for _, c := range p.closed {
		p.archive.offer(c)
	}
	clear(p.closed)
	p.closed = p.closed[:0]
	p.describe(w)
	p.countRepairs()
}

// Open implements segmenter.Output.
func (p *program) Open(head media.Segment) {
	if w := p.window.Load(); w != nil {
		w.Open(head)
		return
	}
	p.head = head
}

// Part implements segmenter.Output.
func (p *program) Part(part *media.Part) {
	w := p.window.Load()
	if w == nil {
		f, _ := p.segmenter.Format()
		w = playlist.NewWindow(p.cfg.Playlist, playlist.Constants{Target: f.Target, PartTarget: f.PartTarget}, p.start)
		w.Open(p.head)
		// Readers find a window only when it has something to show.
		defer p.window.Store(w)
	}
	w.Part(part)
	p.cfg.Memory.Hold(part.Data)
	p.newest = part.Arrived
	p.metrics.parts.Inc()
}

// Close implements segmenter.Output.
func (p *program) Close(s *media.Segment) {
	// A segment without a part was never shown.
	if w := p.window.Load(); w != nil {
		w.Close(s)
		p.closed = append(p.closed, s)
	}
}

// tracksChanged tells whether other tracks or captions are published than the
// multivariant playlist says.
func (p *program) tracksChanged() bool {
	video, audio := p.segmenter.Tracks()
	told := p.variant.Load()
	return told == nil || told.Video != video || told.Audio != audio || told.Captions != p.captions
}

// Drop implements segmenter.Output.
func (p *program) Drop() {
	if w := p.window.Load(); w != nil {
		w.Drop()
	}
}

// describe renders the multivariant playlist anew when what it says of the
// rendition has changed.
func (p *program) describe(w *playlist.Window) {
	video, audio := p.segmenter.Tracks()
	v := playlist.Variant{Name: p.name, Video: video, Audio: audio, FrameRate: p.segmenter.FrameRate(), Captions: p.captions}
	v.Peak, v.Average = w.Snapshot().Bandwidth()
	if v.Average == 0 || video == nil && audio == nil {
		return
	}
	independent := w.Independent()
	if old := p.variant.Load(); old != nil && sameVariant(old, &v) && independent == p.independent {
		return
	}
	p.variant.Store(&v)
	p.independent = independent
	p.multivariant.Store(playlist.NewText(playlist.Multivariant([]playlist.Variant{v}, independent)))
}

// sameVariant says whether the description a still holds for b: the same tracks,
// and bit rates within the tolerance of Apple's authoring specification (9.1).
func sameVariant(a, b *playlist.Variant) bool {
	near := func(told, now int) bool { return now <= told+told/20 && now >= told-told/20 }
	return a.Video == b.Video && a.Audio == b.Audio && a.Captions == b.Captions && math.Abs(a.FrameRate-b.FrameRate) < 0.5 &&
		near(a.Peak, b.Peak) && near(a.Average, b.Average)
}

// cutsWell is how many segments without a forced cut end the warning of those before.
const cutsWell = 10

// countRepairs tells the metrics what the segmenter repaired since the last time.
func (p *program) countRepairs() {
	now := p.segmenter.Stats()
	before := p.repairs.Swap(&now)
	if before == nil {
		before = &segmenter.Stats{}
	}
	p.metrics.forcedCuts.Add(float64(now.ForcedCuts - before.ForcedCuts))
	if now.ForcedCuts > before.ForcedCuts && now.LongestGOP > 0 {
		p.warnings.add(ingest.Warning{Code: ingest.WarnKeyFramesFarApart, Text: fmt.Sprintf(
			"no key frame came for %.1f s: set the encoder's key frame interval to %g s, or players join late and see cuts without one",
			now.LongestGOP.Seconds(), p.cfg.Segmenter.SegmentDuration.Seconds())})
	}
	switch next := p.segmenter.NextMSN(); {
	case now.ForcedCuts > before.ForcedCuts:
		p.forcedAt = next
	case next-p.forcedAt == cutsWell:
		p.warnings.remove(ingest.WarnKeyFramesFarApart)
	}
	p.metrics.dropped.WithLabelValues("no_key_frame").Add(float64(now.DroppedVideo - before.DroppedVideo))
	p.metrics.dropped.WithLabelValues("audio_out_of_place").Add(float64(now.DroppedAudio - before.DroppedAudio))
	p.metrics.gapParts.Add(float64(now.GapParts - before.GapParts))
}
