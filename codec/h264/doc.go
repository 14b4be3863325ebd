// Package h264 reads what a decoder of H.264 (ISO 14496-10) must be told before
// it can decode: parameter sets, the configuration record that carries them,
// and the list of NAL units in an access unit.
//
// A configuration enters as the bytes of an AVCDecoderConfigurationRecord, or
// as parameter sets that were learned in band, and leaves as a Config. Access
// units are walked in place with Next; nothing is copied. A Skipper makes the
// one picture that a server has to make up. A Closer makes closed groups of pictures of
// open ones, and copies what it changes.
//
// Package h264 does not know containers, tracks or time.
//
// It starts no goroutine.
package h264
