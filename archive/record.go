package archive

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golive/media"
	"golive/storage"
)

// Version is the version of the log's format. A log of a later version is refused.
const Version = 1

// Kind is the kind of a record.
type Kind string

// The kinds of records.
const (
	// KindPage is the header of a page.
	KindPage Kind = "page"
	// KindRendition describes a rendition: its constants, and its current variant.
	KindRendition Kind = "rendition"
	// KindPublication is recorded before the first segment of a publisher's session.
	KindPublication Kind = "publication"
	// KindSegment is a finished segment; one without a size is a gap.
	KindSegment Kind = "segment"
	// KindStored means that the bucket has all segments of a rendition up to a number, except those
	// that were lost.
	KindStored Kind = "stored"
	// KindLost means that a segment's bytes are lost.
	KindLost Kind = "lost"
	// KindRemoved means that all segments of a rendition up to a number were deleted.
	KindRemoved Kind = "removed"
	// KindEnded means that the broadcast has ended.
	KindEnded Kind = "ended"
	// KindArchived means that nothing of an ended broadcast waits any more.
	KindArchived Kind = "archived"
)

// Record is one line of a log. Which fields it has depends on its Kind.
type Record struct {
	Kind Kind `json:"kind"`
	// At is when the record was made, by the wall clock.
	At        time.Time `json:"at,omitzero"`
	Rendition string    `json:"rendition,omitempty"`
	// Through is the media sequence number up to which a record holds; of KindStored
	// and KindRemoved, and the lost segment's own of KindLost.
	Through *int64 `json:"through,omitempty"`
	// Reason is why a segment was lost, or the broadcast ended.
	Reason string `json:"reason,omitempty"`
	// Published is the token of the publication, of KindPublication.
	Published string `json:"published,omitempty"`
	*Segment
	*Description
	*Header
}

// Segment describes a finished segment.
type Segment struct {
	// Publication is the token of the publication that made it.
	Publication string `json:"publication"`
	MSN         int64  `json:"msn"`
	// Start and Duration are in ticks of 90 kHz.
	Start    media.Ticks `json:"start"`
	Duration media.Ticks `json:"duration"`
	// Date is the program date-time of Start.
	Date          time.Time `json:"date"`
	Discontinuity bool      `json:"discontinuity,omitempty"`
	// Dependent is true when the segment does not begin with a key frame.
	Dependent bool `json:"dependent,omitempty"`
	// Size is in bytes; 0 is a gap.
	Size int64 `json:"size"`
}

// Description holds the values that a rendition's playlists declare.
type Description struct {
	// Target is EXT-X-TARGETDURATION in seconds, PartTarget is PART-TARGET in ticks.
	// They never change.
	Target     int         `json:"target"`
	PartTarget media.Ticks `json:"part_target"`
	// DiscontinuitySequence is that of the rendition's first segment.
	DiscontinuitySequence int64 `json:"discontinuity_sequence,omitempty"`
	// Video and Audio are the codecs in the form of RFC 6381; Width, Height and
	// FrameRate are of the video.
	Video     string  `json:"video,omitempty"`
	Audio     string  `json:"audio,omitempty"`
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	FrameRate float64 `json:"frame_rate,omitempty"`
	// Captions are the closed captions in the video, a bit for each channel.
	Captions media.Captions `json:"captions,omitempty"`
	// Peak and Average are bits per second.
	Peak    int `json:"peak,omitempty"`
	Average int `json:"average,omitempty"`
}

// Header begins a page.
type Header struct {
	Version int `json:"version"`
	// Page is the page's number, from 0.
	Page int `json:"page"`
	Meta
	// Publications are the tokens of the publishers' connections so far, in order:
	// every segment's name begins with one of them.
	Publications []string `json:"publications,omitempty"`
	// Positions are where the renditions stood when the page was begun, by name.
	Positions map[string]Position `json:"positions,omitempty"`
	// Ended is when the broadcast ended; zero before.
	Ended time.Time `json:"ended,omitzero"`
	// Archived is true when nothing of it waits any more.
	Archived bool `json:"archived,omitempty"`
	// Pictures are those that are kept with the replay, of a manifest.
	Pictures Pictures `json:"pictures,omitzero"`
}

// Meta identifies a broadcast.
type Meta struct {
	// Broadcast is its public id, which a later broadcast may have again; Token is unique.
	Broadcast string    `json:"broadcast"`
	Token     string    `json:"token"`
	Began     time.Time `json:"began"`
	// Owner is the token of the node's claim to the broadcast: another node that goes
	// on with it has another one.
	Owner string `json:"owner,omitempty"`
}

// NewToken returns a random token that is never used again.
func NewToken() string { return rand.Text()[:10] }

