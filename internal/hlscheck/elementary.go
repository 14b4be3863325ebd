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

// Payloads returns the PES payloads of the stream in order.
func (s *Stream) Payloads() [][]byte {
	p := make([][]byte, len(s.PES))
	for i := range s.PES {
		p[i] = s.PES[i].Data
	}
	return p
}

// ADTSFrame is one audio frame with its header (ISO 13818-7 section 6.2).
type ADTSFrame struct {
	Data []byte
	// PTS is in 90 kHz ticks. Only the first frame of a PES packet has one; those of the
	// others are computed from the sample rate.
	PTS int64
	// First is set if the frame begins a PES packet.
	First bool
	// SampleRate is in Hz.
	SampleRate int
}

// ADTSFrames splits an ADTS stream into its frames. A frame may not cross the end
// of its PES.
func ADTSFrames(s *Stream) ([]ADTSFrame, error) {
	var frames []ADTSFrame
	for i := range s.PES {
		rest := s.PES[i].Data
		for n := int64(0); len(rest) > 0; n++ {
			size, rate, err := adtsHeader(rest)
			if err != nil {
				return nil, fmt.Errorf("PES %d on PID %d: %w", i, s.PID, err)
			}
			frames = append(frames, ADTSFrame{
				Data: rest[:size], PTS: s.PES[i].PTS + n*1024*90_000/int64(rate), First: n == 0, SampleRate: rate,
			})
			rest = rest[size:]
		}
	}
	return frames, nil
}

func adtsHeader(b []byte) (size, sampleRate int, err error) {
	if len(b) < 7 {
		return 0, 0, fmt.Errorf("need 7 bytes of ADTS header, have %d", len(b))
	}
	if b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return 0, 0, fmt.Errorf("no ADTS sync word: % x", b[:2])
	}
	rates := []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	index := int(b[2] >> 2 & 0x0f)
	size = int(b[3]&0x03)<<11 | int(b[4])<<3 | int(b[5])>>5
	if index >= len(rates) || size < 7 || size > len(b) {
		return 0, 0, fmt.Errorf("ADTS frame of %d bytes with rate index %d in %d bytes", size, index, len(b))
	}
	return size, rates[index], nil
}
