package storage

import (
	"fmt"
	"time"
)

// PutInterval is a duration, or "auto", which leaves the choice to the provider's
// profile.
type PutInterval time.Duration

// PutIntervalAuto is the word "auto".
const PutIntervalAuto PutInterval = -1

// maxPutInterval keeps live playlists fresh enough for players.
const maxPutInterval = PutInterval(10 * time.Second)

// LiveRetention is "window", the time that a player may still ask for a segment in
// (RFC 8216bis section 6.2.2), or a longer duration.
type LiveRetention time.Duration

const retentionWindow LiveRetention = 0

// UnmarshalText reads i from text.
func (i *PutInterval) UnmarshalText(text []byte) (err error) {
	*i, err = parseDuration(text, Auto, PutIntervalAuto, 0)
	return err
}

// MarshalText returns the word or the duration.
func (i PutInterval) MarshalText() ([]byte, error) {
	return formatDuration(i, Auto, PutIntervalAuto), nil
}

// UnmarshalText reads r from text.
func (r *LiveRetention) UnmarshalText(text []byte) (err error) {
	*r, err = parseDuration(text, "window", retentionWindow, 1)
	return err
}

// MarshalText returns the word or the duration.
func (r LiveRetention) MarshalText() ([]byte, error) {
	return formatDuration(r, "window", retentionWindow), nil
}

// parseDuration reads a duration of at least least, or the word that stands for a value.
func parseDuration[T ~int64](text []byte, word string, value, least T) (T, error) {
	if string(text) == word {
		return value, nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || T(d) < least {
		return 0, fmt.Errorf("must be %s or a duration such as 2h or 1s, not %q", word, text)
	}
	return T(d), nil
}

func formatDuration[T ~int64](d T, word string, value T) []byte {
	if d == value {
		return []byte(word)
	}
	return []byte(time.Duration(d).String())
}
