// Package media defines the types that all packages share: ticks, tracks, access units,
// parts and segments.
//
// Package ingest produces access units; package segmenter turns them into parts and
// segments. A value is immutable once it has been passed on, so goroutines share it
// without a lock.
//
// Package media does not know any protocol, any file format or any clock.
//
// It starts no goroutine.
package media
