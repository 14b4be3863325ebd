// Package origin answers GET: playlists, parts and segments.
//
// A request enters through the Handler, which looks the broadcast up in a Source
// and writes what is already rendered: a playlist's text, a segment's slabs. A
// request for what does not exist yet waits for the next snapshot, not longer
// than three targets. An httpserver.Server runs it.
//
// Package origin does not know how anything was produced, nor what a connection is.
//
// It starts no goroutine but a timer for each stored response that is being written.
package origin
