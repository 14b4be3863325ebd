package hlscheck

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"
)

// mp4Container reads fragmented MP4 (ISO 14496-12 section 8.8).
type mp4Container struct {
	// sequence is the last sequence_number; 0 if there was none.
	sequence uint32
}

func (c *mp4Container) reset() { c.sequence = 0 }

func (c *mp4Container) demux(_ context.Context, init, data []byte) (*Contents, []structureFault, error) {
	r := &mp4Reader{sequence: c.sequence, streams: map[*track]*Stream{}}
	err := r.file(init, data)
	c.sequence = r.sequence
	if err != nil {
		return nil, r.found, err
	}
	return &Contents{Streams: r.order, produced: r.produced}, r.found, nil
}

// mp4Reader reads one segment.
type mp4Reader struct {
	found    structureFaults
	sequence uint32
	movie    *movie
	streams  map[*track]*Stream
	order    []*Stream
	produced []producedAt
	// prft are the ProducerReferenceTimeBoxes before the next fragment.
	prft []*mp4.PrftBox
}

// file reads a segment, given its initialization segment.
func (r *mp4Reader) file(init, data []byte) error {
	head, err := boxes(init, 0)
	if err != nil {
		return fmt.Errorf("initialization segment: %w", err)
	}
	for i, b := range head {
		if i == 0 && b.kind != "ftyp" {
			r.found.add(54, "the initialization segment begins with %s, not ftyp", b.kind)
		}
		switch b.kind {
		case "moov":
			if err := r.moov(b); err != nil {
				return fmt.Errorf("initialization segment: %w", err)
			}
		case "moof", "mdat":
			r.found.add(54, "the initialization segment has %s", b.kind)
		}
	}
	if len(init) > 0 && r.movie == nil {
		return errors.New("the initialization segment has no moov")
	}
	body, err := boxes(data, 0)
	if err != nil {
		return err
	}
	fragments := 0
	for i, b := range body {
		switch b.kind {
		case "moov":
			if len(init) > 0 {
				r.found.add(54, "moov in a segment that has an initialization segment")
			}
			err = r.moov(b)
		case "prft":
			err = r.reference(b)
		case "moof":
			err = r.moof(b, data, body[i+1:])
			fragments++
		case "mdat":
			if fragments == 0 {
				r.found.add(54, "mdat before the first moof")
			}
		}
		if err != nil {
			return err
		}
	}
	if fragments == 0 {
		return errors.New("there is no moof")
	}
	return nil
}

// moov begins the streams of a movie. A file may have several, for the fragments after them:
// their tracks with the same ID continue a stream.
func (r *mp4Reader) moov(b box) error {
	m, err := readMovie(b, &r.found)
	if err != nil {
		return err
	}
	r.movie = m
	for _, t := range m.tracks {
		i := slices.IndexFunc(r.order, func(s *Stream) bool { return s.ID == t.stream.ID })
		if i < 0 {
			s := t.stream
			r.order, r.streams[t] = append(r.order, &s), &s
			continue
		}
		s := r.order[i]
		if s.Codec != t.stream.Codec || s.Timescale != t.stream.Timescale {
			return fmt.Errorf("track %d became another one in the same file", s.ID)
		}
		r.streams[t] = s
	}
	slices.SortFunc(r.order, func(a, b *Stream) int { return int(a.ID) - int(b.ID) })
	return nil
}

// reference reads a producer reference time.
func (r *mp4Reader) reference(b box) error {
	prft, err := decodeBox[*mp4.PrftBox](b)
	if err != nil {
		return err
	}
	r.prft = append(r.prft, prft)
	return nil
}

// moof reads a fragment; after are the boxes after it.
func (r *mp4Reader) moof(b box, file []byte, after []box) error {
	if r.movie == nil {
		return errNoMovie
	}
	mfhd, err := decodeChild[*mp4.MfhdBox](b, "mfhd")
	if err != nil {
		return err
	}
	if mfhd.SequenceNumber <= r.sequence {
		r.found.add(54, "moof has the sequence number %d after %d", mfhd.SequenceNumber, r.sequence)
	}
	r.sequence = mfhd.SequenceNumber
	for _, p := range r.prft {
		t := r.movie.track(p.ReferenceTrackID)
		if t == nil {
			r.found.add(54, "prft is for track %d, which does not exist", p.ReferenceTrackID)
			continue
		}
		if at, ok := mediaTime(p.MediaTime); ok {
			r.produced = append(r.produced, producedAt{r.streams[t], at, p.NTPTimestamp.Time()})
		}
	}
	r.prft = nil
	trafs, err := b.children("traf")
	if err != nil {
		return err
	}
	f := &fragment{mp4Reader: r, moof: b, file: file, data: dataAfter(after), end: b.at}
	for _, m := range f.data {
		f.size += len(m.body)
	}
	for i, traf := range trafs {
		if err := f.traf(traf, i == 0); err != nil {
			return err
		}
	}
	f.checkData()
	return nil
}

// mediaTime returns a time of 64 bits, if it is one that sums do not overflow.
func mediaTime(t uint64) (int64, bool) { return int64(t), t < 1<<56 }

// dataAfter returns the mdat boxes before the next moof.
func dataAfter(list []box) (data []box) {
	for _, b := range list {
		if b.kind == "moof" {
			break
		}
		if b.kind == "mdat" {
			data = append(data, b)
		}
	}
	return data
}
