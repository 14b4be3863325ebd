// Package publicnet tells addresses of the public internet from others, so that a URL that somebody
// else chose leads to no server of the operator's own network.
//
// Package publicnet does not know what is requested.
//
// It starts no goroutine.
package publicnet
