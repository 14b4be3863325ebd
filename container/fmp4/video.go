package fmp4

import (
	"bytes"
	"encoding/binary"

	"golive/codec/h264"
	"golive/codec/hevc"
	"golive/media"
)

// The flags of a sample (ISO 14496-12 section 8.8.3.1).
const (
	isLeading        = 1 << 26 // shown before the key picture, and refers to pictures before that
	dependsOnOthers  = 1 << 24
	dependsOnNothing = 2 << 24
	isNotReferredTo  = 2 << 22
	isNoSync         = 1 << 16
)

// lengthSize is the size in bytes of the length before each NAL unit in a sample. It does
// not depend on the size in the access units.
const lengthSize = 4

// leading finds the leading pictures of an open GOP.
type leading struct {
	open  bool        // the newest key picture is an intra picture that is no IDR picture
	shown media.Ticks // its PTS
}

// flags returns the flags of the sample that u becomes.
//
// By ISO 14496-15 only an IDR picture is a sync sample. Other key pictures are marked as
// sync samples too, as ffmpeg and hls.js do: a player that relies on the flag could never
// start in a stream without IDR pictures. The beginning of a gradual refresh is also
// marked as depending on others: players that check both flags don't take it for a key
// picture.
func (l *leading) flags(u *media.AccessUnit) uint32 {
	if u.Key {
		*l = leading{open: u.Access == media.AccessOpen, shown: u.PTS}
		if u.Access == media.AccessGradual {
			return dependsOnOthers
		}
		return dependsOnNothing
	}
	if l.open && u.PTS < l.shown {
		return isLeading | dependsOnOthers | isNoSync
	}
	return dependsOnOthers | isNoSync
}

// margin is how many ticks before start the first picture is decoded if it is no key
// picture.
//
// Shaka Player computes the timestamp offset of the SourceBuffer from each part's tfdt and
// its time in the playlist. If the result differs by 1 ms or more from the offset in force,
// it calls abort and sets the new one; then Chromium drops all pictures before the next
// key picture. But a negative offset is set 1 ms too late on purpose (setTimestampOffset_
// in version 5.2), so for equal times rounding decides. With the margin the difference
// reaches 1 ms only at key pictures, where nothing is dropped.
const margin = 1

// planPicture plans the sample of the picture u, which is units[i].
func (m *Muxer) planPicture(i int, u *media.AccessUnit) {
	size, reference := scanPicture(u)
	if size == 0 {
		return
	}
	flags := m.leading.flags(u)
	if !reference {
		flags |= isNotReferredTo
	}
	at := m.video.base
	switch {
	case len(m.video.samples) > 0:
		// The part may begin later than its first picture is decoded, if the last one of the part
		// before was expected to be longer. Each sample needs a duration.
		at = max(int64(u.DTS+timeOffset), m.video.last+1)
	case u.Key && at > 0:
		at += margin
	}
	m.video.add(sample{
		unit: i, size: uint32(size), flags: flags,
		composition: int32(int64(u.PTS+timeOffset) - at),
	}, at)
}

// scanPicture returns the size in bytes of the sample that u becomes, 0 when there is
// nothing to decode, and whether other pictures may refer to it: only H.264 says that without
// regard to temporal layers.
func scanPicture(u *media.AccessUnit) (size int, reference bool) {
	if u.Track.Codec == media.AV1 {
		return len(u.Data), true
	}
	reference = u.Track.Codec != media.H264
	rest := u.Data
	for {
		nal, more, ok := h264.Next(rest, u.Track.NALLengthSize)
		if !ok {
			return size, reference
		}
		rest = more
		if isRedundant(u.Track, nal) {
			continue
		}
		size += lengthSize + len(nal)
		switch h264.Type(nal) {
		case h264.NonIDR, h264.IDR, partitionA:
			reference = reference || nal[0]&refIDC != 0
		default:
		}
	}
}

const (
	partitionA = 2    // a slice's first data partition
	refIDC     = 0x60 // nal_ref_idc
)

// appendPicture appends the pieces of the sample that u becomes: OBUs, or NAL units, each after its
// length. A truncated NAL unit ends it.
func appendPicture(pieces [][]byte, u *media.AccessUnit) [][]byte {
	if u.Track.Codec == media.AV1 {
		return append(pieces, u.Data)
	}
	rest := u.Data
	for {
		nal, more, ok := h264.Next(rest, u.Track.NALLengthSize)
		if !ok {
			return pieces
		}
		rest = more
		switch end := len(u.Data) - len(more); {
		case isRedundant(u.Track, nal):
		case u.Track.NALLengthSize == lengthSize:
			pieces = append(pieces, u.Data[end-len(nal)-lengthSize:end])
		default:
			pieces = append(pieces, binary.BigEndian.AppendUint32(nil, uint32(len(nal))), nal)
		}
	}
}

// isRedundant reports whether nal is left out of samples: access unit delimiters, since
// samples have sizes, and parameter sets that the sample entry contains, which don't belong into
// samples of "avc1" and "hvc1" (ISO 14496-15). A parameter set that differs is kept: the picture
// can't be decoded without it, and players accept it.
func isRedundant(t *media.Track, nal []byte) bool {
	delimiter, sets := kindOf(t, nal)
	if delimiter {
		return true
	}
	for _, set := range sets {
		if bytes.Equal(set, nal) {
			return true
		}
	}
	return false
}

// kindOf reports whether nal is an access unit delimiter. For a parameter set it returns those
// of its kind that the track has.
func kindOf(t *media.Track, nal []byte) (delimiter bool, sets [][]byte) {
	if t.Codec == media.HEVC {
		switch kind, ok := hevc.Type(nal); {
		case !ok:
			return true, nil // less than a header
		case kind == hevc.AUD:
			return true, nil
		case kind == hevc.VPS:
			return false, t.VPS
		case kind == hevc.SPS:
			return false, t.SPS
		case kind == hevc.PPS:
			return false, t.PPS
		}
		return false, nil
	}
	switch h264.Type(nal) {
	case h264.AUD:
		return true, nil
	case h264.SPS:
		return false, t.SPS
	case h264.PPS:
		return false, t.PPS
	default:
		return false, nil
	}
}
