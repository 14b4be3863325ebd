package h264

// Supplement holds what is needed of the SEI messages of an access unit (ISO 14496-10
// annex D).
type Supplement struct {
	// RecoveryPoint is set if decoding can start at the picture (section D.2.8); pictures
	// in output order are correct from RecoveryFrames frames later on.
	RecoveryPoint  bool
	RecoveryFrames int
	// ExactMatch is set if they are then identical to those of a decoder that started
	// earlier. BrokenLink is set if pictures before the recovery point in output order
	// cannot be decoded even if decoding started earlier.
	ExactMatch, BrokenLink bool
	// Captions are the closed captions in the access unit.
	Captions Captions
}

// The payload types that are parsed (section D.1).
const (
	seiRegisteredData = 4 // user_data_registered_itu_t_t35
	seiRecoveryPoint  = 6
)

// maxRecoveryFrames is the largest MaxFrameNum less one (section 7.4.2.1.1): a
// larger value is not a recovery point.
const maxRecoveryFrames = 1<<16 - 1

// Read parses the SEI messages in nal, up to the first truncated one. It ignores other NAL
// units.
func (s *Supplement) Read(nal []byte) {
	if Type(nal) == SEI {
		s.ReadMessages(nal[1:])
	}
}

// ReadMessages is Read for the SEI messages after the header of a NAL unit. Those with captions
// are the same in HEVC (ISO 23008-2 section 7.3.5), those of recovery points are not.
func (s *Supplement) ReadMessages(b []byte) {
	r := rbsp{left: b}
	for len(r.left) > 1 { // the last byte holds the trailing bits
		kind, ok1 := r.seiNumber()
		size, ok2 := r.seiNumber()
		if !ok1 || !ok2 || size > len(r.left) {
			return
		}
		var payload [captionsSize]byte
		kept, whole := r.read(payload[:], size)
		if !whole {
			return
		}
		switch kind {
		case seiRecoveryPoint:
			s.recoveryPoint(payload[:kept])
		case seiRegisteredData:
			s.Captions |= readCaptions(payload[:kept])
		default: // only decoders need it
		}
	}
}

// seiNumber reads a payload type or size: bytes of 255 are added to the byte that follows.
func (r *rbsp) seiNumber() (n int, ok bool) {
	for {
		c, ok := r.byte()
		if !ok {
			return 0, false
		}
		n += int(c)
		if c != 0xff {
			return n, true
		}
	}
}

func (s *Supplement) recoveryPoint(payload []byte) {
	w := newBitWindow(payload)
	frames, ok1 := w.golomb()
	exact, ok2 := w.flag()
	broken, ok3 := w.flag()
	if !ok1 || !ok2 || !ok3 || frames > maxRecoveryFrames {
		return
	}
	s.RecoveryPoint, s.RecoveryFrames, s.ExactMatch, s.BrokenLink = true, int(frames), exact, broken
}
