package fmp4

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/google/go-cmp/cmp"

	"golive/media"
)

// The functions below read the Muxer's output with mp4ff, and compare it with the expected output,
// which they compute in the simplest way.

// sampleRead is a sample as mp4ff returned it, in the timescale of its track.
type sampleRead struct {
	DTS, PTS int64
	Duration uint32
	Flags    uint32
	Data     []byte
}

// partRead is the fragment of one part.
type partRead struct {
	sequence     uint32
	prft         *mp4.PrftBox
	start        int64 // tfdt of the pictures
	video, audio []sampleRead
}

// readParts reads an initialization segment and parts as one file, and checks what holds for every
// file.
func readParts(tb testing.TB, v, a *media.Track, parts ...[]byte) []partRead {
	tb.Helper()
	init, err := Init(v, a)
	if err != nil {
		tb.Fatal(err)
	}
	for i, part := range parts {
		if len(part) != cap(part) {
			tb.Fatalf("part %d has %d bytes and a capacity of %d", i, len(part), cap(part))
		}
	}
	file, err := mp4.DecodeFile(bytes.NewReader(slices.Concat(init, bytes.Join(parts, nil))))
	if err != nil {
		tb.Fatal(err)
	}
	if file.Size() != uint64(len(init)+len(bytes.Join(parts, nil))) {
		tb.Fatalf("the boxes have %d bytes, want those of the file", file.Size())
	}
	var fragments []*mp4.Fragment
	for _, s := range file.Segments {
		fragments = append(fragments, s.Fragments...)
	}
	if len(fragments) != len(parts) {
		tb.Fatalf("%d fragments in %d parts", len(fragments), len(parts))
	}
	read := make([]partRead, len(parts))
	i := -1
	for _, box := range file.Children { // mp4ff returns prft beside its fragment, not in it
		switch box.Type() {
		case "prft":
			read[i+1].prft = box.(*mp4.PrftBox)
		case "moof":
			i++
		}
	}
	for i, f := range fragments {
		read[i].read(tb, file.Init, v != nil, f)
		if want := uint32(i + 1); read[i].sequence != want {
			tb.Errorf("part %d has sequence number %d, want %d", i, read[i].sequence, want)
		}
	}
	return read
}

// read reads the samples of a fragment.
func (p *partRead) read(tb testing.TB, init *mp4.InitSegment, video bool, f *mp4.Fragment) {
	tb.Helper()
	p.sequence = f.Moof.Mfhd.SequenceNumber
	data := 0
	for _, traf := range f.Moof.Trafs {
		id := traf.Tfhd.TrackID
		if traf.Tfhd.HasBaseDataOffset() || !traf.Tfhd.DefaultBaseIfMoof() || traf.Tfdt == nil || traf.Tfdt.Version != 1 || len(traf.Truns) > 1 {
			tb.Fatalf("track %d: tfhd %+v, tfdt %+v, %d truns", id, traf.Tfhd, traf.Tfdt, len(traf.Truns))
		}
		trex, ok := init.Moov.Mvex.GetTrex(id)
		if !ok {
			tb.Fatalf("no track %d in moov", id)
		}
		full, err := f.GetFullSamples(trex)
		if err != nil {
			tb.Fatal(err)
		}
		samples := make([]sampleRead, len(full))
		for i, s := range full {
			samples[i] = sampleRead{int64(s.DecodeTime), s.PresentationTime(), s.Dur, s.Flags, s.Data}
			data += len(s.Data)
		}
		if video && id == 1 {
			p.video, p.start = samples, int64(traf.Tfdt.BaseMediaDecodeTime())
		} else {
			p.audio = samples
		}
	}
	if data != len(f.Mdat.Data) {
		tb.Errorf("samples have %d bytes of %d in mdat", data, len(f.Mdat.Data))
	}
}

// checkUnits checks that the parts have exactly the units. Part i is from times[i] to times[i+1].
func checkUnits(tb testing.TB, read []partRead, parts [][]media.AccessUnit, times []media.Ticks) {
	tb.Helper()
	for i, units := range parts {
		var pictures, frames []media.AccessUnit
		for _, u := range units {
			switch {
			case !u.Track.Video() && len(u.Data) > 0:
				frames = append(frames, u)
			case u.Track.Video() && len(plainSample(u)) > 0:
				pictures = append(pictures, u)
			}
		}
		checkPictures(tb, i, read[i].video, pictures, times[i], times[i+1])
		checkFrames(tb, i, read[i].audio, frames)
	}
}

// checkPictures compares pictures with exact times. The first one is decoded at start, or a tick
// before it if it is no key picture. Decoding times never go back.
func checkPictures(tb testing.TB, part int, read []sampleRead, units []media.AccessUnit, start, end media.Ticks) {
	tb.Helper()
	if len(read) != len(units) {
		tb.Fatalf("part %d has %d pictures, want %d", part, len(read), len(units))
	}
	at := max(start-1, -126_000)
	for i, u := range units {
		if i == 0 && u.Key && at > -126_000 {
			at++
		}
		until := end - 1
		if i+1 < len(units) {
			until = units[i+1].DTS
		}
		until = max(until, at)
		want := sampleRead{
			DTS: int64(at) + 126_000, PTS: int64(u.PTS) + 126_000,
			Duration: uint32(until - at), Flags: read[i].Flags, Data: plainSample(u),
		}
		at = until
		if diff := cmp.Diff(want, read[i]); diff != "" {
			tb.Fatalf("picture %d of part %d (-want +got):\n%s", i, part, diff)
		}
	}
}

// checkFrames compares audio frames, whose times may be off by 3 ms.
func checkFrames(tb testing.TB, part int, read []sampleRead, units []media.AccessUnit) {
	tb.Helper()
	if len(read) != len(units) {
		tb.Fatalf("part %d has %d audio frames, want %d", part, len(read), len(units))
	}
	for i, u := range units {
		rate := int64(u.Track.SampleRate)
		at := int64(u.PTS+126_000) * rate / 90_000
		if off := read[i].PTS - at; off*1000 > 3*rate+1000 || -off*1000 > 3*rate+1000 || read[i].DTS != read[i].PTS {
			tb.Fatalf("frame %d of part %d is at %d and %d, want %d", i, part, read[i].DTS, read[i].PTS, at)
		}
		if !bytes.Equal(read[i].Data, u.Data) {
			tb.Fatalf("frame %d of part %d has bytes % x, want % x", i, part, read[i].Data, u.Data)
		}
	}
}

// plainSample returns the expected sample of a video unit, or nil if it is left out.
func plainSample(u media.AccessUnit) []byte {
	if u.Track.Codec == media.AV1 {
		return u.Data
	}
	size := u.Track.NALLengthSize
	var out []byte
	for rest := u.Data; len(rest) >= size; {
		n := uint64(0)
		for _, b := range rest[:size] {
			n = n<<8 | uint64(b)
		}
		rest = rest[size:]
		if n > uint64(len(rest)) {
			break
		}
		nal := rest[:n]
		rest = rest[n:]
		delimiter := n > 0 && nal[0]&0x1f == 9
		if u.Track.Codec == media.HEVC {
			delimiter = n < 2 || nal[0]>>1&0x3f == 35
		}
		if n == 0 || delimiter || slices.ContainsFunc(slices.Concat(u.Track.VPS, u.Track.SPS, u.Track.PPS), func(set []byte) bool { return bytes.Equal(set, nal) }) {
			continue
		}
		out = append(binary.BigEndian.AppendUint32(out, uint32(n)), nal...)
	}
	return out
}
