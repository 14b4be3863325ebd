// Package http1 answers what players ask for over HTTP/1.1 with a fraction of
// net/http's CPU time: GET and HEAD without a body, below one path.
//
// A Listener stands between a listener and an http.Server. It reads the requests of
// each connection, and has an http.Handler answer those that it understands. At the
// first one that it does not understand, another path, a body, an odd header, HTTP/2, it
// hands the connection over, every byte in its place, and the http.Server goes on.
// So it needs to know very little of HTTP, and is strict about that.
//
// What a handler cannot count on: a request's context ends with the server, not when
// the client leaves; a client that left is noticed when it is written to. The
// request, its headers and its URL are reused, so a handler keeps none of them and
// changes none; their strings it may keep.
//
// Package http1 does not know playlists or media.
//
// It starts a goroutine for each connection; Shutdown waits for them.
package http1
