// Package certificate provides TLS certificates: from two files, which it reloads when they
// change, or from an ACME authority.
//
// Files reads a certificate from PEM files, and Auto obtains certificates by ACME. Config
// returns the TLS configuration for a listener. The files are checked during handshakes, at
// most every few seconds; if they cannot be used a warning is logged and the old
// certificate stays in use.
//
// Package certificate does not know the listeners, or the protocols inside TLS.
//
// Files starts no goroutine. Auto.Run starts one for each certificate that it waits for, and
// autocert has its own for renewals.
package certificate
