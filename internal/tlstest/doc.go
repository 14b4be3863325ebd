// Package tlstest gives tests a certificate. It does not know who listens with it, and starts no
// goroutines that outlive a call.
package tlstest
