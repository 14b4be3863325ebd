package storage

import (
	"errors"
	"fmt"
)

// Sync says when what was written must survive a loss of power. The end of the process
// loses nothing that was written, whatever Sync says.
type Sync uint8

// The policies.
const (
	// SyncInterval syncs the disk each few seconds, once for all broadcasts; a loss of
	// power may lose what came since. Segments that wait for a bucket which is
	// unavailable are synced at once.
	SyncInterval Sync = iota
	// SyncAlways syncs after each segment.
	SyncAlways
	// SyncNever leaves it to the operating system, which writes within about half a
	// minute.
	SyncNever
)

// MarshalText returns the policy's name in the configuration.
func (s Sync) MarshalText() ([]byte, error) {
	switch s {
	case SyncInterval:
		return []byte("interval"), nil
	case SyncAlways:
		return []byte("always"), nil
	case SyncNever:
		return []byte("never"), nil
	}
	return nil, fmt.Errorf("sync policy %d is not known", s)
}

// UnmarshalText reads the policy's name.
func (s *Sync) UnmarshalText(text []byte) error {
	for _, policy := range []Sync{SyncInterval, SyncAlways, SyncNever} {
		if name, err := policy.MarshalText(); err == nil && string(name) == string(text) {
			*s = policy
			return nil
		}
	}
	return errors.New("must be interval, always or never")
}
