package mp3

import "fmt"

// HeaderSize is the size in bytes of a frame's header.
const HeaderSize = 4

// Header is the header of a frame. Headers of equal values belong to one stream.
type Header struct {
	// SampleRate is in Hz: 32000, 44100 or 48000 in MPEG-1, half of that in MPEG-2 and a
	// quarter in MPEG-2.5.
	SampleRate int
	// Channels is 1 or 2.
	Channels int
	// Samples is the number of samples of a channel in one frame.
	Samples int
}

// SyntaxError reports bytes that are not an MP3 frame.
type SyntaxError struct {
	// Problem says what is wrong.
	Problem string
}

// Error returns the problem.
func (e *SyntaxError) Error() string { return "mp3: frame header: " + e.Problem }

// The bit rates of layer III in kbit/s (ISO 11172-3 section 2.4.2.3, 13818-3 section 2.4.2.3).
// Index 0 is the free format, whose frames do not say how long they are.
func bitrate(mpeg1 bool, index byte) int {
	if mpeg1 {
		return [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}[index]
	}
	return [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[index]
}

// ParseHeader reads the header of the frame with which b begins:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------------+---+---+-+-------+---+-+-+---+---+-+-+---+
//	|      sync word      |ver|lay|c|bitrate|rat|p| |mod|ext|c|o|emp|
//	+---------------------+---+---+-+-------+---+-+-+---+---+-+-+---+
//
// size is the frame's in bytes; b may be shorter. The error is a *SyntaxError.
func ParseHeader(b []byte) (h Header, size int, err error) {
	if len(b) < HeaderSize {
		return h, 0, syntax("need %d bytes, have %d", HeaderSize, len(b))
	}
	if b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return h, 0, syntax("no sync word in % x", b[:2])
	}
	version, layer, rate, index := b[1]>>3&3, b[1]>>1&3, b[2]>>2&3, b[2]>>4
	const (
		mpeg25, reserved, mpeg1 = 0, 1, 3 // versions; 2 is MPEG-2
		layerIII                = 1
		singleChannel           = 3
	)
	switch {
	case version == reserved || rate == 3:
		return h, 0, syntax("version or sample rate is reserved")
	case layer != layerIII:
		return h, 0, syntax("layer is not III")
	case index == 0 || index == 15:
		return h, 0, syntax("bit rate index is %d", index)
	}
	h = Header{SampleRate: [...]int{44100, 48000, 32000}[rate], Channels: 2, Samples: 1152}
	if version != mpeg1 {
		h.SampleRate /= 2
		h.Samples /= 2
	}
	if version == mpeg25 {
		h.SampleRate /= 2
	}
	if b[3]>>6 == singleChannel {
		h.Channels = 1
	}
	size = h.Samples/8*1000*bitrate(version == mpeg1, index)/h.SampleRate + int(b[2]>>1&1)
	return h, size, nil
}

func syntax(problem string, args ...any) error {
	return &SyntaxError{Problem: fmt.Sprintf(problem, args...)}
}
