// Package amf0 reads and writes Action Message Format 0, the notation of RTMP's
// commands.
//
// Bytes enter Decode and leave as Go values: float64, bool, string, nil, Object
// and []any; Append goes the other way. What a peer can make Decode hold is
// bounded by the bytes it sent: nesting by MaxDepth, values by MaxValues, counts
// by the bytes that are left.
//
// Package amf0 does not know any command.
//
// It starts no goroutine.
package amf0
