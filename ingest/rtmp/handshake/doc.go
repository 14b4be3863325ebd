// Package handshake implements the server side of RTMP's handshake (RTMP 1.0 section 5.2),
// the plain one and the one with digests that Flash and some encoders use.
//
// Sniff detects the protocol from a connection's first bytes; Serve does the handshake.
//
// Package handshake does not know chunks or deadlines.
//
// It starts no goroutine.
package handshake