// Position is the state of a rendition.
type Position struct {
	Description
	// Next is the media sequence number of the next segment.
	Next int64 `json:"next"`
	// Discontinuities counts the segments so far that begin with a discontinuity.
	Discontinuities int64 `json:"discontinuities"`
	// Stored and Removed are the newest media sequence numbers that are recorded as stored
	// and as deleted; -1 when none is.
	Stored  int64 `json:"stored"`
	Removed int64 `json:"removed"`
}

// newPosition is where a rendition begins at a number.
func newPosition(next int64) Position {
	return Position{Next: next, Stored: -1, Removed: next - 1}
}

// SegmentOf describes s.
func SegmentOf(s *media.Segment) *Segment {
	return &Segment{
		Publication:   s.Publication,
		MSN:           s.MSN,
		Start:         s.Start,
		Duration:      s.Duration,
		Date:          s.ProgramDateTime.UTC().Truncate(time.Millisecond),
		Discontinuity: s.Discontinuity,
		Dependent:     !s.Independent,
		Size:          max(s.Size, 0),
	}
}

// Media returns the segment without its parts, whose bytes are in storage.
func (s *Segment) Media() *media.Segment {
	return &media.Segment{
		Publication:     s.Publication,
		MSN:             s.MSN,
		Start:           s.Start,
		Duration:        s.Duration,
		Size:            s.Size,
		ProgramDateTime: s.Date,
		Discontinuity:   s.Discontinuity,
		Independent:     !s.Dependent,
		Parts:           []*media.Part{{Publication: s.Publication, MSN: s.MSN, Number: media.NoNumber, Start: s.Start, Duration: s.Duration, Size: s.Size, Gap: s.Size == 0}},
	}
}

// End is the program date-time at which the segment ends.
func (s *Segment) End() time.Time { return s.Date.Add(s.Duration.Duration()) }

// append appends the record's line to b.
func (r *Record) append(b []byte) []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic("archive: record cannot be written: " + err.Error())
	}
	return append(append(b, text...), '\n')
}

// ErrVersion is wrapped by the error for a log of a later version.
var ErrVersion = errors.New("log is of a later version")

// parseRecord reads a line. It checks every value that becomes part of a file name, or
// that the program calculates with.
func parseRecord(line []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	return r, r.check()
}

func (r *Record) check() error {
	if r.Rendition != "" && !validName(r.Rendition) {
		return fmt.Errorf("%q is not a rendition", r.Rendition)
	}
	var complete bool
	switch r.Kind {
	case KindPage:
		complete = r.Header != nil
	case KindRendition:
		complete = r.Rendition != "" && r.Description != nil && r.Target > 0
	case KindSegment:
		complete = r.Rendition != "" && r.Segment != nil
	case KindPublication:
		complete = IsToken(r.Published)
	case KindStored, KindRemoved, KindLost:
		complete = r.Rendition != "" && r.Through != nil
	default: // a later version may have other kinds
		return nil
	}
	switch {
	case !complete:
		return fmt.Errorf("record %q is not complete", r.Kind)
	case r.Kind == KindPage:
		return r.Header.check()
	case r.Kind == KindSegment:
		return r.Segment.check()
	}
	return nil
}

// maxDuration bounds a segment's duration, in ticks: nothing golive writes is longer.
const maxDuration = 3600 * media.Second

func (s *Segment) check() error {
	switch {
	case !IsToken(s.Publication):
		return fmt.Errorf("%q is not a publication", s.Publication)
	case s.MSN < 0 || s.Size < 0 || s.Duration < 0 || s.Duration > maxDuration:
		return fmt.Errorf("segment %d has %d bytes and %d ticks", s.MSN, s.Size, s.Duration)
	}
	return nil
}

func (h *Header) check() error {
	switch {
	case h.Version > Version:
		return fmt.Errorf("%w: %d, and this program reads up to %d", ErrVersion, h.Version, Version)
	case h.Version < 1 || h.Page < 0:
		return fmt.Errorf("header of version %d, page %d", h.Version, h.Page)
	case !validName(h.Broadcast) || !IsToken(h.Token) || h.Owner != "" && !IsToken(h.Owner):
		return fmt.Errorf("%q with token %q and owner %q is not a broadcast", h.Broadcast, h.Token, h.Owner)
	}
	for _, token := range h.Publications {
		if !IsToken(token) {
			return fmt.Errorf("%q is not a publication", token)
		}
	}
	if err := h.Pictures.check(); err != nil {
		return err
	}
	for name := range h.Positions {
		if !validName(name) {
			return fmt.Errorf("%q is not a rendition", name)
		}
	}
	return nil
}

// validName reports whether n can be one element of a key.
func validName(n string) bool { return !strings.Contains(n, "/") && storage.CheckKey(n) == nil }

// IsToken reports whether t can be the token of a broadcast or of a publication: it consists of
// ASCII letters and digits only, so that no other token's file names begin with it.
func IsToken(t string) bool {
	return t != "" && len(t) <= 64 && strings.IndexFunc(t, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}
