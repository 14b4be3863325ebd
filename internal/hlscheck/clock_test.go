package hlscheck

import (
	"bytes"
	"strings"
	"testing"
)

// pcrPacket returns a packet with a PCR and nothing else.
func pcrPacket(pcr int64, jump bool) []byte {
	p := bytes.Repeat([]byte{0xff}, PacketSize)
	flags := byte(0x10)
	if jump {
		flags |= 0x80
	}
	copy(p, []byte{0x47, 1, 0, 0x20, PacketSize - 5, flags, byte(pcr >> 25), byte(pcr >> 17), byte(pcr >> 9), byte(pcr >> 1), byte(pcr << 7), 0})
	return p
}

func TestClock_FindsPCRFaults(t *testing.T) {
	const wrap = ticksPerWrap
	for _, c := range []struct {
		name string
		at   []int64
		jump int // the one with a discontinuity_indicator; 0 is none
		want string
	}{
		{"100 ms apart", []int64{0, 9000, 18_000}, 0, ""},
		{"over the wrap", []int64{wrap - 4000, 4000}, 0, ""},
		{"further apart", []int64{0, 9000, 18_001}, 0, "100.0 ms apart at offset 376"},
		{"back", []int64{9000, 8000}, 0, "went from 9000 to 8000"},
		{"twice", []int64{9000, 9000}, 0, "went from 9000 to 9000"},
		{"another clock", []int64{0, 900_000, 909_000}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var clock Clock
			found := false
			for i, at := range c.at {
				found = clock.Check(pcrPacket(at, c.jump > 0 && i == c.jump)) != "" || found
			}
			if found != (c.want != "") {
				t.Errorf("in pieces a fault was found: %t", found)
			}
			clock.Reset()
			var all []byte
			for i, at := range c.at {
				all = append(all, pcrPacket(at, c.jump > 0 && i == c.jump)...)
			}
			if got := clock.Check(all); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("fault %q in one piece, want %q", got, c.want)
			}
		})
	}
}
