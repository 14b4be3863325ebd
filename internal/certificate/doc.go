// Package certificate serves a TLS certificate from two files, and takes up new
// ones when the files change.
//
// A certificate enters from PEM files and leaves through Config, in the handshakes
// of whoever listens with it. The files are looked at while handshakes come in,
// every few seconds at most; what cannot be used is warned of, and the old
// certificate stays.
//
// Package certificate does not know who listens, or what is spoken inside.
//
// It starts no goroutine.
package certificate
