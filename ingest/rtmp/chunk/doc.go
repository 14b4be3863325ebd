// Package chunk implements RTMP's chunk layer (RTMP 1.0 section 5): it splits messages into
// chunks and assembles messages from chunks.
//
// A Reader reads Messages from a connection; Append writes them. The Reader tolerates known
// deviations of encoders from the specification, and counts them in Stats. Limits bounds
// what a peer can make it allocate; memory is allocated as bytes arrive, not as headers
// announce them.
//
// Package chunk does not know commands, media or deadlines.
//
// It starts no goroutine.
package chunk
