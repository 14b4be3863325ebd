// Package aac reads what a decoder of AAC (ISO 14496-3) must be told before it
// can decode, and writes the ADTS header that tells it in band.
//
// A configuration enters as the bytes of an AudioSpecificConfig and leaves as a
// Config. ADTS headers leave appended to the caller's bytes.
//
// Package aac does not know containers, tracks or time.
//
// It starts no goroutine.
package aac
