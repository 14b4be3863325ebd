// Package http1 serves requests of players over HTTP/1.1 with a fraction of net/http's CPU
// time: GET, HEAD and OPTIONS without a body, below one path.
//
// A Listener stands between a listener and an http.Server. It reads the requests of
// each connection, and has an http.Handler answer those that it understands. At the
// first one that it does not understand, another path, a body, an odd header, HTTP/2, it
// hands the connection over, with every byte, and the http.Server goes on. One of TLS does
// the same with connections that negotiate http/1.1, and hands those of h2 over after the
// handshake. So it implements very little of HTTP, strictly.
//
// A request's context ends with the server, and on Linux when the connection breaks; not
// when the client closes its half of it. A handler must neither keep nor change the request,
// its headers and its URL, which are reused; it may keep their strings. A long body must have
// a Content-Length: without one it ends with the connection, whole or not.
//
// Package http1 does not know playlists or media.
//
// It starts a goroutine for each connection, and one that watches for connections that
// break; Shutdown waits for them, but not for ever.
package http1
