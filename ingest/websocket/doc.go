// Package websocket serves publishers over WebSocket: pages, which encode with WebCodecs.
//
// A Server is the http.Handler of the address at which a broadcast is published. It accepts the
// WebSocket (RFC 6455, over HTTP/1.1) and starts an ingest.Session. Each binary message of the
// peer is one FLV tag, which goes to the ingest.TagWriter of the Session; the Session does
// everything that is not specific to the protocol. docs/websocket.md describes the protocol for
// those who write a client.
//
// Package websocket does not know HLS, segments, storage, or who else publishes.
//
// It starts no goroutine: a session runs on the one of its HTTP request. Run waits for all.
package websocket
