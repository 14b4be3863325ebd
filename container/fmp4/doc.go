// Package fmp4 packs access units into fragmented MP4 (ISO 14496-12) as HLS and CMAF
// (ISO 23000-19) want it.
//
// Tracks enter Init and leave as an initialization segment, the file that EXT-X-MAP
// names. Access units enter Muxer.Part in the order they were decoded; a part leaves as
// one slab with one fragment: prft, moof and mdat. Parts in sequence behind their
// initialization segment are one file. The slab is sized first and allocated once.
//
// Sound and picture share the file: the picture is track 1 and the sound track 2, or
// track 1 when it is alone.
//
// The files: init.go and sampleentry.go make the initialization segment with the boxes
// of mp4ff; muxer.go is the way through a part, video.go and audio.go plan its samples,
// run.go and boxes.go write them. To add a codec: a sample entry, a case in Init, and
// for pictures a scan and a write function beside those of H.264.
//
// Package fmp4 does not know when to cut, HTTP or the wall clock.
//
// It starts no goroutine.
package fmp4
