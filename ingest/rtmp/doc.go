// Package rtmp serves publishers over RTMP and RTMPS: encoders such as OBS, ffmpeg,
// GStreamer and phones.
//
// Package chunk turns the bytes of a connection into messages, which go as FLV tags to the
// ingest.TagWriter of an ingest.Session; the Session does everything that is not specific
// to RTMP. The server tolerates deviations of encoders from the specification: what can be
// skipped is skipped and counted, and a session ends only if the rest cannot be parsed.
//
// Package rtmp does not know HLS, segments, storage, or who else publishes.
//
// Serve starts one goroutine per connection and waits for all.
package rtmp
