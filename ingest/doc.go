// Package ingest admits publishers and runs their sessions: it checks who may publish under
// which name, repairs timestamps and enforces limits.
//
// Sessions.Publish authorises a peer and starts its Session. Session.Write, or a TagWriter
// for FLV tags, takes the peer's access units, and passes them with repaired times to the
// Sink that the PublishHandler returned. The Session counts, warns the broadcaster and
// logs in the same way for every protocol.
//
// Package ingest does not know HLS, segments or storage, nor how a protocol's
// connection works.
//
// It starts no goroutine; a protocol's Serve starts one per connection and waits for
// all.
//
// # To add a protocol
//
// A protocol is a package below this one. It has a Serve(ctx, listener) that blocks, and
// does for each connection, on one goroutine:
//
//  1. Accept it, within the limits on connections, and read what it wants to publish. Package
//     peerconn has the deadlines of a connection.
//  2. Call Sessions.Publish with a Request and a Conn. If it refuses, call
//     Sessions.Refused, and send Describe of the error to the peer as its protocol does.
//  3. Decode the media, and unwrap its timestamps. FLV tags go to a TagWriter, which does
//     both; access units of other formats go to Session.Write, with times in Ticks from
//     any base that video and audio share. If they always do, set Request.CommonClock.
//  4. If nothing was received until FirstIdleCheck, call Session.CheckIdle, and again at each time
//     that it returns.
//  5. Call Session.End, with nil if the peer stopped publishing, else with the reason:
//     an error that Write or Quiet returned, a *ProtocolError if the peer violated the
//     protocol, a *CutError with the cause of the eviction, or the connection's error.
//
// Steps 2 to 5 run inside Protect, so that a bug ends only one session. Repairs, limits,
// throttling, warnings, metrics and the final log line are done by the Session:
// TestSession_IsTheSameForEveryProtocol of package rtmp publishes the same tags over RTMP, over
// WebSocket and over a minimal protocol. The protocol's listen address goes into Config, its name
// into the protocols of Metrics, and its Serve into cmd/golive. One on the HTTP listeners, as
// package websocket, is an http.Handler and a Run(ctx).
package ingest
