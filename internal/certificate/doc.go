// Package certificate serves TLS certificates: one from two files, which it takes up
// anew when they change, or those that it gets from an authority by itself.
//
// A certificate enters from PEM files, or by ACME, and leaves through Config, in the
// handshakes of whoever listens with it. The files are looked at while handshakes come
// in, every few seconds at most; what cannot be used is warned of, and the old
// certificate stays.
//
// Package certificate does not know who listens, or what is spoken inside.
//
// Files starts no goroutine. Auto.Run starts one for each certificate that it waits
// for, and autocert has its own, which renew.
package certificate
