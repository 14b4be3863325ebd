package broadcast

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"golive/media"
	"golive/playlist"
	"golive/storage"
	"golive/storage/catalog"
)

// maxReplayLength bounds the replay of a broadcast that never ends: its playlist is
// read whole, and has 28 MB for a week of segments of 2 s.
const maxReplayLength = 7 * 24 * time.Hour

// playlistMaxAge is the Cache-Control of playlists in the bucket that change.
const playlistMaxAge = "public, max-age=1"

// shelf is a broadcast's place in the bucket: it offers segments to the Archiver,
// writes the playlists of what the bucket has, and has deleted what is not kept any
// longer. Its Acked and Ended run on the Archiver's goroutine, which owns the
// second half of it.
type shelf struct {
	cfg       Settings
	layout    catalog.Layout
	local     storage.Bucket // has copies of the segments; nil where there are none
	rendition string
	program   *program
	archiver  *storage.Archiver
	start     playlist.Start
	ended     atomic.Pointer[time.Time] // when the broadcast ended; nil before
	manifest  atomic.Pointer[catalog.Manifest]
	resumed   bool           // an earlier run began the broadcast
	shared    storage.Bucket // other nodes write to it too; nil where none do

	announced    string // the session whose manifest the bucket has
	acknowledged bool   // the bucket has taken something of the broadcast
	claim        claimed
	checked      bool              // the bucket has said so
	list         *playlist.Archive // nil before the first segment
	multi        []byte            // the multivariant playlist that was put last
	replay       *playlist.Replay  // nil when none is kept
	recorded     int64             // the newest segment that the journal in the bucket has
	oldest       int               // the journal's oldest page in the bucket
	touched      time.Time         // when the manifest was last put
	grace        time.Duration     // the longest of a segment that left the list
	copies       []localCopy       // of segments that left it, in order
}

func newShelf(cfg Settings, m catalog.Manifest, start playlist.Start) *shelf {
	s := &shelf{cfg: cfg, layout: catalog.Layout{Prefix: cfg.Prefix}, rendition: SourceRendition, start: start, recorded: -1, oldest: -1}
	s.manifest.Store(&m)
	return s
}

// offer implements archive.
func (s *shelf) offer(seg *media.Segment) {
	if seg.Size == 0 {
		s.archiver.Skip(s.rendition, seg)
		return
	}
	s.archiver.Offer(s.rendition, seg)
}

// admit notes a publication, before it has a segment. Only the supervisor calls it.
func (s *shelf) admit(session string) {
	m := s.manifest.Load().WithSession(session)
	s.manifest.Store(&m)
}

// Announce implements storage.Announcer: before the first segment of a publication
// goes the manifest that makes it findable.
func (s *shelf) Announce(seg *media.Segment) (storage.Object, bool) {
	if s.resumed && !s.checked {
		s.check()
	}
	if seg.Session == s.announced || s.claim == continued {
		return storage.Object{}, false
	}
	return s.live(), true
}

// live is the manifest as an object, for as long as the broadcast has not ended.
func (s *shelf) live() storage.Object {
	m := *s.manifest.Load()
	if w := s.program.window.Load(); w != nil {
		c := w.Constants()
		m.Target, m.PartTarget = c.Target, c.PartTarget
	}
	return m.Object(s.layout.Live(m.ID, m.Token))
}

func (s *shelf) id() string    { return s.manifest.Load().ID }
func (s *shelf) token() string { return s.manifest.Load().Token }

// key is that of an object of the rendition.
func (s *shelf) key(name string) string { return s.layout.Media(s.id(), s.rendition, name) }

// begin makes the playlists of the bucket, once.
func (s *shelf) begin(constants playlist.Constants, now time.Time) {
	if s.list != nil {
		return
	}
	s.list = playlist.NewArchive(constants, s.cfg.Playlist.Window, s.start)
	s.touched = now
	if s.cfg.Retention.Replay > 0 {
		s.replay = playlist.NewReplay(constants, s.rendition+"/")
	}
}

// Acked implements storage.Index.
func (s *shelf) Acked(_ string, seg *media.Segment, lost bool) []storage.Object {
	w := s.program.window.Load()
	if e := w.Snapshot().Entry(seg.Session, seg.MSN); e != nil && !lost {
		e.Stored()
	}
	if s.claim == continued {
		return nil
	}
	if !lost {
		s.announced, s.acknowledged = seg.Session, true
	}
	now := time.Now()
	s.begin(w.Constants(), now)
	s.add(seg, lost, now)
	s.record(seg, lost, now)
	return append(s.journal(now), s.playlists(false)...)
}

// add lists a segment, and has deleted what is not kept any longer.
func (s *shelf) add(seg *media.Segment, lost bool, now time.Time) {
	for _, d := range s.list.Add(seg, lost) {
		grace := max(d.Grace, time.Duration(s.cfg.Retention.Live))
		s.grace = max(s.grace, grace)
		if s.replay == nil {
			s.archiver.Expire(s.key(d.Name), now.Add(grace))
		} else if s.local != nil {
			s.copies = append(s.copies, localCopy{d.Name, now.Add(d.Grace)})
		}
	}
	s.dropCopies(now)
}

