package broadcast

import (
	"bytes"
	"context"
	"slices"
	"time"

	"golive/archive"
	"golive/media"
	"golive/playlist"
	"golive/storage"
)

// maxReplayLength bounds the replay of a broadcast that never ends: its playlist is
// read whole, and has 28 MB for a week of segments of 2 s.
const maxReplayLength = 7 * 24 * time.Hour

// playlistMaxAge is the Cache-Control of playlists in the bucket that change.
const playlistMaxAge = "public, max-age=1"

// index renders the playlists of a broadcast in its bucket, from records, and deletes what
// is not kept any longer. It implements archive.Index; its methods run on the Uploader's
// goroutine.
type index struct {
	b         *Broadcast
	up        *archive.Uploader
	recovered *archive.Recovered // nil for a new broadcast
	lists     map[string]*list
	multi     []byte // the multivariant playlist that was put last
	pictures  storedPictures
}

// list is what the bucket has of a rendition.
type list struct {
	live   *playlist.Stored
	replay *playlist.Replay // nil when none is kept
	// grace is the longest of a segment that left the live playlist.
	grace time.Duration
	// added counts the segments up to the next removal.
	added int
}

func newIndex(b *Broadcast, f *archive.Recovered) *index {
	return &index{b: b, recovered: f, lists: map[string]*list{}}
}

// Begin implements archive.Index: it lists what the bucket has already.
func (x *index) Begin(ctx context.Context) error {
	f := x.recovered
	if f == nil {
		return nil
	}
	var history map[string][]archive.Segment
	if x.b.cfg.Retention.Replay > 0 {
		var err error
		if history, err = x.b.stores.Local.History(ctx, x.b.stores.Bucket, f); err != nil {
			return err
		}
	}
	if err := x.beginPictures(ctx, f); err != nil {
		return err
	}
	now := time.Now()
	for name := range f.Positions {
		for _, s := range x.known(f, name, f.Segments[name]) {
			x.add(name, s, now)
		}
		for _, s := range x.known(f, name, history[name]) {
			x.record(name, s, now)
		}
	}
	x.recovered = nil
	return nil
}

// known returns the segments that the bucket has or never will have: those that do not wait
// for it.
func (x *index) known(f *archive.Recovered, name string, all []archive.Segment) (segments []*media.Segment) {
	for i := range all {
		if !x.b.stores.Local.Uploaded() || all[i].MSN <= f.Positions[name].Stored {
			segments = append(segments, all[i].Media())
		}
	}
	return segments
}

// rendition returns the lists of a rendition, which are made when it is first named.
func (x *index) rendition(name string) *list {
	l := x.lists[name]
	if l != nil {
		return l
	}
	r := x.b.rendition(name)
	constants := r.plain().window.Load().Constants()
	l = &list{live: playlist.NewStored(constants, x.b.cfg.Playlist.Window, r.start)}
	if x.b.cfg.Retention.Replay > 0 {
		l.replay = playlist.NewReplay(constants)
	}
	x.lists[name] = l
	return l
}

// Stored implements archive.Index.
func (x *index) Stored(rendition string, s *archive.Segment, lost bool) []storage.Object {
	seg := s.Media()
	if lost {
		seg.Size = 0
	}
	now := time.Now()
	x.add(rendition, seg, now)
	x.record(rendition, seg, now)
	objects := x.playlists(rendition, false)
	if rendition != SourceRendition {
		return objects
	}
	return slices.Concat(objects, x.posters(now, false), x.sheets(false))
}

// add lists a segment, and deletes what is not kept any longer.
func (x *index) add(rendition string, seg *media.Segment, now time.Time) {
	l := x.rendition(rendition)
	for _, d := range l.live.Add(seg, false) {
		grace := max(d.Grace, time.Duration(x.b.cfg.Retention.Live))
		l.grace = max(l.grace, grace)
		if l.replay == nil {
			x.up.Expire(x.key(rendition, d.Name), now.Add(grace))
			if l.added++; l.added%removeEvery == 0 {
				x.up.Removed(rendition, d.MSN)
			}
		} else if x.b.stores.Local.Uploaded() {
			x.up.ExpireLocal(x.key(rendition, d.Name), now.Add(d.Grace))
		}
	}
}

// record adds a segment to the replay, of which no more is kept than its
// playlist may have.
func (x *index) record(rendition string, seg *media.Segment, now time.Time) {
	l := x.rendition(rendition)
	if l.replay == nil {
		return
	}
	l.replay.Add(seg, false)
	if l.added++; l.added%removeEvery == 0 {
		x.trim(rendition, l, now)
	}
}

