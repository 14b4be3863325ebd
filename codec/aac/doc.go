// Package aac parses AAC decoder configurations (ISO 14496-3) and ADTS frames, and writes
// ADTS headers and silent frames.
//
// ParseASC turns an AudioSpecificConfig, and ParseADTS an ADTS header with its frame, into
// a Config. AppendADTSHeader appends to the caller's bytes.
//
// HE-AAC that neither of them signals is not detected in the frames: the SBR data follow
// the Huffman codes of all channels, and implicit signalling means "mp4a.40.2" to a
// player (ISO 14496-3 section 1.6.5.3).
//
// Package aac does not know containers, tracks or time.
//
// It starts no goroutine.
package aac
