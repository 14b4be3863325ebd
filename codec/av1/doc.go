// Package av1 reads what a decoder of AV1 (AV1 Bitstream & Decoding Process Specification)
// must be told before it can decode.
//
// A configuration enters as the bytes of an AV1CodecConfigurationRecord, or as a sequence
// header, and leaves as a Config.
//
// Package av1 does not know containers, tracks or time.
//
// It starts no goroutine.
package av1
