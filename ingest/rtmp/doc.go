// Package rtmp takes publishers that speak RTMP: encoders such as OBS, ffmpeg,
// GStreamer and phones.
//
// Bytes enter from a connection, become messages (package chunk), and leave as FLV tags
// through the ingest.TagWriter of an ingest.Session, which has all that is not RTMP's
// own. The server accepts what encoders do against the letter of the specification:
// what can be skipped is skipped and counted, and a session ends only when nothing more
// can be understood.
//
// Package rtmp does not know HLS, segments, storage, or who else publishes.
//
// Serve starts one goroutine per connection and waits for all.
package rtmp
