// Package rfc6381 compares the names of codecs in the CODECS attribute (RFC 6381): which of two decoders
// can decode more.
//
// It knows the names of H.264, HEVC and AV1, which have a profile and a level. It does not know bitstreams
// or playlists. It starts no goroutines, and its functions may be called concurrently.
package rfc6381
