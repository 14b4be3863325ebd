// Package httpserver serves HTTP: it listens, limits the resources that clients can use,
// and passes requests to an http.Handler.
//
// A connection enters through a listener that the caller opened. It is admitted, or reset
// when a limit is reached; a client that does not read is disconnected. Requests
// of HTTP/1.1 below one path, also inside TLS, are read and answered by package http1;
// everything else by net/http. UnderBasePath lets handlers answer behind a proxy.
//
// Package httpserver does not know what it serves: no playlists, no media.
//
// Serve and ServeTLS block, and wait for the goroutines, which are those of net/http and
// http1.
package httpserver
