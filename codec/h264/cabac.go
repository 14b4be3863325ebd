package h264

// cabac is the arithmetic encoder of ISO 14496-10 section 9.3.4.2, reduced to what a
// slice of skipped macroblocks needs.
type cabac struct {
	out         *rbspWriter
	low, span   uint32
	outstanding int
	started     bool // the first bit, which is always 0, was left out
	rangeLPS    [64][4]uint8
	nextLPS     [64]uint8
}

func newCABAC(out *rbspWriter) *cabac {
	return &cabac{out: out, span: 510, rangeLPS: rangeLPS(), nextLPS: nextLPS()}
}

// cabacContext is a context variable (section 9.3.1.1).
type cabacContext struct {
	state uint8 // pStateIdx
	mps   bool  // valMPS
}

// newCABACContext initialises a context variable with m and n of tables 9-12 to 9-33.
func newCABACContext(m, n, qp int) cabacContext {
	pre := min(max((m*min(max(qp, 0), 51))>>4+n, 1), 126)
	if pre <= 63 {
		return cabacContext{state: uint8(63 - pre)}
	}
	return cabacContext{state: uint8(pre - 64), mps: true}
}

// encode writes a decision (section 9.3.4.2).
func (c *cabac) encode(v *cabacContext, bin bool) {
	lps := uint32(c.rangeLPS[v.state][c.span>>6&3])
	c.span -= lps
	if bin == v.mps {
		v.state = min(v.state+1, 62)
	} else {
		c.low += c.span
		c.span = lps
		if v.state == 0 {
			v.mps = !v.mps
		}
		v.state = c.nextLPS[v.state]
	}
	c.renormalise()
}

// terminate writes end_of_slice_flag (section 9.3.4.5). When it is set, the last bit
// written is rbsp_stop_one_bit.
func (c *cabac) terminate(end bool) {
	c.span -= 2
	if !end {
		c.renormalise()
		return
	}
	c.low += c.span
	c.span = 2
	c.renormalise()
	c.put(c.low >> 9 & 1)
	c.out.put(uint64(c.low>>7&3|1), 2)
}

func (c *cabac) renormalise() {
	for ; c.span < 1<<8; c.span <<= 1 {
		switch {
		case c.low < 1<<8:
			c.put(0)
		case c.low >= 1<<9:
			c.low -= 1 << 9
			c.put(1)
		default:
			c.low -= 1 << 8
			c.outstanding++
		}
		c.low <<= 1
	}
}

// put implements PutBit of figure 9-9.
func (c *cabac) put(bit uint32) {
	if c.started {
		c.out.put(uint64(bit), 1)
	}
	c.started = true
	for ; c.outstanding > 0; c.outstanding-- {
		c.out.put(uint64(1-bit), 1)
	}
}

// rangeLPS returns the table rangeTabLPS (table 9-44).
func rangeLPS() [64][4]uint8 {
	return [64][4]uint8{
		{128, 176, 208, 240},
		{128, 167, 197, 227},
		{128, 158, 187, 216},
		{123, 150, 178, 205},
		{116, 142, 169, 195},
		{111, 135, 160, 185},
		{105, 128, 152, 175},
		{100, 122, 144, 166},
		{95, 116, 137, 158},
		{90, 110, 130, 150},
		{85, 104, 123, 142},
		{81, 99, 117, 135},
		{77, 94, 111, 128},
		{73, 89, 105, 122},
		{69, 85, 100, 116},
		{66, 80, 95, 110},
		{62, 76, 90, 104},
		{59, 72, 86, 99},
		{56, 69, 81, 94},
		{53, 65, 77, 89},
		{51, 62, 73, 85},
		{48, 59, 69, 80},
		{46, 56, 66, 76},
		{43, 53, 63, 72},
		{41, 50, 59, 69},
		{39, 48, 56, 65},
		{37, 45, 54, 62},
		{35, 43, 51, 59},
		{33, 41, 48, 56},
		{32, 39, 46, 53},
		{30, 37, 43, 50},
		{29, 35, 41, 48},
		{27, 33, 39, 45},
		{26, 31, 37, 43},
		{24, 30, 35, 41},
		{23, 28, 33, 39},
		{22, 27, 32, 37},
		{21, 26, 30, 35},
		{20, 24, 29, 33},
		{19, 23, 27, 31},
		{18, 22, 26, 30},
		{17, 21, 25, 28},
		{16, 20, 23, 27},
		{15, 19, 22, 25},
		{14, 18, 21, 24},
		{14, 17, 20, 23},
		{13, 16, 19, 22},
		{12, 15, 18, 21},
		{12, 14, 17, 20},
		{11, 14, 16, 19},
		{11, 13, 15, 18},
		{10, 12, 15, 17},
		{10, 12, 14, 16},
		{9, 11, 13, 15},
		{9, 11, 12, 14},
		{8, 10, 12, 14},
		{8, 9, 11, 13},
		{7, 9, 11, 12},
		{7, 9, 10, 12},
		{7, 8, 10, 11},
		{6, 8, 9, 11},
		{6, 7, 9, 10},
		{6, 7, 8, 9},
		{2, 2, 2, 2},
	}
}

// nextLPS returns the table transIdxLPS (table 9-45).
func nextLPS() [64]uint8 {
	return [64]uint8{
		0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12,
		13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21, 21, 22, 22, 23, 24,
		24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33,
		33, 33, 34, 34, 35, 35, 35, 36, 36, 36, 37, 37, 37, 38, 38, 63,
	}
}
