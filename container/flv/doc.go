// Package flv turns FLV tag bodies, which are also the bodies of RTMP audio and
// video messages, into access units.
//
// Demuxer.Video and Demuxer.Audio take a body with the decoding time from its protocol,
// and return media.AccessUnit values whose data alias the body, of all video tracks and of
// one audio track. A Reader splits a file into Tags. The formats are those of the Adobe Flash
// Video File Format Specification 10.1, annex E, and of Enhanced RTMP v2.
//
// The files: video.go and audio.go read the headers of tags, enhanced.go those of Enhanced RTMP,
// multitrack.go tells video tracks apart; avc.go, hevc.go, av1.go, aac.go, opus.go and mp3.go read
// what is behind them, each with the state of one codec.
//
// To add a codec: a pictureReader or soundReader, a case in use, and its FourCC in codecs.go.
//
// Timestamps unwraps the 32-bit timestamps of tags. Package flv does not repair times.
//
// Package flv does not know RTMP, sessions, clocks, or where a segment begins.
//
// It starts no goroutine.
package flv
