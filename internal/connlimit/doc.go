// Package connlimit shares a listener's connections fairly among the addresses that
// they come from.
//
// A listener asks the Limiter for a Place for each connection, raises its rank as the
// peer proves what it is, and leaves it at the end. When no place is free, the oldest
// connection of the lowest rank gives its place up.
//
// Package connlimit does not know what is spoken on a connection.
//
// It starts no goroutine.
package connlimit