// trim takes out of the replay, and deletes, what is over the time for which it is kept.
func (x *index) trim(rendition string, l *list, now time.Time) {
	// What left the list began at least a window before that.
	keep := max(min(x.b.cfg.Retention.Replay, maxReplayLength), x.b.cfg.Playlist.Window+l.grace)
	names := l.replay.Trim(keep, l.live.First())
	if len(names) == 0 {
		return
	}
	// The log has it first: a restart must not miss what was deleted on purpose.
	x.up.Removed(rendition, l.replay.First()-1)
	for _, name := range names {
		x.up.Expire(x.key(rendition, name), now)
	}
	if rendition == SourceRendition {
		x.trimSheets(l.replay.First(), now)
	}
}

// removeEvery is how many segments are removed, or recorded as removed, together.
const removeEvery = 8

// Ended implements archive.Index: it renders the last playlists, and the replay. Without a
// replay the segments expire when no player may ask for them any more.
func (x *index) Ended(displaced bool) (last []storage.Object, due time.Time) {
	var grace time.Duration
	end := x.b.ending.Load()
	gone := end.announced.Add(x.b.cfg.Linger)
	for name, l := range x.lists {
		if !displaced {
			last = append(last, x.playlists(name, true)...)
		}
		grace = max(grace, l.grace)
		if l.replay == nil {
			for _, s := range l.live.Names() {
				x.up.Expire(x.key(name, s), gone)
			}
		} else {
			x.trim(name, l, end.announced)
		}
	}
	if len(x.lists) == 0 {
		return last, time.Time{}
	}
	last = append(last, x.endPictures(displaced)...)
	if x.b.cfg.Retention.Replay == 0 {
		return last, time.Time{}
	}
	due = end.at.Add(x.b.cfg.Retention.Replay)
	if least := gone.Add(grace); due.Before(least) {
		due = least
	}
	return append(last, x.replays(displaced)...), due
}

// replays renders the replay: the one rendition's media playlist, or a multivariant
// playlist that names several.
func (x *index) replays(displaced bool) (objects []storage.Object) {
	m, layout := x.b.meta.Load(), x.b.cfg.layout()
	var text []byte
	if len(x.lists) > 1 {
		source := x.lists[SourceRendition]
		for name, l := range x.lists {
			replay := l.replay
			if source != nil {
				replay = replay.BeginningWith(source.replay) // a rung may have come late
			}
			objects = append(objects, x.playlist(layout.Media(m.Broadcast, name, archive.ReplayNameOf(m.Token)), replay.Render(""), false))
		}
		variants, independent := x.b.variants((*Rendition).plain, true)
		variants = slices.DeleteFunc(variants, func(v playlist.Variant) bool { return x.lists[v.Name] == nil })
		text = playlist.Multivariant(variants, independent, archive.ReplayNameOf(m.Token))
	} else {
		for name, l := range x.lists {
			text = l.replay.Render(name + "/")
		}
	}
	objects = append(objects, x.playlist(layout.ReplayOf(m.Broadcast, m.Token), text, false))
	if !displaced {
		objects = append(objects, x.playlist(layout.Replay(m.Broadcast), text, false))
	}
	return objects
}

// playlists renders the media playlist of a rendition and, after it because it names it,
// the multivariant one if it has changed.
func (x *index) playlists(rendition string, ended bool) []storage.Object {
	layout := x.b.cfg.layout()
	objects := []storage.Object{x.playlist(x.key(rendition, archive.PlaylistName), x.lists[rendition].live.Render(ended), !ended)}
	variants, independent := x.b.variants((*Rendition).plain, false)
	unnamed := func(v playlist.Variant) bool { return x.lists[v.Name] == nil }
	if len(variants) == 0 || slices.ContainsFunc(variants, unnamed) {
		return objects
	}
	if text := playlist.Multivariant(variants, independent, archive.PlaylistName); ended || !bytes.Equal(text, x.multi) {
		x.multi = text
		objects = append(objects, x.playlist(layout.Multivariant(x.b.id), text, false))
	}
	return objects
}

func (x *index) key(rendition, name string) string {
	return x.b.cfg.layout().Media(x.b.id, rendition, name)
}

func (x *index) playlist(key string, text []byte, volatile bool) storage.Object {
	return storage.Object{
		Key:          key,
		Slabs:        [][]byte{text},
		ContentType:  storage.PlaylistType,
		CacheControl: playlistMaxAge,
		Volatile:     volatile,
	}
}
