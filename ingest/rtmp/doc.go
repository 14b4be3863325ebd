// Package rtmp lets publishers in that speak RTMP: encoders such as OBS, ffmpeg,
// GStreamer and phones.
//
// Bytes enter from a connection, become messages (package chunk), access units
// (package container/flv) with a time (ingest.Clock), and leave through the
// ingest.Sink that the Door gave. The server bears what encoders do against the
// letter of the specification: what can be skipped is skipped and counted, and
// a session ends only when nothing more can be understood.
//
// Package rtmp does not know HLS, segments, storage, or who else publishes.
//
// Serve starts one goroutine per connection and waits for all.
package rtmp
