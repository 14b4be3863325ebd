// Package mpegts muxes access units into MPEG transport streams (ISO 13818-1) for HLS.
//
// Muxer.Part takes access units in decoding order and returns a part: one slab of whole
// 188-byte packets that begins with PAT and PMT, so that each part can be played on its
// own and consecutive parts are one stream. H.264 becomes Annex B with an access unit
// delimiter, and with parameter sets at key frames; AAC gets ADTS headers, and several
// frames share a PES packet. The slab's size is computed first and it is allocated once.
//
// The files: muxer.go has the entry point, plan.go decides which PES packets there are and
// their sizes, video.go and audio.go write them, packet.go splits them into transport
// packets, clock.go plans the PCRs, psi.go makes the tables.
//
// To add a codec: a stream type and its entry in psi.go, a plan function and a write
// function in a file of its own, and a case in each switch on the codec in plan.go and
// muxer.go.
//
// Package mpegts does not know when to cut, HTTP or the wall clock.
//
// It starts no goroutine.
package mpegts
