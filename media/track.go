package media

// Codec names a coding format.
type Codec uint8

// The codecs that golive supports. Package flv refuses all others by name.
const (
	H264 Codec = iota + 1 // ISO 14496-10
	AAC                   // ISO 14496-3
	HEVC                  // ISO 23008-2
	AV1                   // AV1 Bitstream & Decoding Process Specification
	Opus                  // RFC 6716
	MP3                   // ISO 11172-3 and 13818-3, layer III
)

// String returns the usual name of the codec.
func (c Codec) String() string {
	switch c {
	case H264:
		return "H.264"
	case AAC:
		return "AAC"
	case HEVC:
		return "HEVC"
	case AV1:
		return "AV1"
	case Opus:
		return "Opus"
	case MP3:
		return "MP3"
	}
	return "unknown"
}

// Video reports whether c is a video codec.
func (c Codec) Video() bool { return c == H264 || c == HEVC || c == AV1 }

// Track describes one elementary stream. It is immutable: when the parameters of a stream
// change, its access units have a new *Track, so a consumer detects a change by
// comparing pointers.
type Track struct {
	Codec Codec
	// Number tells the video tracks of one publication apart: 0 for the only one or the
	// default one, else the id that the publisher sends.
	Number int
	// CodecString is the codec in the form of RFC 6381, for the CODECS attribute:
	// "avc1.64001f", "mp4a.40.2".
	CodecString string

	// VPS, SPS and PPS are the parameter sets of H.264 and HEVC without start code or length.
	// H.264 has no VPS.
	VPS, SPS, PPS [][]byte
	// NALLengthSize is the size in bytes (1, 2 or 4) of the length before each
	// NAL unit in an access unit's data.
	NALLengthSize int
	// Config is the decoder configuration as ISO files have it: the
	// AV1CodecConfigurationRecord, or the fields of the OpusSpecificBox. It is nil for other
	// codecs.
	Config []byte
	// Width and Height are the cropped picture size in pixels.
	Width, Height int
	// FrameRate is in frames per second, from the SPS's timing; 0 if not known.
	FrameRate float64

	// ObjectType is the AAC audio object type (ISO 14496-3 table 1.17); 2 is AAC-LC.
	ObjectType int
	// SampleRate is in Hz.
	SampleRate int
	// Channels is the number of audio channels.
	Channels int
	// ProgramConfig is the AAC program_config_element that must precede each frame because
	// the number of channels does not determine the layout; nil for most tracks.
	ProgramConfig []byte
	// SamplesPerUnit is the number of audio samples in one access unit, 1024 in AAC-LC.
	SamplesPerUnit int
}

// Video reports whether the track is a video track.
func (t *Track) Video() bool { return t.Codec.Video() }
