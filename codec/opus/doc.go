// Package opus reads what a decoder of Opus (RFC 6716) must be told before it can decode,
// and how long a packet lasts.
//
// A configuration enters as the bytes of an identification header (RFC 7845 section 5.1)
// and leaves as a Config, which writes the body of the dOps box of ISO files.
//
// Package opus does not know containers, tracks or time.
//
// It starts no goroutine.
package opus
