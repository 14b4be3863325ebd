package hlscheck

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	eyevinn "github.com/Eyevinn/hls-m3u8/m3u8"
	grafov "github.com/grafov/m3u8"
)

// entry holds the fields of a segment or variant that all readers return.
type entry struct {
	uri string
	// number is a segment's media sequence number, or a variant's BANDWIDTH.
	number int64
	// duration is that of a segment.
	duration time.Duration
}

// same compares two entries, with a tolerance for durations as floats.
func (e entry) same(o entry) bool {
	return e.uri == o.uri && e.number == o.number && (e.duration-o.duration).Abs() <= time.Microsecond
}

// reader is an independent decoder of playlists.
type reader struct {
	name string
	read func(text []byte) ([]entry, error)
}

func readers() []reader {
	return []reader{{"grafov/m3u8", readGrafov}, {"Eyevinn/hls-m3u8", readEyevinn}}
}

// checkMediaReaders checks rule 0 with other decoders: they must find the same segments.
func checkMediaReaders(r *report, text []byte, m *Media) {
	want := make([]entry, len(m.Segments))
	for i := range m.Segments {
		s := &m.Segments[i]
		// The others ignore EXT-X-SKIP.
		want[i] = entry{s.URI, s.MSN - m.Skipped, s.Duration}
	}
	compareReaders(r, text, "segments", want, func(err error) bool { return isExcused(err, m) })
}

// isExcused reports whether Eyevinn/hls-m3u8 refused what the draft allows: parts before
// the first segment (a stream's first seconds), a part's range without an offset,
// and a SCTE-35 date range after the last segment.
func isExcused(err error, m *Media) bool {
	early := len(m.Parts) > 0 && len(m.Segments) == 0 || len(m.Segments) > 0 && len(m.Segments[0].Parts) > 0
	ranged := false
	for i := range m.Segments {
		for _, p := range m.Segments[i].Parts {
			ranged = ranged || p.Bytes.Length > 0
		}
	}
	for _, p := range m.Parts {
		ranged = ranged || p.Bytes.Length > 0
	}
	return early && errors.Is(err, eyevinn.ErrPlaylistEmpty) ||
		ranged && strings.Contains(err.Error(), "byterange") ||
		errors.Is(err, eyevinn.ErrDanglingSCTE35DateRange)
}

// checkMultivariantReaders does the same for the variants.
func checkMultivariantReaders(r *report, text []byte, m *Multivariant) {
	want := make([]entry, len(m.Variants))
	for i := range m.Variants {
		want[i] = entry{uri: m.Variants[i].URI, number: int64(uint32(m.Variants[i].Bandwidth))} // as wide as theirs
	}
	compareReaders(r, text, "variants", want, func(error) bool { return false })
}

func compareReaders(r *report, text []byte, what string, want []entry, excused func(error) bool) {
	for _, other := range readers() {
		got, err := other.readSafely(text)
		switch {
		case err != nil && excused(err):
		case err != nil:
			r.add(0, 0, "%s refuses the playlist: %v", other.name, err)
		case got == nil:
		case len(got) != len(want):
			r.add(0, 0, "%s reads %d %s where there are %d", other.name, len(got), what, len(want))
		default:
			for i := range want {
				if !got[i].same(want[i]) {
					r.add(0, 0, "%s reads %v where there is %v", other.name, got[i], want[i])
					break
				}
			}
		}
	}
}

// readSafely calls read, and returns nothing if it panics, as both do for some texts that are not
// playlists.
func (o reader) readSafely(text []byte) (entries []entry, err error) {
	defer func() {
		if recover() != nil {
			entries, err = nil, nil
		}
	}()
	return o.read(text)
}

func (e entry) String() string {
	if e.duration == 0 {
		return fmt.Sprintf("%s of %d bit/s", e.uri, e.number)
	}
	return fmt.Sprintf("segment %d, %s of %v", e.number, e.uri, e.duration)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second))
}

func readGrafov(text []byte) ([]entry, error) {
	p, _, err := grafov.DecodeFrom(bytes.NewReader(text), true)
	if err != nil {
		return nil, err
	}
	entries := []entry{}
	switch p := p.(type) {
	case *grafov.MediaPlaylist:
		for i := range p.Count() {
			s := p.Segments[i]
			entries = append(entries, entry{s.URI, int64(s.SeqId), seconds(s.Duration)})
		}
	case *grafov.MasterPlaylist:
		for _, v := range p.Variants {
			if !v.Iframe {
				entries = append(entries, entry{uri: v.URI, number: int64(v.Bandwidth)})
			}
		}
	}
	return entries, nil
}

func readEyevinn(text []byte) ([]entry, error) {
	p, _, err := eyevinn.DecodeFrom(bytes.NewReader(text), true)
	if err != nil {
		return nil, err
	}
	entries := []entry{}
	switch p := p.(type) {
	case *eyevinn.MediaPlaylist:
		for _, s := range p.GetAllSegments() {
			entries = append(entries, entry{s.URI, int64(s.SeqId), seconds(s.Duration)})
		}
	case *eyevinn.MasterPlaylist:
		for _, v := range p.Variants {
			if !v.Iframe {
				entries = append(entries, entry{uri: v.URI, number: int64(v.Bandwidth)})
			}
		}
	}
	return entries, nil
}
