// Package ingest is the front door: it says who may publish, under which name,
// and puts a publisher's time in order.
//
// A protocol (a package below this one) speaks with a peer, asks the Door to
// admit it, and writes the peer's access units, stamped by a Clock, to the Sink
// that the Stage gave. The Sink's end, and why, is its last word.
//
// Package ingest does not know HLS, segments or storage, nor any protocol's
// bytes.
//
// It starts no goroutine; a protocol's Serve starts one per connection and waits
// for all.
//
// To add a protocol: 1. a package below this one with Serve(ctx, listener) that
// blocks; 2. its listen address in Config; 3. its name in Metrics; 4. its line in
// cmd/golive.
package ingest
