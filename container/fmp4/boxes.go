package fmp4

import (
	"encoding/binary"
	"time"
)

// The sizes of boxes in bytes, trun's without samples and tfhd's without defaults.
const (
	boxHeaderSize = 8
	prftSize      = 32
	mfhdSize      = 16
	tfhdSize      = 16
	tfdtSize      = 20
	trunSize      = 20
)

// The flags of tfhd and trun (ISO 14496-12 sections 8.8.7.1 and 8.8.8.1).
const (
	tfhdDefaultDuration   = 0x000008
	tfhdDefaultFlags      = 0x000020
	tfhdDefaultBaseIsMoof = 0x020000

	trunDataOffset  = 0x001
	trunDuration    = 0x100
	trunSampleSize  = 0x200
	trunFlags       = 0x400
	trunComposition = 0x800
)

// boxWriter appends boxes to a slab.
type boxWriter struct{ slab []byte }

func (w *boxWriter) u32(v uint32) { w.slab = binary.BigEndian.AppendUint32(w.slab, v) }
func (w *boxWriter) u64(v uint64) { w.slab = binary.BigEndian.AppendUint64(w.slab, v) }

// header begins a box of that many bytes.
func (w *boxWriter) header(size int, name string) {
	w.u32(uint32(size))
	w.slab = append(w.slab, name...)
}

// fullHeader begins a FullBox.
func (w *boxWriter) fullHeader(size int, name string, version uint8, flags uint32) {
	w.header(size, name)
	w.u32(uint32(version)<<24 | flags)
}

// reference is a sample by its track and its presentation time.
type reference struct {
	track uint32
	at    int64
}

// prft writes a ProducerReferenceTimeBox (section 8.16.5): when the reference sample
// left the encoder, as far as we know. Seconds of NTP begin in 1900, and again in 2036.
func (w *boxWriter) prft(r reference, arrived time.Time) {
	const (
		encoderOutput = 1
		unixEpoch     = 2_208_988_800
	)
	w.fullHeader(prftSize, "prft", 1, encoderOutput)
	w.u32(r.track)
	w.u32(uint32(arrived.Unix() + unixEpoch))
	w.u32(uint32(uint64(arrived.Nanosecond()) << 32 / uint64(time.Second)))
	w.u64(uint64(r.at))
}

// mfhd writes a MovieFragmentHeaderBox (section 8.8.5).
func (w *boxWriter) mfhd(sequence uint32) {
	w.fullHeader(mfhdSize, "mfhd", 0, 0)
	w.u32(sequence)
}

// traf writes a TrackFragmentBox (section 8.8.6) if there is one. The data of its samples
// are at an offset from the beginning of moof.
func (w *boxWriter) traf(r *run, offset int) {
	if r.empty() {
		return
	}
	w.header(r.trafSize(), "traf")
	w.tfhd(r)
	w.fullHeader(tfdtSize, "tfdt", 1, 0)
	w.u64(uint64(r.base))
	if len(r.samples) > 0 {
		w.trun(r, offset)
	}
}

// tfhd writes a TrackFragmentHeaderBox (section 8.8.7).
func (w *boxWriter) tfhd(r *run) {
	flags := uint32(tfhdDefaultBaseIsMoof)
	if r.hasDefaults() {
		flags |= tfhdDefaultDuration | tfhdDefaultFlags
	}
	w.fullHeader(r.tfhdSize(), "tfhd", 0, flags)
	w.u32(r.track)
	if r.hasDefaults() {
		w.u32(r.samples[0].duration)
		w.u32(r.samples[0].flags)
	}
}

// trun writes a TrackRunBox (section 8.8.8). Version 1 has composition offsets with a
// sign.
func (w *boxWriter) trun(r *run, offset int) {
	flags := uint32(trunDataOffset | trunSampleSize)
	if !r.even {
		flags |= trunDuration | trunFlags
	}
	if !r.simple {
		flags |= trunComposition
	}
	w.fullHeader(r.trunSize(), "trun", 1, flags)
	w.u32(uint32(len(r.samples)))
	w.u32(uint32(offset))
	for i := range r.samples {
		s := &r.samples[i]
		if !r.even {
			w.u32(s.duration)
		}
		w.u32(s.size)
		if !r.even {
			w.u32(s.flags)
		}
		if !r.simple {
			w.u32(uint32(s.composition))
		}
	}
}
