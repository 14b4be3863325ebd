package fmp4

import (
	"bytes"
	"encoding/binary"

	"golive/codec/h264"
	"golive/media"
)

// The flags of a sample (ISO 14496-12 section 8.8.3.1).
const (
	isLeading        = 1 << 26 // it is shown before the intra picture, and refers to what is before that
	dependsOnOthers  = 1 << 24
	dependsOnNothing = 2 << 24
	isNotReferredTo  = 2 << 22
	isNoSync         = 1 << 16
)

// lengthSize is the size in bytes of the length before each NAL unit in a sample: the
// one that avcC says, whatever size it came with.
const lengthSize = 4

// leading finds the leading pictures of an open GOP.
type leading struct {
	open  bool        // the newest key picture is an intra picture that is no IDR picture
	shown media.Ticks // its PTS
}

// flags returns the flags of the sample that u becomes.
//
// Strictly only an IDR picture is a sync sample (ISO 14496-15). The
// other pictures that decoding can start from are marked so too, as ffmpeg and hls.js
// do: a player that goes by the mark alone could never begin in a stream that has no
// others. One that is not whole at once says that it depends on others, and players
// that look at both take it for what it is.
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

// margin is how much earlier than the playlist has it a part begins, unless it begins
// with a key picture: a tick.
//
// Shaka Player compares tfdt with the playlist at every part. Where its timeline is 1 ms
// off it begins a new one, which loses the pictures up to the next key picture; and it
// puts its timeline 1 ms late to begin with (setTimestampOffset_ in version 5). So of
// equal times the rounding of its floats decides. With the margin it can be off at key
// pictures only, and loses nothing there.
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
		at = max(int64(u.DTS+timeOffset), m.video.last)
	case u.Key && at > 0:
		at += margin
	}
	m.video.add(sample{
		unit: i, size: uint32(size), flags: flags,
		composition: int32(int64(u.PTS+timeOffset) - at),
	}, at)
}

// scanPicture returns the size in bytes of the sample that u becomes, 0 when there is
// nothing to decode, and whether other pictures may refer to it.
func scanPicture(u *media.AccessUnit) (size int, reference bool) {
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

// appendPicture appends the sample that u becomes: NAL units behind their lengths. A
// truncated one ends it.
func appendPicture(slab []byte, u *media.AccessUnit) []byte {
	rest := u.Data
	for {
		nal, more, ok := h264.Next(rest, u.Track.NALLengthSize)
		if !ok {
			return slab
		}
		rest = more
		if isRedundant(u.Track, nal) {
			continue
		}
		slab = binary.BigEndian.AppendUint32(slab, uint32(len(nal)))
		slab = append(slab, nal...)
	}
}

// isRedundant reports whether a sample does without nal: an access unit delimiter, since
// samples are delimited, or a parameter set that avcC holds already, which "avc1" does
// not allow in samples (ISO 14496-15 section 5.3.3.1). One that differs stays: without
// it the picture could not be decoded, and players take it.
func isRedundant(t *media.Track, nal []byte) bool {
	var sets [][]byte
	switch h264.Type(nal) {
	case h264.AUD:
		return true
	case h264.SPS:
		sets = t.SPS
	case h264.PPS:
		sets = t.PPS
	default:
		return false
	}
	for _, set := range sets {
		if bytes.Equal(set, nal) {
			return true
		}
	}
	return false
}
