// Package connlimit limits the connections of a listener, and shares them fairly among the
// addresses that they come from.
//
// A listener takes a Slot from the Limiter for each connection, raises its rank when the
// peer authenticates or does useful work, and releases it at the end. If no slot is free,
// the oldest connection of the lowest rank is closed for a new one.
//
// Package connlimit does not know the protocol of a connection.
//
// It starts no goroutine.
package connlimit
