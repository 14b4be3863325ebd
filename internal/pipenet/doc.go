// Package pipenet connects clients and servers in tests through pipes instead of sockets,
// which do not work in a testing/synctest bubble.
//
// A server accepts from a Listener, and clients get their connections from its Dial.
//
// Package pipenet does not know the protocol of a connection.
//
// It starts no goroutine.
package pipenet
