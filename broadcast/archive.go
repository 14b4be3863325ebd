package broadcast

import (
	"bytes"
	"path"
	"sync/atomic"
	"time"

	"golive/media"
	"golive/playlist"
	"golive/storage"
)

// Headers of playlists in the bucket.
const (
	playlistType   = "application/vnd.apple.mpegurl"
	playlistMaxAge = "public, max-age=1"
	playlistName   = "index.m3u8"
)

// shelf is a broadcast's place in the bucket: it offers segments to the
// Archiver, writes the playlists of what the bucket has, and has deleted what
// nobody may ask for any more. Its Acked and Ended run on the Archiver's
// goroutine, which owns the rest.
type shelf struct {
	prefix   string // "live/ID"
	window   time.Duration
	linger   time.Duration
	program  *program
	archiver *storage.Archiver
	start    playlist.Start

	list  *playlist.Archive // nil before the first segment
	multi []byte            // the multivariant playlist that was put last
	ended atomic.Int64      // when the broadcast ended, Unix nanoseconds
}

// offer implements archive.
func (s *shelf) offer(seg *media.Segment) {
	if seg.Size == 0 {
		s.archiver.Skip(s.program.name, seg)
		return
	}
	s.archiver.Offer(s.program.name, seg)
}

func (s *shelf) key(name string) string { return path.Join(s.prefix, s.program.name, name) }

// Acked implements storage.Index.
func (s *shelf) Acked(_ string, seg *media.Segment, lost bool) []storage.Object {
	w := s.program.window.Load()
	if e := w.Snapshot().Entry(seg.Session, seg.MSN); e != nil && !lost {
		e.Stored()
	}
	if s.list == nil {
		s.list = playlist.NewArchive(w.Constants(), s.window, s.start)
	}
	s.add(seg, lost)
	return s.playlists(false)
}

// add lists a segment, and has what it pushed out deleted after its grace.
func (s *shelf) add(seg *media.Segment, lost bool) {
	now := time.Now()
	for _, d := range s.list.Add(seg, lost) {
		s.archiver.Expire(s.key(d.Name), now.Add(d.Grace))
	}
}

// Ended implements storage.Ender.
func (s *shelf) Ended() []storage.Object {
	if s.list == nil {
		return nil
	}
	at := time.Unix(0, s.ended.Load()).Add(s.linger)
	for _, name := range s.list.Names() {
		s.archiver.Expire(s.key(name), at)
	}
	return s.playlists(true)
}

// playlists are the media playlist and, after it because it names it, the
// multivariant one if it has changed.
func (s *shelf) playlists(ended bool) []storage.Object {
	objects := []storage.Object{s.playlist(s.key(playlistName), s.list.Render(ended), !ended)}
	if text := s.program.multivariant.Load(); text != nil && (ended || !bytes.Equal(text.Plain, s.multi)) {
		s.multi = text.Plain
		objects = append(objects, s.playlist(path.Join(s.prefix, playlistName), text.Plain, false))
	}
	return objects
}

func (s *shelf) playlist(key string, text []byte, volatile bool) storage.Object {
	return storage.Object{Key: key, Slabs: [][]byte{text}, ContentType: playlistType, CacheControl: playlistMaxAge, Volatile: volatile}
}

func (s *shelf) playlistKeys() []string {
	return []string{path.Join(s.prefix, playlistName), s.key(playlistName)}
}
