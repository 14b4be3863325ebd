package ingesttest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
)

// Hex returns the bytes of a hexadecimal string. It panics if s is none.
func Hex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// AVCConfig returns the FLV body of a sequence header with parameter sets by x264, 320x240.
func AVCConfig() []byte {
	sps, pps := Hex("6764000dacd94141fb011000000300100000030320f1429960"), Hex("68ebe3cb22c0")
	b := append(Hex("1700000000"+"0164000dffe1"), byte(len(sps)>>8), byte(len(sps)))
	b = append(append(b, sps...), 1, byte(len(pps)>>8), byte(len(pps)))
	return append(b, pps...)
}

// Picture returns the FLV body of a picture with one NAL unit of size bytes.
func Picture(key bool, size int) []byte {
	b, nal := Hex("2701000000"), byte(0x41)
	if key {
		b, nal = Hex("1701000000"), 0x65
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = append(b, nal)
	return append(b, bytes.Repeat([]byte{0x88}, size-1)...)
}

// AACConfig returns the FLV body of a sequence header of AAC-LC, stereo at 48 kHz.
func AACConfig() []byte { return Hex("af001190") }

// AACFrame returns the FLV body of a frame of AAC.
func AACFrame() []byte { return Hex("af01210049900219") }
