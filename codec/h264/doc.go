// Package h264 parses H.264 (ISO 14496-10): parameter sets, the configuration record that
// carries them, and the NAL units of an access unit.
//
// ParseAVCC turns an AVCDecoderConfigurationRecord, and FromParameterSets parameter sets
// that were received in band, into a Config. Next iterates over the NAL units of an access
// unit without copying. A Skipper makes a picture that repeats an IDR picture. A Closer
// turns open groups of pictures into closed ones, and copies what it changes.
//
// Package h264 does not know containers, tracks or time.
//
// It starts no goroutine.
package h264
