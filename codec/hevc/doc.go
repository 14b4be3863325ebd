// Package hevc reads what a decoder of HEVC (ITU-T H.265, ISO 23008-2) must be told
// before it can decode.
//
// A configuration enters as the bytes of an HEVCDecoderConfigurationRecord, or as
// parameter sets, and leaves as a Config.
//
// Package hevc does not know containers, tracks or time.
//
// It starts no goroutine.
package hevc
