// Package mpegts muxes access units into MPEG transport streams (ISO 13818-1) for HLS.
//
// Muxer.Part takes access units in decoding order and returns a part: one slab of whole
// 188-byte packets. The first part of a segment begins with PAT and PMT. H.264 and HEVC become
// Annex B with an access unit delimiter, and with parameter sets at key frames; AAC gets ADTS
// headers, MP3 stays as it is, and several frames share a PES packet. The slab's size is
// computed first and it is allocated once.
//
// The files: muxer.go has the entry point, plan.go decides which PES packets there are and
// their sizes, video.go and audio.go write them, packet.go splits them into transport
// packets, clock.go plans the PCRs, psi.go makes the tables.
//
// To add a codec: its stream type in psi.go; for pictures its NAL units in kindOf, and for sound
// its frames in fits, frameSize and writeAudio.
//
// Package mpegts does not know when to cut, HTTP or the wall clock.
//
// It starts no goroutine.
package mpegts
