package hevc

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
)

// Profile is profile, tier and level (ISO 23008-2 section 7.3.3, its general part).
type Profile struct {
	// Space is general_profile_space, 0 in all streams of today.
	Space uint8
	// High says that the tier is High, not Main.
	High bool
	// IDC is general_profile_idc: 1 is Main, 2 Main 10, 4 the range extensions.
	IDC uint8
	// Compatibility are general_profile_compatibility_flags, flag 0 in the highest bit.
	Compatibility uint32
	// Constraints are the 48 bits from general_progressive_source_flag on.
	Constraints [6]byte
	// LevelIDC is 30 times the level.
	LevelIDC uint8
}

// profileSize is the size of a Profile in bytes.
const profileSize = 12

// parseProfile reads a Profile of at least profileSize bytes.
func parseProfile(b []byte) Profile {
	return Profile{
		Space: b[0] >> 6, High: b[0]&0x20 != 0, IDC: b[0] & 0x1f,
		Compatibility: binary.BigEndian.Uint32(b[1:]),
		Constraints:   [6]byte(b[5:11]),
		LevelIDC:      b[11],
	}
}

// String returns the profile as it is in a codec string (ISO 14496-15 annex E.3): the
// compatibility flags in reverse order, and the constraints without the bytes of zeros at
// their end.
func (p Profile) String() string {
	var s strings.Builder
	if p.Space > 0 {
		s.WriteByte('A' + p.Space - 1)
	}
	tier := 'L'
	if p.High {
		tier = 'H'
	}
	fmt.Fprintf(&s, "%d.%X.%c%d", p.IDC, bits.Reverse32(p.Compatibility), tier, p.LevelIDC)
	end := len(p.Constraints)
	for end > 0 && p.Constraints[end-1] == 0 {
		end--
	}
	for _, b := range p.Constraints[:end] {
		fmt.Fprintf(&s, ".%X", b)
	}
	return s.String()
}
