// Package publisher is a test publisher: it sends an FLV file to an RTMP server
// in real time, in a loop, as one stream or many.
//
// Config.Source is parsed once, and its tags are shared by all streams. They are sent as RTMP
// messages when they are due, relative to the stream's start, so that delays do not
// accumulate. The lag of a stream is logged, and passed to Config.Report.
//
// It uses the handshake, chunk layer and messages of yutopp/go-rtmp, so that golive's server
// is tested with an independent implementation. The sequence of commands is implemented
// here, because the library's client drops onStatus, with which a server refuses, and waits
// for replies without a timeout.
//
// Package publisher does not know golive's server.
//
// Run starts two goroutines per stream, go-rtmp a third, and waits for all.
package publisher
