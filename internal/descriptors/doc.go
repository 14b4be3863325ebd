// Package descriptors divides the file descriptors that the process may have among
// those who need them, so that whoever takes all it can get leaves some for the others.
//
// Divide gives each its Share. Every listener bounds its connections by it: a server
// that runs out of descriptors can accept nobody, store nothing and answer no probe.
//
// Package descriptors does not know what anybody does with a descriptor.
//
// It starts no goroutine.
package descriptors
