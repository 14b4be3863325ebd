// Package origin serves playlists, parts and segments over HTTP.
//
// A request enters through the Handler, which gets a playlist's text or a segment's bytes
// from a Source and writes them as they are. A Source waits for what does not exist yet.
// Segments that only a store has are read once for all viewers that ask for them at the same
// time, and the newest of them stay in memory. An httpserver.Server runs the Handler.
//
// Package origin does not know how media is made, where it is kept, or what a connection is.
//
// It starts no goroutine, but a timer for each object that is open in a store.
package origin
