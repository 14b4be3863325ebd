// Package flv turns FLV tag bodies, which are also the bodies of RTMP audio and
// video messages, into access units.
//
// Bodies enter through Demuxer.Video and Demuxer.Audio with the decoding time
// their protocol gave them, and leave as media.AccessUnit values whose data
// aliases the body. Files enter through Reader and leave as Tags. The formats
// are those of the Adobe Flash Video File Format Specification 10.1, annex E,
// and of Enhanced RTMP v2.
//
// Timestamps undoes the wrapping of their 32 bits. Package flv repairs nothing about
// time.
//
// Package flv does not know RTMP, sessions, clocks, or where a segment begins.
//
// It starts no goroutine.
package flv
