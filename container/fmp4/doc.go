// Package fmp4 muxes access units into fragmented MP4 (ISO 14496-12) for HLS and CMAF
// (ISO 23000-19).
//
// Init returns the initialization segment of a rendition's tracks, the file that EXT-X-MAP
// names. Muxer.Part takes access units in decoding order and returns a part: one slab with
// one fragment of prft, moof and mdat. An initialization segment and the parts after it are
// one file. The slab's size is computed first and it is allocated once.
//
// Audio and video share the file. Video is track 1; audio is track 2, or track 1 if there
// is no video.
//
// The files: init.go and entry_*.go make the initialization segment of mp4ff's boxes;
// muxer.go has the entry point of parts, video.go and audio.go plan the samples, run.go
// holds them, boxes.go writes the boxes.
//
// To add a codec: a sample entry and a case in sampleEntry or audioEntry, and for video cases
// in scanPicture and appendPicture.
//
// Package fmp4 does not know when to cut, HTTP or the wall clock.
//
// It starts no goroutine.
package fmp4
