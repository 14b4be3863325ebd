// Package ingest lets publishers in: it decides who may publish, under which name, and
// runs their sessions.
//
// Sessions.Publish authorises a peer and begins its Session. The peer's access units
// enter through Session.Write, or as FLV tags through a TagWriter, and leave, with
// repaired times and within the limits, through the Sink that the PublishHandler gave.
// The Session counts, warns the broadcaster and logs, the same for every protocol.
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
//  1. Accept it, within the limits on connections, and read what it wants to publish.
//  2. Call Sessions.Publish with a Request and a Conn. When that is refused: call
//     Sessions.Refused, and tell the peer, in its own words, Describe of the error.
//  3. Decode what comes, and undo the wrapping of its own clock. FLV tags go to a
//     TagWriter, which does both; access units of anything else go to Session.Write,
//     with times in Ticks from any base that video and audio share.
//  4. When nothing could be read until the time that FirstQuiet gave, call
//     Session.Quiet, and again at each time that it returns.
//  5. Call Session.End, with nil if the peer said that it stops, else with the reason:
//     an error that Write or Quiet returned, a *ProtocolError for what the peer must not
//     send, a *CutError with the cause of the eviction, or the connection's error.
//
// Steps 2 to 5 run inside Protect, so that a bug ends one session and no other. Repairs,
// limits, reading at real time, warnings, metrics and the log line at the end are the
// Session's: TestSession_EveryProtocolGetsTheSame of package rtmp publishes the same tags
// with RTMP and with the smallest protocol there can be. The protocol's listen address goes into Config, its name into
// the protocols of Metrics, and its Serve into cmd/golive.
package ingest
