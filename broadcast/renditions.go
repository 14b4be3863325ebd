package broadcast

import (
	"maps"
	"slices"

	"golive/archive"
	"golive/playlist"
)

// renditions are the renditions of a broadcast. The value never changes: a further rung makes a
// new one.
type renditions struct {
	source *sourceRendition
	rungs  map[string]*rung
	byName map[string]*Rendition
	// inOrder has the source first, and then the others by name.
	inOrder []*Rendition
	// others are the renditions that a rendition's playlists report (EXT-X-RENDITION-REPORT).
	others map[string][]playlist.OtherRendition
}

// newRenditions returns the renditions with these rungs.
func (b *Broadcast) newRenditions(source *sourceRendition, rungs map[string]*rung) *renditions {
	all := &renditions{
		source: source, rungs: rungs, inOrder: []*Rendition{source.Rendition},
		byName: map[string]*Rendition{SourceRendition: source.Rendition},
		others: map[string][]playlist.OtherRendition{},
	}
	for _, name := range slices.Sorted(maps.Keys(rungs)) {
		all.byName[name] = rungs[name].Rendition
		all.inOrder = append(all.inOrder, rungs[name].Rendition)
	}
	for _, r := range all.inOrder {
		other := playlist.OtherRendition{
			URI: "../" + r.name + "/" + archive.PlaylistName,
			Window: func() *playlist.Window {
				if r.offline.Load() {
					return nil
				}
				return r.live().window.Load()
			},
		}
		for _, reporting := range all.inOrder {
			if reporting != r {
				all.others[reporting.name] = append(all.others[reporting.name], other)
			}
		}
	}
	return all
}

// openRenditions makes the renditions, restored from f if it is not nil.
func (b *Broadcast) openRenditions(f *archive.Recovered, a *archiver) {
	source := newSource(b.newRendition(SourceRendition, a), b.opening.from, &b.warnings, b.ladder, b.pictures.feed)
	rungs := map[string]*rung{}
	if f != nil {
		source.restoreFrom(f)
		for name := range f.Positions {
			if name == SourceRendition {
				continue
			}
			rungs[name] = newRung(b.newRendition(name, a), source)
			rungs[name].restoreFrom(f)
		}
	}
	b.renditions.Store(b.newRenditions(source, rungs))
}

func (b *Broadcast) newRendition(name string, a *archiver) *Rendition {
	r := &Rendition{name: name, cfg: b.cfg, log: b.log, record: unrecorded{}, metrics: b.metrics, variantChanged: b.describe}
	if a.rec != nil {
		r.record = a.rec
	}
	r.packagings = newPackagings(r, b.cfg, func() []playlist.OtherRendition {
		if all := b.renditions.Load(); all != nil {
			return all.others[name]
		}
		return nil
	})
	return r
}

// rung returns the rung of that name of an open broadcast. The first call makes it.
func (b *Broadcast) rung(name string) *rung {
	if g := b.renditions.Load().rungs[name]; g != nil {
		return g
	}
	b.describing.Lock()
	defer b.describing.Unlock()
	now := b.renditions.Load()
	if g := now.rungs[name]; g != nil {
		return g
	}
	g := newRung(b.newRendition(name, b.archiver.Load()), now.source)
	rungs := maps.Clone(now.rungs)
	rungs[name] = g
	b.renditions.Store(b.newRenditions(now.source, rungs))
	return g
}

// all returns the renditions, the source first.
func (b *Broadcast) all() []*Rendition {
	if all := b.renditions.Load(); all != nil {
		return all.inOrder
	}
	return nil
}

// rendition returns the rendition of that name; nil when there is none.
func (b *Broadcast) rendition(name string) *Rendition {
	if all := b.renditions.Load(); all != nil {
		return all.byName[name]
	}
	return nil
}

// source returns the source rendition of a broadcast; nil before the broadcast is open.
func (b *Broadcast) source() *sourceRendition {
	if all := b.renditions.Load(); all != nil {
		return all.source
	}
	return nil
}

// eachRung calls f for the rungs.
func (b *Broadcast) eachRung(f func(*rung)) {
	if all := b.renditions.Load(); all != nil {
		for _, g := range all.rungs {
			f(g)
		}
	}
}
