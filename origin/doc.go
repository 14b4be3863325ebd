// Package origin answers GET: playlists, parts and segments.
//
// A request enters through the Handler, which looks the broadcast up in a Source
// and writes what is already rendered: a playlist's text, a segment's slabs. A
// request for what does not exist yet waits for the next snapshot, not longer
// than three targets. Server runs it over HTTP; what players ask for over HTTP/1.1
// does not reach net/http, but http1.
//
// Package origin does not know how anything was produced.
//
// Server.Serve blocks; the goroutines are net/http's and http1's, and it waits for
// them.
package origin
