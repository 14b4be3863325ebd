package h264

// Supplement is what a server needs of the SEI messages of an access unit (ISO
// 14496-10 annex D).
type Supplement struct {
	// RecoveryPoint says that decoding can start at the picture (section D.2.8), and
	// that it and those after it in output order are right from RecoveryFrames
	// frames later on.
	RecoveryPoint  bool
	RecoveryFrames int
	// ExactMatch says that they are then exactly what a decoder shows that began
	// earlier. BrokenLink says that pictures before the recovery point in output
	// order cannot be decoded at all, even if decoding began earlier.
	ExactMatch, BrokenLink bool
	// Captions are the closed captions that the access unit carries.
	Captions Captions
}

// The payload types that are read (section D.1).
const (
	seiRegisteredData = 4 // user_data_registered_itu_t_t35
	seiRecoveryPoint  = 6
)

// maxRecoveryFrames is the largest MaxFrameNum less one (section 7.4.2.1.1): what is
// beyond is no recovery point.
const maxRecoveryFrames = 1<<16 - 1

// Read adds what the messages in nal say. It stops at the first that is not there
// whole; nal may be any NAL unit.
func (s *Supplement) Read(nal []byte) {
	if Type(nal) != SEI {
		return
	}
	r := rbsp{left: nal[1:]}
	for len(r.left) > 1 { // the last byte is no message but trailing bits
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
		default: // decoders need it, servers do not
		}
	}
}

// seiNumber reads a payload type or size: each byte of 255 is added to the one that
// follows.
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
	w := newWindow(payload)
	frames, ok1 := w.golomb()
	exact, ok2 := w.flag()
	broken, ok3 := w.flag()
	if !ok1 || !ok2 || !ok3 || frames > maxRecoveryFrames {
		return
	}
	s.RecoveryPoint, s.RecoveryFrames, s.ExactMatch, s.BrokenLink = true, int(frames), exact, broken
}
