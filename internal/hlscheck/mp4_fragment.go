package hlscheck

import (
	"encoding/binary"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"
)

// fragment is a MovieFragmentBox that is being read, with its data.
type fragment struct {
	*mp4Reader
	moof box
	file []byte
	data []box // mdat
	// end is where the data of the last run end; used the number of bytes of all samples.
	end, used int
	// size is the number of bytes of data.
	size int
}

// traf reads a TrackFragmentBox (section 8.8.6).
func (f *fragment) traf(b box, first bool) error {
	tfhd, err := decodeChild[*mp4.TfhdBox](b, "tfhd")
	if err != nil {
		return err
	}
	t := f.movie.track(tfhd.TrackID)
	if t == nil {
		return fmt.Errorf("traf is for track %d, which does not exist", tfhd.TrackID)
	}
	s := f.streams[t]
	base, err := f.base(tfhd, first)
	if err != nil {
		return err
	}
	at, err := f.decodeTime(b, s)
	if err != nil {
		return err
	}
	s.Fragments = append(s.Fragments, Fragment{DTS: at, First: len(s.Units)})
	runs, err := b.children("trun")
	if err != nil {
		return err
	}
	f.end = base
	for _, run := range runs {
		trun, err := decodeBox[*mp4.TrunBox](run)
		if err != nil {
			return err
		}
		trun.AddSampleDefaultValues(tfhd, t.trex)
		if len(trun.Samples) > 0 && !trun.HasSampleSize() && trun.Samples[0].Size == 0 {
			return fmt.Errorf("trun of track %d has %d samples without a size", tfhd.TrackID, len(trun.Samples))
		}
		if trun.HasDataOffset() {
			f.end = base + int(trun.DataOffset)
		}
		if at, err = f.run(t, trun.Samples, at); err != nil {
			return err
		}
	}
	return nil
}

// base returns where the data offsets of a track fragment begin (section 8.8.7.1). Segments
// are read by themselves, so only the beginning of moof is well defined.
func (f *fragment) base(tfhd *mp4.TfhdBox, first bool) (int, error) {
	switch {
	case tfhd.HasBaseDataOffset():
		f.found.add(54, "tfhd of track %d has a base-data-offset, which a segment must not have", tfhd.TrackID)
		if tfhd.BaseDataOffset > uint64(len(f.file)) {
			return 0, fmt.Errorf("the data of track %d begin at %d, behind the end of the segment", tfhd.TrackID, tfhd.BaseDataOffset)
		}
		return int(tfhd.BaseDataOffset), nil
	case !tfhd.DefaultBaseIfMoof():
		f.found.add(54, "tfhd of track %d has no default-base-is-moof", tfhd.TrackID)
		if !first {
			return f.end, nil
		}
	}
	return f.moof.at, nil
}

// decodeTime reads tfdt (section 8.8.12).
func (f *fragment) decodeTime(traf box, s *Stream) (int64, error) {
	list, err := traf.children("tfdt")
	if err != nil {
		return 0, err
	}
	if len(list) == 0 {
		f.found.add(54, "traf of track %d has no tfdt", s.ID)
		if n := len(s.Units); n > 0 {
			return s.Units[n-1].DTS + s.Units[n-1].Duration, nil
		}
		return 0, nil
	}
	tfdt, err := decodeBox[*mp4.TfdtBox](list[0])
	if err != nil {
		return 0, err
	}
	at, ok := mediaTime(tfdt.BaseMediaDecodeTime())
	if !ok {
		return 0, fmt.Errorf("tfdt of track %d is %d", s.ID, tfdt.BaseMediaDecodeTime())
	}
	return at, nil
}

// run reads the samples of a TrackRunBox, of which the first one is decoded at a time, and
// returns when the next one is.
func (f *fragment) run(t *track, samples []mp4.Sample, at int64) (int64, error) {
	const nonSync = 0x10000 // sample_is_non_sync_sample (section 8.8.3.1)
	s := f.streams[t]
	for i := range samples {
		sample := &samples[i]
		data, err := f.sample(int(sample.Size))
		if err == nil && t.lengthSize > 0 {
			data, err = annexBOf(data, t.lengthSize)
		}
		if err != nil {
			return 0, fmt.Errorf("sample %d of track %d: %w", len(s.Units), s.ID, err)
		}
		s.Units = append(s.Units, Unit{
			DTS: at, PTS: at + int64(sample.CompositionTimeOffset) + t.shift, Duration: int64(sample.Dur),
			Key: sample.Flags&nonSync == 0, Data: data,
		})
		at += int64(sample.Dur)
	}
	return at, nil
}

// sample returns the next bytes of data, which must be in a mdat of the fragment.
func (f *fragment) sample(size int) ([]byte, error) {
	from := f.end
	if f.used+size > f.size {
		return nil, fmt.Errorf("the samples have more than the %d bytes of mdat", f.size)
	}
	for _, m := range f.data {
		begin := m.at + len(m.raw) - len(m.body)
		if from >= begin && from+size <= begin+len(m.body) {
			f.end += size
			f.used += size
			return f.file[from : from+size : from+size], nil
		}
	}
	return nil, fmt.Errorf("its %d bytes at offset %d are not in the mdat of the fragment", size, from)
}

// checkData checks that the samples fill mdat.
func (f *fragment) checkData() {
	switch {
	case len(f.data) == 0:
		f.found.add(54, "moof without mdat")
	case f.used != f.size:
		f.found.add(54, "mdat has %d bytes, and the samples of its moof %d", f.size, f.used)
	}
}

// annexBOf replaces the lengths of NAL units by start codes.
func annexBOf(sample []byte, lengthSize int) ([]byte, error) {
	out := make([]byte, 0, len(sample))
	for rest := sample; len(rest) > 0; {
		if len(rest) < lengthSize {
			return nil, fmt.Errorf("%d bytes after the last NAL unit", len(rest))
		}
		size := binary.BigEndian.Uint32(rest)
		rest = rest[lengthSize:]
		if uint64(size) > uint64(len(rest)) {
			return nil, fmt.Errorf("a NAL unit of %d bytes where %d are left", size, len(rest))
		}
		out = append(out, 0, 0, 0, 1)
		out = append(out, rest[:size]...)
		rest = rest[size:]
	}
	return out, nil
}
