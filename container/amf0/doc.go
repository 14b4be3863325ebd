// Package amf0 decodes and encodes Action Message Format 0, in which RTMP commands and
// FLV script data are written.
//
// Decode returns Go values: float64, bool, string, nil, Object and []any; Append encodes
// them. What Decode allocates is bounded by the size of the input: nesting by MaxDepth,
// values by MaxValues, counts by the bytes that are left.
//
// Package amf0 does not know any command.
//
// It starts no goroutine.
package amf0
