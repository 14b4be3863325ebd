package opus

import "fmt"

// maxSamples is the longest that a packet may last, 120 ms (RFC 6716 section 3.2.5).
const maxSamples = SampleRate * 120 / 1000

// Samples returns how many samples at SampleRate a packet lasts, from its table of
// contents (RFC 6716 section 3.1). The error is a *SyntaxError.
func Samples(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, &SyntaxError{In: "packet", Problem: "need 1 byte, have 0"}
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, &SyntaxError{In: "packet", Offset: 1, Problem: "need 1 byte for the number of frames, have 0"}
		}
		frames = int(packet[1] & 0x3f)
	}
	n := frames * frameSamples(packet[0]>>3)
	if n == 0 || n > maxSamples {
		return 0, &SyntaxError{In: "packet", Problem: fmt.Sprintf("it lasts %d samples, want 1 to %d", n, maxSamples)}
	}
	return n, nil
}

// frameSamples is how long a frame of a configuration number lasts (table 2).
func frameSamples(configuration byte) int {
	const millisecond = SampleRate / 1000
	switch size := configuration & 3; {
	case configuration >= 16: // CELT: 2.5, 5, 10, 20 ms
		return millisecond * 5 / 2 << size
	case configuration >= 12: // hybrid: 10, 20 ms
		return millisecond * 10 << (configuration & 1)
	case size == 3: // SILK: 10, 20, 40, 60 ms
		return millisecond * 60
	default:
		return millisecond * 10 << size
	}
}
