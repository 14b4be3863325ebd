package hlscheck

import (
	"bytes"
	"crypto/md5" // #nosec G501 -- a fingerprint for comparison
	"encoding/hex"
	"fmt"
)

// The NAL unit types that are distinguished (ISO 14496-10 table 7-1).
const (
	nalIDR = 5
	nalSEI = 6
	nalSPS = 7
	nalPPS = 8
	nalAUD = 9
)

// NALs splits an Annex B byte stream (ISO 14496-10 annex B) into its NAL units,
// without start codes and trailing zero bytes.
func NALs(annexB []byte) [][]byte {
	var nals [][]byte
	startCode := []byte{0, 0, 1}
	at := bytes.Index(annexB, startCode)
	for at >= 0 {
		rest := annexB[at+len(startCode):]
		end := bytes.Index(rest, startCode)
		nal := rest
		if end >= 0 {
			nal = rest[:end]
			at += len(startCode) + end
		} else {
			at = -1
		}
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			nals = append(nals, nal)
		}
	}
	return nals
}

// PictureMD5 returns the MD5 of H.264 access units in Annex B, without the NAL units that
// containers add, move and repeat: access unit delimiters and parameter sets.
func PictureMD5(annexB ...[]byte) string {
	h := md5.New() // #nosec G401 -- as above
	for _, data := range annexB {
		for _, nal := range NALs(data) {
			switch nal[0] & 0x1f {
			case nalAUD, nalSPS, nalPPS:
			default:
				h.Write([]byte{0, 0, 0, 1})
				h.Write(nal)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// MD5 returns the MD5 of the concatenation of the pieces.
func MD5(pieces ...[]byte) string {
	h := md5.New() // #nosec G401 -- as above
	for _, p := range pieces {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// AudioFrame is one frame of AAC, without a header.
type AudioFrame struct {
	Data []byte
	// PTS is in the stream's timescale. Only the first frame of a unit has one; those of the
	// others are computed from the sample rate.
	PTS int64
	// First is set if the frame begins a unit.
	First bool
}

// AudioFrames splits the units of an AAC stream into frames. An ADTS frame (ISO 13818-7
// section 6.2) may not cross the end of its unit.
func AudioFrames(s *Stream) ([]AudioFrame, error) {
	var frames []AudioFrame
	for i := range s.Units {
		u := &s.Units[i]
		if !s.ADTS {
			frames = append(frames, AudioFrame{Data: u.Data, PTS: u.PTS, First: true})
			continue
		}
		rest := u.Data
		for n := int64(0); len(rest) > 0; n++ {
			header, size, rate, err := adtsHeader(rest)
			if err != nil {
				return nil, fmt.Errorf("unit %d of stream %d: %w", i, s.ID, err)
			}
			frames = append(frames, AudioFrame{
				Data: rest[header:size], PTS: u.PTS + n*1024*s.Timescale/int64(rate), First: n == 0,
			})
			rest = rest[size:]
		}
	}
	return frames, nil
}

// adtsHeader returns the size of the header, that of the whole frame, and the sample rate in
// Hz.
func adtsHeader(b []byte) (header, size, sampleRate int, err error) {
	if len(b) < 7 {
		return 0, 0, 0, fmt.Errorf("need 7 bytes of ADTS header, have %d", len(b))
	}
	if b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return 0, 0, 0, fmt.Errorf("no ADTS sync word: % x", b[:2])
	}
	rates := []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	index := int(b[2] >> 2 & 0x0f)
	size = int(b[3]&0x03)<<11 | int(b[4])<<3 | int(b[5])>>5
	header = 7
	if b[1]&1 == 0 { // protection_absent is not set: a checksum follows
		header += 2
	}
	if index >= len(rates) || size < header || size > len(b) {
		return 0, 0, 0, fmt.Errorf("ADTS frame of %d bytes with rate index %d in %d bytes", size, index, len(b))
	}
	return header, size, rates[index], nil
}
