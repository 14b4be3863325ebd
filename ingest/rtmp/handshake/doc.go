// Package handshake does the server's half of RTMP's handshake (RTMP 1.0
// section 5.2), in its plain form and in the form with digests that Flash and
// some encoders use.
//
// A connection's first bytes enter Sniff, which tells RTMP from what else comes
// to its port, and then Serve, which reads and writes the rest.
//
// Package handshake does not know chunks or deadlines.
//
// It starts no goroutine.
package handshake
