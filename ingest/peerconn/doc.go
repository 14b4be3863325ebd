// Package peerconn manages the deadlines of a publisher's connection: when it must have
// published, when its session is asked whether it is idle, and how another goroutine ends it.
//
// A protocol wraps the connection that it accepted in Pausable, and its session reads and
// writes through a Conn.
//
// Package peerconn does not know the protocol of a connection, except for TLS.
//
// It starts no goroutine.
package peerconn
