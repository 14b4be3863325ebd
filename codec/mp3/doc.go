// Package mp3 reads the headers of MP3 frames (ISO 11172-3 and 13818-3, layer III), which hold
// all that a decoder must know.
//
// Package mp3 does not know containers, tracks or time.
//
// It starts no goroutine.
package mp3
