// Package aac reads what a decoder of AAC (ISO 14496-3) must be told before it
// can decode, and writes the ADTS header that tells it in band.
//
// A configuration enters as the bytes of an AudioSpecificConfig, or as an ADTS header
// with its frame, and leaves as a Config. ADTS headers leave appended to the caller's
// bytes.
//
// HE-AAC that neither of them signals is not looked for inside the frames: the SBR
// data stand behind the Huffman codes of all channels, and "mp4a.40.2" is what
// implicit signalling means to a player (ISO 14496-3 section 1.6.5.3).
//
// Package aac does not know containers, tracks or time.
//
// It starts no goroutine.
package aac
