// Package publisher is a test publisher: it sends an FLV file to an RTMP server
// in real time, in a loop, as one stream or as many.
//
// The file enters with Config.Source, is parsed once, and its tags are shared by
// all streams; they leave as RTMP messages at the time they are due, counted
// from the stream's start, so that a delay is made up for and never adds up.
// How far a stream is behind leaves through the log and Config.Report.
//
// The wire is yutopp/go-rtmp's: its handshake, chunk layer and messages, so that
// golive's own server is met by an implementation that shares nothing with it.
// Of its client only the conversation is ours, because the library's own drops
// onStatus, which is how a server refuses, and waits for replies without end.
//
// Package publisher does not know anything of golive's server.
//
// Run starts two goroutines per stream, go-rtmp a third, and waits for all.
package publisher
