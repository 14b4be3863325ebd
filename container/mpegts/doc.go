// Package mpegts packs access units into MPEG transport streams (ISO 13818-1)
// as HLS wants them.
//
// Access units enter Muxer.Part in the order they were decoded; a part leaves as
// one slab of whole 188-byte packets that begins with PAT and PMT, so that every
// part can be played on its own and parts in sequence are one stream. H.264
// becomes Annex B with an access unit delimiter, and with parameter sets at key
// frames; AAC gets ADTS headers, and several frames share a PES packet. The slab
// is sized first and allocated once.
//
// The files: muxer.go is the way through, plan.go decides which PES packets there
// will be and how large, video.go and audio.go write them, packet.go cuts them
// into transport packets, clock.go decides where PCRs are, psi.go makes the tables. To add a codec: a stream type
// and its entry in psi.go, a plan function and a write function in a file of its
// own, and a case in each switch on the codec in plan.go and muxer.go.
//
// Package mpegts does not know when to cut, HTTP or the wall clock.
//
// It starts no goroutine.
package mpegts
