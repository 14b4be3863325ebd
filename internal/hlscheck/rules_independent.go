package hlscheck

import (
	"context"
	"math/bits"
)

// checkVideoStart checks rule 23 for a segment that is declared independent.
func (a *analyser) checkVideoStart(t *Transport) {
	video := t.Video()
	if video == nil || video.Type != TypeH264 {
		return
	}
	if len(video.PES) == 0 {
		a.add(23, "EXT-X-INDEPENDENT-SEGMENTS, and the segment has no video access unit")
		return
	}
	if u := inspect(video.PES[0].Data); !u.idr || !u.sps || !u.pps {
		a.add(23, "EXT-X-INDEPENDENT-SEGMENTS, and the first video access unit has SPS %t, PPS %t, IDR %t; want all", u.sps, u.pps, u.idr)
	}
}

// checkPart checks rule 23 for a part with INDEPENDENT=YES: a picture in it can be decoded on
// its own. That may be the intra picture of an open GOP.
func (n *run) checkPart(ctx context.Context, p *FetchedPart) {
	if !p.Independent || p.Err != nil || formatOf(p.Data) != formatTS {
		return
	}
	t, err := Demux(ctx, p.Data)
	if err != nil {
		return // rule 24 is checked on the segment
	}
	video := t.Video()
	if video == nil || video.Type != TypeH264 {
		return
	}
	for i := range video.PES {
		if u := inspect(video.PES[i].Data); u.sps && u.pps && (u.idr || u.intra) {
			return
		}
	}
	n.fetcher.add(23, p.URL, "INDEPENDENT=YES, and no picture of the part is decoded on its own, with its parameter sets")
}

// accessUnit describes an H.264 access unit.
type accessUnit struct {
	sps, pps, idr bool
	intra         bool // all slices are I or SI
}

func inspect(annexB []byte) accessUnit {
	const (
		nalSlice     = 1
		nalPartition = 2
	)
	var u accessUnit
	slices, predicted := 0, 0
	for _, nal := range NALs(annexB) {
		switch nal[0] & 0x1f {
		case nalSPS:
			u.sps = true
		case nalPPS:
			u.pps = true
		case nalIDR:
			u.idr = true
		case nalSlice, nalPartition:
			slices++
			if !isIntra(nal) {
				predicted++
			}
		}
	}
	u.intra = slices > 0 && predicted == 0
	return u
}

// isIntra reports whether a slice is I or SI: it reads slice_type, the second ue(v) of the
// slice header (ISO 14496-10 sections 7.3.3 and 9.1).
func isIntra(nal []byte) bool {
	var window uint64
	zeros, size := 0, 0
	for _, c := range nal[1:] {
		if zeros >= 2 && c == 3 { // emulation prevention
			zeros = 0
			continue
		}
		zeros++
		if c != 0 {
			zeros = 0
		}
		if window = window<<8 | uint64(c); size == 56 {
			size += 8
			break
		}
		size += 8
	}
	window <<= 64 - size
	first := 2*bits.LeadingZeros64(window) + 1 // bits of first_mb_in_slice
	if first > 35 {
		return false
	}
	window <<= first
	length := 2*bits.LeadingZeros64(window) + 1
	if length > 7 || first+length > size {
		return false
	}
	kind := window>>(64-length) - 1
	return kind%5 == 2 || kind%5 == 4
}
