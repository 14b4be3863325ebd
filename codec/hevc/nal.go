package hevc

// NALType is the nal_unit_type of ISO 23008-2 table 7-1.
type NALType uint8

// The NAL unit types that a server has to tell apart.
const (
	BLAWLP    NALType = 16 // the first type of an IRAP picture; RASL pictures may follow
	IDRWRADL  NALType = 19
	IDRNLP    NALType = 20
	CRA       NALType = 21
	maxIRAP   NALType = 23
	maxVCL    NALType = 31
	VPS       NALType = 32
	SPS       NALType = 33
	PPS       NALType = 34
	AUD       NALType = 35
	PrefixSEI NALType = 39
)

// headerSize is the size of a NAL unit's header in bytes (section 7.3.1.2).
const headerSize = 2

// Type is the type of a NAL unit without start code or length; false when its header is
// not there.
func Type(nal []byte) (t NALType, ok bool) {
	if len(nal) < headerSize {
		return 0, false
	}
	return NALType(nal[0] >> 1 & 0x3f), true
}

// IDR reports whether t is a slice of an IDR picture.
func (t NALType) IDR() bool { return t == IDRWRADL || t == IDRNLP }

// IRAP reports whether t is a slice of a picture at which decoding can start (section
// 3.69): an IDR, CRA or BLA picture.
func (t NALType) IRAP() bool { return BLAWLP <= t && t <= maxIRAP }

// Picture reports whether t is a slice of a picture.
func (t NALType) Picture() bool { return t <= maxVCL }

// Open reports whether t is a slice of an IRAP picture that RASL pictures may follow: they are
// presented before it and refer to earlier pictures, and decoders that start here skip them
// (section 8.1).
func (t NALType) Open() bool { return t == CRA || t == BLAWLP }
