package hlscheck

import (
	"fmt"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"
)

// movie is a MovieBox: the tracks of a file.
type movie struct {
	tracks []*track
}

// track is a track of a movie.
type track struct {
	// stream is a description of it, without units.
	stream Stream
	trex   *mp4.TrexBox
	// shift is added to composition times by the edit list.
	shift int64
	// lengthSize is the size of the length of a NAL unit; 0 if samples have none.
	lengthSize int
}

func (m *movie) track(id uint32) *track {
	i := slices.IndexFunc(m.tracks, func(t *track) bool { return t.stream.ID == id })
	if i < 0 {
		return nil
	}
	return m.tracks[i]
}

// readMovie reads a MovieBox (ISO 14496-12 section 8.2.1).
func readMovie(moov box, found *structureFaults) (*movie, error) {
	mvhd, err := decodeChild[*mp4.MvhdBox](moov, "mvhd")
	if err != nil {
		return nil, err
	}
	traks, err := moov.children("trak")
	if err != nil {
		return nil, err
	}
	m := &movie{}
	for _, trak := range traks {
		t, err := readTrack(trak, int64(mvhd.Timescale), found)
		if err != nil {
			return nil, err
		}
		if m.track(t.stream.ID) != nil {
			return nil, fmt.Errorf("two tracks have ID %d", t.stream.ID)
		}
		m.tracks = append(m.tracks, t)
	}
	if len(m.tracks) == 0 {
		return nil, fmt.Errorf("moov has no track")
	}
	slices.SortFunc(m.tracks, func(a, b *track) int { return int(a.stream.ID) - int(b.stream.ID) })
	mvex, err := moov.child("mvex")
	if err != nil {
		return nil, err
	}
	defaults, err := mvex.children("trex")
	if err != nil {
		return nil, err
	}
	for _, b := range defaults {
		trex, err := decodeBox[*mp4.TrexBox](b)
		if err != nil {
			return nil, err
		}
		if t := m.track(trex.TrackID); t != nil {
			t.trex = trex
		}
	}
	for _, t := range m.tracks {
		if t.trex == nil {
			return nil, fmt.Errorf("mvex has no trex for track %d", t.stream.ID)
		}
	}
	return m, nil
}

// readTrack reads a TrackBox.
func readTrack(trak box, movieTimescale int64, found *structureFaults) (*track, error) {
	tkhd, err := decodeChild[*mp4.TkhdBox](trak, "tkhd")
	if err != nil {
		return nil, err
	}
	mdhd, err := decodeChild[*mp4.MdhdBox](trak, "mdia", "mdhd")
	if err != nil {
		return nil, err
	}
	hdlr, err := decodeChild[*mp4.HdlrBox](trak, "mdia", "hdlr")
	if err != nil {
		return nil, err
	}
	if mdhd.Timescale == 0 || movieTimescale == 0 {
		return nil, fmt.Errorf("track %d has a timescale of 0", tkhd.TrackID)
	}
	t := &track{stream: Stream{ID: tkhd.TrackID, Timescale: int64(mdhd.Timescale)}}
	if err := t.readEntry(trak, hdlr.HandlerType, found); err != nil {
		return nil, fmt.Errorf("track %d: %w", tkhd.TrackID, err)
	}
	return t, t.readEdits(trak, movieTimescale)
}

// readEntry reads the sample entry. Samples in moov itself are not fragmented MP4.
func (t *track) readEntry(trak box, handler string, found *structureFaults) error {
	stbl, err := trak.child("mdia", "minf", "stbl")
	if err != nil {
		return err
	}
	stsd, err := stbl.child("stsd")
	if err != nil {
		return err
	}
	const fields = 8 // version, flags, entry_count
	if len(stsd.body) < fields {
		return fmt.Errorf("stsd of %d bytes", len(stsd.body))
	}
	entries, err := boxes(stsd.body[fields:], stsd.at)
	if err != nil {
		return fmt.Errorf("in stsd: %w", err)
	}
	if len(entries) == 0 {
		return fmt.Errorf("stsd has no sample entry")
	}
	if len(entries) > 1 {
		found.add(54, "track %d has %d sample entries, and only the first is read", t.stream.ID, len(entries))
	}
	if stts, err := stbl.child("stts"); err == nil && len(stts.body) > fields {
		found.add(54, "the initialization segment has samples of track %d", t.stream.ID)
	}
	return t.describe(entries[0], handler, found)
}

// readEdits reads the edit list (section 8.6.6): an empty edit delays the track, and the next
// one gives the composition time that is presented then.
func (t *track) readEdits(trak box, movieTimescale int64) error {
	lists, err := trak.children("edts")
	if err != nil || len(lists) == 0 {
		return err
	}
	elst, err := decodeChild[*mp4.ElstBox](lists[0], "elst")
	if err != nil {
		return err
	}
	for _, e := range elst.Entries {
		if e.MediaTime >= 0 {
			t.shift -= e.MediaTime
			return nil
		}
		const most = 1 << 40 // so that no time overflows
		t.shift += int64(min(e.SegmentDuration, most)) / movieTimescale * t.stream.Timescale
		t.shift += int64(min(e.SegmentDuration, most)) % movieTimescale * t.stream.Timescale / movieTimescale
	}
	return nil
}
