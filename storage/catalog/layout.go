package catalog

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"golive/storage"
)

// The names of playlists.
const (
	// PlaylistName is that of the playlists of a live broadcast.
	PlaylistName = "index.m3u8"
	// ReplayName is that of the playlist of a whole broadcast, after its end.
	ReplayName = "replay.m3u8"
)

// manifests is the folder of the manifests. No broadcast can have its name: ids
// have no "~".
const manifests = "~manifests"

// dueFormat names a folder of what is to be deleted by that time (UTC), so that a
// list in the order of keys is one in the order of times.
const dueFormat = "20060102T1504Z"

// Layout makes the keys of a bucket's objects.
type Layout struct {
	// Prefix is the beginning of every key: "live".
	Prefix string
}

// Folder is where a broadcast's objects are.
func (l Layout) Folder(id string) string { return l.Prefix + "/" + id }

// Multivariant is the key of the multivariant playlist.
func (l Layout) Multivariant(id string) string { return l.Folder(id) + "/" + PlaylistName }

// Media is the key of an object of a rendition: its playlist, or a segment.
func (l Layout) Media(id, rendition, name string) string {
	return l.Folder(id) + "/" + rendition + "/" + name
}

// Replay is the key of the playlist of the broadcast that ended last under that
// id.
func (l Layout) Replay(id string) string { return l.Folder(id) + "/" + ReplayName }

// ReplayOf is the key of the playlist of the broadcast with that token, which a
// later one under the same id does not replace.
func (l Layout) ReplayOf(id, token string) string { return l.Folder(id) + "/" + ReplayNameOf(token) }

// ReplayNameOf is the file name of ReplayOf.
func ReplayNameOf(token string) string { return "replay-" + token + ".m3u8" }

// IsReplayName says whether a file name in a broadcast's folder is that of a
// replay.
func IsReplayName(name string) bool {
	if name == ReplayName {
		return true
	}
	token, ok := strings.CutPrefix(name, "replay-")
	token, isPlaylist := strings.CutSuffix(token, ".m3u8")
	return ok && isPlaylist && validToken(token)
}

// Journal is the key of a page of what the broadcast with that token has aired.
func (l Layout) Journal(id, rendition, token string, page int) string {
	return fmt.Sprintf("%s%08d.m3u8", l.Journals(id, rendition, token), page)
}

// Journals is the beginning of the keys of all its pages.
func (l Layout) Journals(id, rendition, token string) string {
	return l.Media(id, rendition, "journal-"+token+"-")
}

// Live is the key of the manifest of a broadcast that has not ended.
func (l Layout) Live(id, token string) string { return l.liveManifests() + id + "/" + token + ".json" }

// liveManifests is the beginning of all those.
func (l Layout) liveManifests() string { return l.Prefix + "/" + manifests + "/live/" }

// Due is the key of the manifest of a broadcast that is to be deleted at that time.
func (l Layout) Due(at time.Time, id, token string) string {
	return l.dueManifests() + DueTime(at).Format(dueFormat) + "/" + id + "/" + token + ".json"
}

func (l Layout) dueManifests() string { return l.Prefix + "/" + manifests + "/due/" }

// Named is a broadcast by the name of its manifest.
type Named struct {
	ID, Token string
	// Ended says that the manifest is filed under the time of its deletion.
	Ended bool
}

// Named yields every broadcast in the bucket, in no order that matters, without reading
// the manifests. One may come twice while it ends.
func (l Layout) Named(ctx context.Context, b storage.Bucket) iter.Seq2[Named, error] {
	prefix := l.Prefix + "/" + manifests + "/"
	return func(yield func(Named, error) bool) {
		for info, err := range b.List(ctx, prefix) {
			if err != nil {
				yield(Named{}, err)
				return
			}
			name, ok := named(strings.TrimPrefix(info.Key, prefix))
			if ok && !yield(name, nil) {
				return
			}
		}
	}
}

// named reads "live/ID/TOKEN.json" or "due/TIME/ID/TOKEN.json".
func named(key string) (n Named, ok bool) {
	key, ok = strings.CutSuffix(key, ".json")
	parts := strings.Split(key, "/")
	switch {
	case !ok:
	case len(parts) == 3 && parts[0] == "live":
		n = Named{ID: parts[1], Token: parts[2]}
	case len(parts) == 4 && parts[0] == "due":
		n = Named{ID: parts[2], Token: parts[3], Ended: true}
	}
	return n, validToken(n.Token)
}

// Copying says what a server whose bucket is elsewhere keeps on its own disk: what it
// needs to go on with a live broadcast, and the segments that are watched.
func (l Layout) Copying(key string) storage.Copying {
	name := key[strings.LastIndexByte(key, '/')+1:]
	switch {
	case strings.HasSuffix(name, ".ts"):
		return storage.CopyAfter
	case IsReplayName(name), strings.HasPrefix(key, l.dueManifests()):
		return storage.NoCopy
	}
	return storage.CopyBefore
}

// DueTime is the first full minute from at on: what is deleted is deleted then.
func DueTime(at time.Time) time.Time {
	return at.UTC().Add(time.Minute - time.Nanosecond).Truncate(time.Minute)
}

// dueAt is the time of a key made by Due.
func (l Layout) dueAt(key string) (time.Time, error) {
	rest, ok := strings.CutPrefix(key, l.dueManifests())
	folder, _, found := strings.Cut(rest, "/")
	if !ok || !found {
		return time.Time{}, fmt.Errorf("%q is not the key of a manifest", key)
	}
	return time.Parse(dueFormat, folder)
}
