// Package httpserver serves HTTP: it listens, bounds what clients can make it hold,
// and hands requests to an http.Handler.
//
// A connection enters through a listener that the caller opened. It gets a place, or is
// reset; its writes are measured, and a client that does not read is cut off. Requests
// of HTTP/1.1 below one path, also inside TLS, are read and answered by package http1;
// everything else by net/http. Below lets handlers answer behind a proxy.
//
// Package httpserver does not know what it serves: no playlists, no media.
//
// Serve and ServeTLS block; the goroutines are those of net/http and http1, and they
// wait for them.
package httpserver
