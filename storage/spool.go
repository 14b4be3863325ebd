package storage

import (
	"errors"
	"time"

	"golive/media"
)

// What a Spool's errors wrap.
var (
	// ErrSpoolFull: the segment would bring the spool over its bytes.
	ErrSpoolFull = errors.New("spool is full")
	// ErrSpoolDamaged: what is in the spool is not what was put there.
	ErrSpoolDamaged = errors.New("spooled segment is damaged")
)

// Spool keeps segments on a disk while the bucket does not take them: bounded in
// bytes, and still there after the process was killed. Its methods may be called
// from many goroutines and may wait for the disk. Their errors are *Error;
// folder spool has the one implementation.
type Spool interface {
	// Add keeps the segment; when it returns nil the segment and all that
	// describes it are durable. offered is when it was given to the Archiver. A
	// segment for which there is no room is ErrSpoolFull; one for which there never
	// will be is Permanent too.
	Add(broadcast, rendition string, seg *media.Segment, offered time.Time) (*Spooled, error)
	// Read is the segment's bytes. If they are not those that were kept it is
	// ErrSpoolDamaged, if they are gone ErrNotExist.
	Read(s *Spooled) ([]byte, error)
	// Remove lets go of the segment; it is no error when it is gone.
	Remove(s *Spooled) error
}

// Spooled is a segment in a Spool. It is immutable.
type Spooled struct {
	// Name is the Spool's own name for it.
	Name string
	// Broadcast and Rendition say whose it is.
	Broadcast, Rendition string
	// Segment is the segment with its parts, but without their bytes.
	Segment *media.Segment
	// Offered is when it was given to the Archiver.
	Offered time.Time
	// Bytes is what it takes of the Spool's limit.
	Bytes int64
}
