package hlscheck

import "fmt"

// maxPCRInterval is the longest time between two PCRs, in 90 kHz ticks (ISO 13818-1
// section 2.7.2).
const maxPCRInterval = 90_000 / 10

// Clock checks the programme clock reference of a transport stream, piece by piece. The zero
// value is ready.
type Clock struct {
	pid   uint16
	last  int64
	known bool
}

// Check checks the next piece and returns its first fault, or "" if it has none.
func (c *Clock) Check(data []byte) string {
	fault := ""
	for at := 0; at+PacketSize <= len(data); at += PacketSize {
		pid, pcr, jump, ok := readPCR(data[at : at+PacketSize])
		if !ok {
			continue
		}
		if c.known && pid == c.pid && !jump {
			pcr = near(c.last, pcr)
			switch step := pcr - c.last; {
			case fault != "":
			case step <= 0:
				fault = fmt.Sprintf("the PCR on PID %d went from %d to %d at offset %d", pid, c.last, pcr, at)
			case step > maxPCRInterval:
				fault = fmt.Sprintf("PCRs on PID %d are %.1f ms apart at offset %d", pid, float64(step)/90, at)
			}
		}
		c.pid, c.last, c.known = pid, pcr, true
	}
	return fault
}

// Reset must be called at a discontinuity, after which the PCR is unrelated to the last one.
func (c *Clock) Reset() { c.known = false }

// readPCR reads the base of the PCR of a packet, in 90 kHz ticks; jump is its
// discontinuity_indicator.
func readPCR(p []byte) (pid uint16, pcr int64, jump, ok bool) {
	const minLength, flagPCR, flagDiscontinuity = 7, 0x10, 0x80
	if p[0] != 0x47 || p[3]&0x20 == 0 || p[4] < minLength || p[5]&flagPCR == 0 {
		return 0, 0, false, false
	}
	pcr = int64(p[6])<<25 | int64(p[7])<<17 | int64(p[8])<<9 | int64(p[9])<<1 | int64(p[10]>>7)
	return uint16(p[1]&0x1f)<<8 | uint16(p[2]), pcr, p[5]&flagDiscontinuity != 0, true
}
