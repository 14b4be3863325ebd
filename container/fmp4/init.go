package fmp4

import (
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"golive/media"
)

// Init returns the initialization segment of a rendition, ftyp and moov. Either track
// may be nil, and not both. The same tracks make the same bytes.
func Init(video, audio *media.Track) ([]byte, error) {
	moov := mp4.NewMoovBox()
	mvhd := mp4.CreateMvhd()
	mvhd.NextTrackID = 1
	moov.AddChild(mvhd)
	mvex := mp4.NewMvexBox()
	for _, t := range []*media.Track{video, audio} {
		if t == nil {
			continue
		}
		trak, err := newTrak(mvhd.NextTrackID, t)
		if err != nil {
			return nil, fmt.Errorf("fmp4: %s: %w", t.Codec, err)
		}
		mvhd.NextTrackID++
		moov.AddChild(trak)
		mvex.AddChild(mp4.CreateTrex(trak.Tkhd.TrackID))
	}
	if len(moov.Traks) == 0 {
		return nil, errors.New("fmp4: no track")
	}
	moov.AddChild(mvex)

	init := mp4.NewMP4Init()
	init.AddChild(brands(len(moov.Traks)))
	init.AddChild(moov)
	w := bits.NewFixedSliceWriter(int(init.Size()))
	if err := init.EncodeSW(w); err != nil {
		return nil, fmt.Errorf("fmp4: write initialization segment: %w", err)
	}
	return w.Bytes(), nil
}

// brands returns the file type: "iso6" has default-base-is-moof and tfdt (ISO 14496-12
// annex E). A file with one track is a CMAF track file, of "cmf2" because composition
// offsets have a sign and there is no edit list (ISO 23000-19 section 7.2); one with two
// can be none.
func brands(tracks int) *mp4.FtypBox {
	if tracks == 1 {
		return mp4.NewFtyp("cmf2", 0, []string{"iso6", "cmfc", "cmf2", "mp41"})
	}
	return mp4.NewFtyp("iso6", 0, []string{"iso6", "mp41"})
}

// newTrak returns the TrackBox of t.
func newTrak(id uint32, t *media.Track) (*mp4.TrakBox, error) {
	if t.Codec.Video() {
		entry, shape, err := sampleEntry(t)
		if err != nil {
			return nil, err
		}
		trak := mp4.CreateEmptyTrak(id, uint32(videoTimescale), "video", "und")
		// The shape of the pixels stretches the width; the height is the picture's own.
		trak.Tkhd.Width = mp4.Fixed32(uint64(t.Width) << 16 * uint64(shape.HSpacing) / uint64(shape.VSpacing))
		trak.Tkhd.Height = mp4.Fixed32(t.Height << 16)
		trak.Mdia.Minf.Stbl.Stsd.AddChild(entry)
		return trak, nil
	}
	entry, err := audioEntry(t)
	if err != nil {
		return nil, err
	}
	trak := mp4.CreateEmptyTrak(id, uint32(t.SampleRate), "audio", "und")
	trak.Mdia.Minf.Stbl.Stsd.AddChild(entry)
	return trak, nil
}