// record enters a segment into the replay, of which no more is kept than its
// playlist may have.
func (s *shelf) record(seg *media.Segment, lost bool, now time.Time) {
	if s.replay == nil {
		return
	}
	s.replay.Add(seg, lost)
	// What left the list began at least a window before that.
	keep := max(min(s.cfg.Retention.Replay, maxReplayLength), s.cfg.Playlist.Window+s.grace)
	for _, name := range s.replay.Trim(keep, s.list.First()) {
		s.archiver.Expire(s.key(name), now)
	}
}

// localCopy is a segment on this node's disk that the bucket keeps for longer.
type localCopy struct {
	name string
	end  time.Time // nobody may ask for it live from then on
}

// dropCopies deletes the copies that no live viewer may ask for. One that cannot be
// deleted goes with the broadcast.
func (s *shelf) dropCopies(now time.Time) {
	for len(s.copies) > 0 && !now.Before(s.copies[0].end) {
		_ = s.local.Delete(context.Background(), s.key(s.copies[0].name))
		s.copies = s.copies[1:]
	}
}

// journal is what must be in the bucket before the live playlist: the pages that
// name what that does not list any more, so that a crash loses no replay.
func (s *shelf) journal(now time.Time) []storage.Object {
	var objects []storage.Object
	if now.Sub(s.touched) >= catalog.TouchEvery {
		s.touched = now
		objects = append(objects, s.live())
	}
	if s.replay == nil || s.list.First() <= s.recorded+1 {
		return objects
	}
	for _, p := range s.replay.PagesAfter(s.recorded) {
		objects = append(objects, s.playlist(s.page(p.Number), p.Text, false))
	}
	s.recorded = s.replay.Last()
	// A page of which nothing is kept any longer goes.
	first := playlist.PageOf(s.replay.First())
	for n := max(s.oldest, 0); s.oldest >= 0 && n < first; n++ {
		s.archiver.Expire(s.page(n), now)
	}
	s.oldest = first
	return objects
}

func (s *shelf) page(n int) string {
	return s.layout.Journal(s.id(), s.rendition, s.token(), n)
}

// Ended implements storage.Ender: the last playlists, and the replay. Without a
// replay the segments go when nobody may ask for them any more.
func (s *shelf) Ended() []storage.Object {
	if s.list == nil {
		return nil
	}
	if s.check(); s.claim == continued {
		return nil
	}
	objects := s.playlists(true)
	gone := s.ended.Load().Add(s.cfg.Linger)
	if s.replay != nil {
		return append(objects, s.replayObjects(gone)...)
	}
	for _, name := range s.list.Names() {
		s.archiver.Expire(s.key(name), gone)
	}
	return objects
}

// replayObjects are the manifest, filed under the time at which all is deleted, and
// then the replay under both its names.
func (s *shelf) replayObjects(gone time.Time) []storage.Object {
	m := *s.manifest.Load()
	due := m.Ended.Add(s.cfg.Retention.Replay)
	if last := gone.Add(s.grace); due.Before(last) {
		due = last
	}
	text := s.replay.Render()
	objects := []storage.Object{
		m.Object(s.layout.Due(due, m.ID, m.Token)),
		s.playlist(s.layout.ReplayOf(m.ID, m.Token), text, false),
	}
	if s.claim == displaced {
		return objects
	}
	return append(objects, s.playlist(s.layout.Replay(m.ID), text, false))
}

// finish says when the broadcast ended, before the Archiver's Finish: at for those
// who keep its replay, now for those who still watch.
func (s *shelf) finish(at, now time.Time) {
	m := *s.manifest.Load()
	m.Ended = endTime(m.Began, at).UTC()
	s.manifest.Store(&m)
	s.ended.Store(&now)
}

// endTime returns the time of day of an end that came at, for a beginning at began. When
// the wall clock was set back in between it is later by that than the clock says: nothing
// may seem to end before it began, and nothing is deleted too early.
func endTime(began, at time.Time) time.Time {
	lasted := max(0, at.Sub(began)) // by the monotonic clock, where both have its reading
	end := began.Round(0).Add(lasted)
	if wall := at.Round(0); wall.After(end) {
		return wall
	}
	return end
}

// playlists are the media playlist and, after it because it names it, the
// multivariant one if it has changed.
func (s *shelf) playlists(ended bool) []storage.Object {
	if s.claim == displaced {
		return nil
	}
	objects := []storage.Object{s.playlist(s.key(catalog.PlaylistName), s.list.Render(ended), !ended)}
	if text := s.program.multivariant.Load(); text != nil && (ended || !bytes.Equal(text.Plain, s.multi)) {
		s.multi = text.Plain
		objects = append(objects, s.playlist(s.layout.Multivariant(s.id()), text.Plain, false))
	}
	return objects
}

func (s *shelf) playlist(key string, text []byte, volatile bool) storage.Object {
	return storage.Object{
		Key:          key,
		Slabs:        [][]byte{catalog.Own(text, s.token())},
		ContentType:  storage.PlaylistType,
		CacheControl: playlistMaxAge,
		Volatile:     volatile,
	}
}

func (s *shelf) playlistKeys() []string {
	return []string{s.layout.Multivariant(s.id()), s.key(catalog.PlaylistName)}
}
