package archive

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The names of playlists.
const (
	// PlaylistName is that of the playlists of a live broadcast.
	PlaylistName = "index.m3u8"
	// ReplayName is that of the playlist of a whole broadcast, after its end.
	ReplayName = "replay.m3u8"
)

// Layout makes the keys of a broadcast's objects. They are the same in a bucket and,
// as paths, on the local disk.
type Layout struct {
	// Prefix is the beginning of every key: "live".
	Prefix string
}

// Folder returns the folder of a broadcast's objects.
func (l Layout) Folder(broadcast string) string { return l.Prefix + "/" + broadcast }

// Multivariant returns the key of the multivariant playlist.
func (l Layout) Multivariant(broadcast string) string {
	return l.Folder(broadcast) + "/" + PlaylistName
}

// Media returns the key of a rendition's playlist or segment.
func (l Layout) Media(broadcast, rendition, name string) string {
	return l.Folder(broadcast) + "/" + rendition + "/" + name
}

// Replay returns the key of the playlist of the broadcast that ended last under an id.
func (l Layout) Replay(broadcast string) string { return l.Folder(broadcast) + "/" + ReplayName }

// ReplayOf returns the key of the playlist of the broadcast with that token, which a
// later one under the same id does not replace.
func (l Layout) ReplayOf(broadcast, token string) string {
	return l.Folder(broadcast) + "/" + ReplayNameOf(token)
}

// ReplayNameOf returns the file name of ReplayOf, and of the renditions' playlists that
// it names when there are several.
func ReplayNameOf(token string) string { return "replay-" + token + ".m3u8" }

// IsReplayName reports whether name is the file name of a replay.
func IsReplayName(name string) bool {
	token, ok := cutAround(name, "replay-", ".m3u8")
	return name == ReplayName || ok && IsToken(token)
}

func cutAround(s, prefix, suffix string) (string, bool) {
	s, begins := strings.CutPrefix(s, prefix)
	s, ends := strings.CutSuffix(s, suffix)
	return s, begins && ends
}

const (
	// logPrefix begins the name of a log's folder.
	logPrefix = "log-"
	// logDate is the beginning of the broadcast in it (UTC), so that the logs of an id
	// are listed in the order in which its broadcasts began.
	logDate = "20060102T150405.000Z"
)

// Logs returns the prefix of the keys of all logs of an id.
func (l Layout) Logs(broadcast string) string { return l.Folder(broadcast) + "/" + logPrefix }

// Log returns the folder of a broadcast's log.
func (l Layout) Log(m Meta) string {
	return l.Logs(m.Broadcast) + m.Began.UTC().Format(logDate) + "-" + m.Token
}

// parseLog parses the name of a log's folder, without the folders above it.
func parseLog(broadcast, name string) (m Meta, ok bool) {
	date, token, ok := strings.Cut(strings.TrimPrefix(name, logPrefix), "-")
	began, err := time.Parse(logDate, date)
	return Meta{Broadcast: broadcast, Token: token, Began: began},
		ok && err == nil && strings.HasPrefix(name, logPrefix) && IsToken(token)
}

// Page returns the key of a page of a log on the local disk.
func (l Layout) Page(m Meta, page int) string { return l.Log(m) + "/" + pageName(page, "") }

// bucketPage returns the key of a page in a bucket. Its name has the owner that wrote it:
// another node may continue the broadcast.
func (l Layout) bucketPage(m Meta, page int) string {
	return l.Log(m) + "/" + pageName(page, m.Owner)
}

const pageSuffix = ".jsonl"

// pageName names a page so that names are in the order of numbers.
func pageName(page int, owner string) string {
	name := fmt.Sprintf("%08d", page)
	if owner != "" {
		name += "-" + owner
	}
	return name + pageSuffix
}

// parsePageName reads the name of a page.
func parsePageName(name string) (page int, owner string, ok bool) {
	base, ok := strings.CutSuffix(name, pageSuffix)
	digits, owner, _ := strings.Cut(base, "-")
	n, err := strconv.Atoi(digits)
	return n, owner, ok && err == nil && n >= 0 && pageName(n, owner) == name && (owner == "" || IsToken(owner))
}

// manifests is the folder of the manifests. No broadcast can have its name: ids have
// no "~".
const manifests = "~manifests"

// dueFormat is the name of the folder of the broadcasts that are to be deleted at that time
// (UTC), so that a list in the order of keys is one in the order of times.
const dueFormat = "20060102T1504Z"

// Manifests returns the prefix of the keys of all manifests.
func (l Layout) Manifests() string { return l.Prefix + "/" + manifests + "/" }

// Live returns the key of the manifest of a broadcast that has not ended.
func (l Layout) Live(id, token string) string { return l.liveManifests() + id + "/" + token + ".json" }

func (l Layout) liveManifests() string { return l.Manifests() + "live/" }

// Due returns the key of the manifest of a broadcast that is to be deleted at that time.
func (l Layout) Due(at time.Time, id, token string) string {
	return l.dueManifests() + dueTime(at).Format(dueFormat) + "/" + id + "/" + token + ".json"
}

func (l Layout) dueManifests() string { return l.Manifests() + "due/" }

// dueTime rounds at up to a full minute, at which the deletion takes place.
func dueTime(at time.Time) time.Time {
	return at.UTC().Add(time.Minute - time.Nanosecond).Truncate(time.Minute)
}

// ManifestKey is the key of a broadcast's manifest, parsed.
type ManifestKey struct {
	Key       string
	ID, Token string
	// Due is when it is to be deleted; zero before its end.
	Due time.Time
}

// parseManifestKey parses the key of a manifest: "live/ID/TOKEN.json" or
// "due/TIME/ID/TOKEN.json" after the folder of all.
func (l Layout) parseManifestKey(key string) (n ManifestKey, ok bool) {
	name, ok := cutAround(key, l.Manifests(), ".json")
	parts := strings.Split(name, "/")
	n = ManifestKey{Key: key}
	switch {
	case !ok:
	case len(parts) == 3 && parts[0] == "live":
		n.ID, n.Token = parts[1], parts[2]
	case len(parts) == 4 && parts[0] == "due":
		at, err := time.Parse(dueFormat, parts[1])
		if err != nil {
			return n, false
		}
		n.ID, n.Token, n.Due = parts[2], parts[3], at
	}
	return n, validName(n.ID) && IsToken(n.Token)
}
