package media

import (
	"iter"
	"math/bits"
	"strconv"
)

// Captions is a set of closed caption channels. Bits 0 to 3 are CC1 to CC4 of
// CEA-608; bit 3+n is service n of CEA-708, from 1 to 60.
type Captions uint64

const channels608 = 4

// Services reports whether c has a CEA-708 service.
func (c Captions) Services() bool { return c>>channels608 != 0 }

// IDs returns the INSTREAM-ID of each channel (RFC 8216bis section 4.4.6.1): CC1 to CC4, SERVICE1 to SERVICE60.
func (c Captions) IDs() iter.Seq[string] {
	return func(yield func(string) bool) {
		for left := uint64(c); left != 0; left &= left - 1 {
			id, n := "CC", bits.TrailingZeros64(left)+1
			if n > channels608 {
				id, n = "SERVICE", n-channels608
			}
			if !yield(id + strconv.Itoa(n)) {
				return
			}
		}
	}
}
