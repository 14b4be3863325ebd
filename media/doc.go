// Package media names the things the house talks about: ticks, tracks, access
// units, parts and segments.
//
// Values enter from the ingest as access units and leave through the segmenter
// as parts and segments. Everything here is immutable once it has been handed
// on, so it may be shared between goroutines without a lock.
//
// Package media does not know any protocol, any file format or any clock.
//
// It starts no goroutine.
package media
