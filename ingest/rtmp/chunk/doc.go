// Package chunk is RTMP's chunk layer (RTMP 1.0 section 5): it cuts messages
// into chunks and puts chunks together into messages.
//
// Bytes enter Reader from a connection and leave as Messages; Append goes the
// other way. The Reader bears what encoders send against the letter of the
// specification and counts it in Stats. What a peer can make it hold is bounded
// by Limits, and memory is taken as bytes arrive, not as they are promised.
//
// Package chunk does not know commands, media or deadlines.
//
// It starts no goroutine.
package chunk
