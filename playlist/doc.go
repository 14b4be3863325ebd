// Package playlist says in m3u8 what can be fetched now, and wakes who waits
// for more.
//
// A Window is one rendition's sliding live state. Segments and parts enter
// through Open, Part and Close, and become visible together at Commit, as an
// immutable Snapshot with its text already rendered. Readers load the newest
// Snapshot, or Await one that has the media they want; they share nothing with
// the writer but an atomic pointer and a closed channel. Section numbers are
// those of draft-pantos-hls-rfc8216bis.
//
// Package playlist does not know how bytes were made, nor HTTP.
//
// It starts no goroutine. A Window has one writer and any number of readers.
package playlist
