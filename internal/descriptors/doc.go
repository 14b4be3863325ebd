// Package descriptors divides the file descriptors of the process among their uses, so that
// one use cannot exhaust them for the others.
//
// Divide returns the Shares. Every listener bounds its connections by them: a server without
// free descriptors can accept no connection, store nothing and answer no probe.
//
// Package descriptors does not know how descriptors are used.
//
// It starts no goroutine.
package descriptors
