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

// UnmarshalText reads i from text.
func (i *PutInterval) UnmarshalText(text []byte) error {
	if string(text) == Auto {
		*i = PutIntervalAuto
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("must be auto or a duration such as 1s, not %q", text)
	}
	*i = PutInterval(d)
	return nil
}

// MarshalText is the word or the duration.
func (i PutInterval) MarshalText() ([]byte, error) {
	if i == PutIntervalAuto {
		return []byte(Auto), nil
	}
	return []byte(time.Duration(i).String()), nil
}
