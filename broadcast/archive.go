package broadcast

import (
	"path"
	"time"

	"golive/media"
	"golive/playlist"
	"golive/storage"
)

// Headers of playlists in the bucket.
const (
	playlistType    = "application/vnd.apple.mpegurl"
	playlistMaxAge  = "public, max-age=1"
	playlistName    = "index.m3u8"
	deletionReserve = 10 * time.Second
)

// shelf is a broadcast's place in the bucket: it offers segments to the
// Archiver and writes the playlists of what the bucket has.
type shelf struct {
	prefix   string // "live/ID"
	program  *program
	archiver *storage.Archiver
	lists    map[string]*playlist.Archive // by rendition; the Archiver's goroutine only
	start    playlist.Start
	window   time.Duration
}

// offer implements archive.
func (s *shelf) offer(rendition string, seg *media.Segment) {
	s.archiver.Offer(rendition, seg)
}

// gone implements archive: the objects of segments that nobody may ask for any
// more are deleted, a little later than at the origin, because the bucket's
// playlist may lag behind.
func (s *shelf) gone(rendition string, entries []*playlist.Entry) {
	if len(entries) == 0 {
		return
	}
	at := time.Now().Add(deletionReserve)
	for _, e := range entries {
		s.archiver.Expire(s.key(rendition, e.Segment().Name()), at)
	}
}

func (s *shelf) key(rendition, name string) string { return path.Join(s.prefix, rendition, name) }

// Acked implements storage.Index.
func (s *shelf) Acked(rendition string, seg *media.Segment, lost bool) []storage.Object {
	w := s.program.window.Load()
	if e := w.Snapshot().Entry(seg.Session, seg.MSN); e != nil && !lost {
		e.Stored()
	}
	list := s.lists[rendition]
	if list == nil {
		list = playlist.NewArchive(w.Constants().Target, s.window, s.start)
		s.lists[rendition] = list
	}
	list.Add(seg, lost)
	return s.playlists(rendition, list, false)
}

// Ended implements storage.Ender.
func (s *shelf) Ended() []storage.Object {
	var objects []storage.Object
	for rendition, list := range s.lists {
		objects = append(objects, s.playlists(rendition, list, true)...)
	}
	return objects
}

// playlists are the media playlist and, after it because it names it, the
// multivariant one.
func (s *shelf) playlists(rendition string, list *playlist.Archive, ended bool) []storage.Object {
	objects := []storage.Object{s.playlist(s.key(rendition, playlistName), list.Render(ended))}
	if text := s.program.multivariant.Load(); text != nil {
		objects = append(objects, s.playlist(path.Join(s.prefix, playlistName), text.Plain))
	}
	return objects
}

func (s *shelf) playlist(key string, text []byte) storage.Object {
	return storage.Object{Key: key, Slabs: [][]byte{text}, ContentType: playlistType, CacheControl: playlistMaxAge}
}

// leftovers are the keys of all that the broadcast may still have in the bucket.
// Only when nobody writes.
func (s *shelf) leftovers() []string {
	var keys []string
	if w := s.program.window.Load(); w != nil {
		for _, e := range w.Entries() {
			keys = append(keys, s.key(s.program.name, e.Segment().Name()))
		}
	}
	return keys
}

func (s *shelf) playlistKeys() []string {
	return []string{path.Join(s.prefix, playlistName), s.key(s.program.name, playlistName)}
}
