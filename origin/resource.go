package origin

import (
	"strings"

	"golive/archive"
	"golive/origin/playtoken"
	"golive/playlist"
)

// resource is what a request names: a file of a broadcast, or of a rendition of it.
type resource struct {
	id        string
	token     string // a playback token; may be empty
	rendition string // may be empty
	name      string
	protected bool // not everybody may have it
}

// parsePath reads /live/ID/NAME or /live/ID/RENDITION/NAME, with or without /~TOKEN after the id.
func parsePath(path string) (resource, bool) {
	path, ok := strings.CutPrefix(path, Prefix)
	if !ok {
		return resource{}, false
	}
	var f resource
	if f.id, f.name, ok = strings.Cut(path, "/"); !ok {
		return resource{}, false
	}
	if strings.HasPrefix(f.name, playtoken.Mark) {
		f.token, f.name, _ = strings.Cut(f.name[len(playtoken.Mark):], "/")
	}
	if rendition, name, ok := strings.Cut(f.name, "/"); ok {
		f.rendition, f.name = rendition, name
	}
	return f, true
}

// kind returns the kind of the resource, by its name.
func (f *resource) kind() kind {
	isPlaylist := f.name == archive.PlaylistName || f.name == playlist.PlainName
	switch {
	case isPlaylist && f.rendition != "":
		return kindMedia
	case isPlaylist:
		return kindMultivariant
	case archive.IsReplayName(f.name):
		return kindReplay
	case f.rendition == "" && isPicture(f.name):
		return kindPicture
	case f.rendition == "":
		return kindOther
	case strings.Count(f.name, ".") > 1:
		return kindPart
	}
	return kindSegment
}

// keepFor returns how long caches may keep the resource, if they may keep what everybody may have
// as long as public says, which is long.
func (f *resource) keepFor(public []string) []string {
	if f.protected {
		return cacheProtected
	}
	return public
}

// withoutToken returns the path without the token in it, which is a secret.
func withoutToken(path string) string {
	before, rest, ok := strings.Cut(path, "/"+playtoken.Mark)
	if !ok {
		return path
	}
	if _, after, ok := strings.Cut(rest, "/"); ok {
		return before + "/" + after
	}
	return before
}
