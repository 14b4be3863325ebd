package opus

// Silence returns a packet of silence that lasts that many samples at SampleRate; nil for
// other durations than those of one CELT frame, 2.5 to 20 ms, or more than two channels.
func Silence(channels, samples int) []byte {
	if channels < 1 || channels > 2 {
		return nil
	}
	const (
		celtFullband = 28   // the first of its four configuration numbers (RFC 6716 table 2)
		stereo       = 0x04 // in the table of contents
	)
	for configuration := byte(celtFullband); configuration < celtFullband+4; configuration++ {
		if frameSamples(configuration) != samples {
			continue
		}
		toc := configuration << 3
		if channels == 2 {
			toc |= stereo
		}
		// The silence flag comes first in a frame, as the least likely value (section 4.3).
		return []byte{toc, 0xff, 0xfe}
	}
	return nil
}
