// Package memory is the Bucket that keeps objects in the process's memory, for tests.
//
// Objects enter by Put and leave by Get with their slabs shared, never copied:
// the bytes that viewers are served live are the bytes that are kept.
//
// Package memory does not know durability: when the process ends, all is gone.
//
// It starts no goroutine.
package memory
