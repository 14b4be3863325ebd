package ingest

import (
	"fmt"
	"strconv"
	"strings"

	"golive/media"
)

const (
	// keptKeyFrames is the number of key frames of each track that are remembered. A key frame
	// of the default track is judged when judgedAfter others have come: tracks may arrive at
	// different times.
	keptKeyFrames = 8
	judgedAfter   = 2
	// sameMoment is the largest distance of two key frames of one moment: rounding to
	// milliseconds.
	sameMoment = media.Millisecond
	// missedToWarn and metToClear are the numbers of consecutive key frames of the default
	// track at which another track has none, or has one.
	missedToWarn = 2
	metToClear   = 4
)

// KeyFrames warns the broadcaster if additional video tracks have no key frames where the
// default track has them: viewers can only switch there. It is used by one goroutine; its
// zero value is ready.
type KeyFrames struct {
	keys   [keptKeyFrames]defaultKey
	next   int // number of key frames of the default track
	tracks []*extraKeys
	warned bool
}

// defaultKey is a key frame of the default track.
type defaultKey struct {
	at  media.Ticks // PTS
	met uint64      // which of the tracks have a key frame there, by index
}

// extraKeys are the key frames of an additional track.
type extraKeys struct {
	number        int
	began, latest media.Ticks // PTS of the first picture, and the largest
	keys          [keptKeyFrames]media.Ticks
	next          int

	missed, met int // consecutive key frames of the default track
	bad         bool
}

// Default checks the next picture of the default track.
func (k *KeyFrames) Default(u *media.AccessUnit, to Warner) {
	if !u.Key || len(k.tracks) == 0 {
		return
	}
	key := defaultKey{at: u.PTS}
	for i, t := range k.tracks {
		for _, at := range t.keys[:min(t.next, keptKeyFrames)] {
			if !apart(at, key.at, sameMoment) {
				key.met |= 1 << i
			}
		}
	}
	k.keys[k.next%keptKeyFrames] = key
	if k.next++; k.next > judgedAfter {
		k.judge(k.keys[(k.next-1-judgedAfter)%keptKeyFrames], to)
	}
}

// Extra records the next picture of an additional track. It reports whether it is the first.
func (k *KeyFrames) Extra(u *media.AccessUnit) (began bool) {
	i := 0
	for i < len(k.tracks) && k.tracks[i].number != u.Track.Number {
		i++
	}
	if began = i == len(k.tracks); began {
		k.tracks = append(k.tracks, &extraKeys{number: u.Track.Number, began: u.PTS, latest: u.PTS})
	}
	t := k.tracks[i]
	t.latest = max(t.latest, u.PTS)
	if !u.Key {
		return began
	}
	t.keys[t.next%keptKeyFrames] = u.PTS
	t.next++
	for j := range k.keys[:min(k.next, keptKeyFrames)] {
		if key := &k.keys[j]; !apart(key.at, u.PTS, sameMoment) {
			key.met |= 1 << i
		}
	}
	return began
}

// judge counts a key frame of the default track, at which all tracks that are being sent
// should have one, and adds or clears the warning.
func (k *KeyFrames) judge(key defaultKey, to Warner) {
	changed, bad := false, false
	for i, t := range k.tracks {
		was := t.bad
		switch {
		case key.at < t.began || key.at >= t.latest: // begins later, or has stopped
		case key.met&(1<<i) != 0:
			t.missed = 0
			t.met++
			t.bad = t.bad && t.met < metToClear
		default:
			t.met = 0
			t.missed++
			t.bad = t.bad || t.missed >= missedToWarn
		}
		changed, bad = changed || t.bad != was, bad || t.bad
	}
	switch {
	case changed && bad:
		k.warned = true
		to.Warn(Warning{WarnKeysNotAligned, k.text()})
	case k.warned && !bad:
		k.warned = false
		to.ClearWarning(WarnKeysNotAligned)
	}
}

// text returns the text of the warning.
func (k *KeyFrames) text() string {
	var numbers []string
	for _, t := range k.tracks {
		if t.bad {
			numbers = append(numbers, strconv.Itoa(t.number))
		}
	}
	name := "track"
	if len(numbers) > 1 {
		name = "tracks"
	}
	return fmt.Sprintf("video %s %s: no key frame where the first track has one, and viewers can only switch there: "+
		"set the same key frame interval for all tracks, and switch scene cut detection off", name, strings.Join(numbers, ", "))
}
