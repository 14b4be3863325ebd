package h264

import "math/bits"

// Closer turns open groups of pictures into closed ones. It rewrites the intra picture of a
// recovery point as an IDR picture, renumbers the pictures after it, and replaces those
// that refer to earlier pictures.
//
// Pictures refer to each other by differences of their numbers, so only slice headers
// change. Memory management control operations that unmark pictures before the recovery
// point are left out: the IDR picture unmarks them. So a decoder that starts there and one
// that decoded the previous group have the same reference pictures, and no operation names
// a picture that they lack.
type Closer struct {
	sequence   *sequence
	sets       map[uint32]*pictureParameters
	lengthSize int
	position   position
	header     sliceHeader // of the slice that was read last
	payload    []byte      // of that slice
	out        rbspWriter
}

// position is the state of a Closer between pictures.
type position struct {
	active bool    // an IDR picture was made and no other one followed
	base   numbers // of the IDR picture that was made, as the encoder sent them
	frame  uint32  // frame_num of the newest picture, counted from base
	since  uint64  // the same, not wrapped
	idr    uint32  // idr_pic_id of the newest IDR picture that was made
}

// NewCloser returns a Closer for access units with NAL unit lengths of lengthSize bytes
// (1, 2 or 4). It fails for the parameter sets for which NewSkipper fails. A PPS that
// cannot be parsed is ignored; slices that refer to it are errors.
func NewCloser(sps []byte, pps [][]byte, lengthSize int) (*Closer, error) {
	s, err := readSequence(sps)
	if err != nil {
		return nil, err
	}
	c := &Closer{sequence: s, sets: map[uint32]*pictureParameters{}, lengthSize: lengthSize}
	for _, nal := range pps {
		if p, err := readPPS(nal); err == nil && p.spsID == s.id {
			c.sets[p.id] = p
		}
	}
	return c, nil
}

// Close returns the access unit with its intra picture rewritten as an IDR picture. It
// fails, and changes nothing, if the picture is not a recovery point at which decoding is
// correct immediately. The access unit is one that Follow has returned.
func (c *Closer) Close(data []byte) ([]byte, error) {
	before := c.position
	err := c.rebase(data)
	if err == nil {
		data, err = c.rewrite(data, c.makeIDR)
	}
	if err != nil {
		c.position = before
		return nil, err
	}
	return data, nil
}

// Follow returns the access unit with its picture renumbered from the last IDR picture
// that Close made. It returns data unchanged before the first one and from the encoder's
// next IDR picture on.
func (c *Closer) Follow(data []byte) ([]byte, error) {
	if !c.position.active {
		return data, nil
	}
	restarts := false
	out, err := c.rewrite(data, func(out, nal []byte) ([]byte, error) {
		if Type(nal) == IDR {
			restarts = true
			return append(out, nal...), nil
		}
		out, err := c.renumber(out, nal)
		restarts = restarts || c.header.has(mmcoUnmarkAll)
		return out, err
	})
	if restarts {
		c.position = position{idr: c.position.idr}
	}
	return out, err
}

// Replace returns the access unit with its picture replaced by one that repeats the IDR
// picture that Close made. It is for pictures that are presented before the IDR picture
// and may refer to pictures before it. The new picture replaces the old one as a
// reference picture too.
func (c *Closer) Replace(data []byte) ([]byte, error) {
	done := false
	return c.rewrite(data, func(out, nal []byte) ([]byte, error) {
		if done {
			return out, nil
		}
		done = true
		if err := c.read(nal); err != nil {
			return nil, err
		}
		h := &c.header
		if h.has(mmcoUnmarkAll) {
			return nil, closeError("its picture resets the numbers")
		}
		c.countFrame()
		n := numbers{frame: c.position.frame, poc: h.numbers.poc - c.position.base.poc}
		return append(out, c.sequence.skipped(h.parameters, nal[0]>>5, n, c.ownMarking())...), nil
	})
}

func closeError(problem string) error { return &SyntaxError{In: "access unit", Problem: problem} }

// rebase makes the intra picture in data the base of the numbers.
func (c *Closer) rebase(data []byte) error {
	var said Supplement
	var first numbers
	slices := 0
	for nal, rest, ok := Next(data, c.lengthSize); ok; nal, rest, ok = Next(rest, c.lengthSize) {
		said.Read(nal)
		if !isSlice(nal) {
			continue
		}
		if err := c.read(nal); err != nil {
			return err
		}
		h := &c.header
		if h.kind != sliceI || nal[0]>>5 == 0 || h.has(mmcoUnmarkAll) {
			return closeError("its picture cannot be an IDR picture")
		}
		if slices++; slices == 1 {
			first = h.numbers
			first.poc += uint32(min(h.bottom, 0)) // the lower of the two fields' counts is 0
		}
	}
	if slices == 0 || !said.RecoveryPoint || said.RecoveryFrames > 0 {
		return closeError("no recovery point")
	}
	base := c.position.base
	base.frame += first.frame
	base.poc += first.poc
	// The idr_pic_id of two in a row has to differ.
	c.position = position{active: true, base: base, idr: c.position.idr ^ 1}
	return nil
}

// makeIDR appends a slice of an intra picture as one of an IDR picture.
func (c *Closer) makeIDR(out, nal []byte) ([]byte, error) {
	if err := c.read(nal); err != nil {
		return nil, err
	}
	h := &c.header
	w := c.begin(numbers{poc: uint32(-min(h.bottom, 0))}, true)
	w.put(0, 2) // no_output_of_prior_pics_flag, long_term_reference_flag
	c.finish(w)
	return appendNAL(out, nal[0]&^0x1f|byte(IDR), w.bytes), nil
}

// renumber appends a slice with its numbers relative to the IDR picture.
func (c *Closer) renumber(out, nal []byte) ([]byte, error) {
	if err := c.read(nal); err != nil {
		return nil, err
	}
	c.countFrame()
	h := &c.header
	w := c.begin(numbers{frame: c.position.frame, poc: h.numbers.poc - c.position.base.poc}, false)
	if nal[0]>>5 > 0 {
		w.marking(c.ownMarking())
	}
	c.finish(w)
	return appendNAL(out, nal[0], w.bytes), nil
}

// rewrite returns data with each slice rewritten by slice, which appends to out. Other NAL
// units are copied.
func (c *Closer) rewrite(data []byte, slice func(out, nal []byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(data)+len(data)/64+64)
	rest := data
	for {
		nal, next, ok := Next(rest, c.lengthSize)
		if !ok && len(next) > 0 {
			return nil, closeError("cut off")
		}
		if !ok {
			return out, nil
		}
		rest = next
		at := len(out)
		out = append(out, make([]byte, c.lengthSize)...)
		if !isSlice(nal) {
			out = append(out, nal...)
		} else {
			var err error
			if out, err = slice(out, nal); err != nil {
				return nil, err
			}
		}
		n := len(out) - at - c.lengthSize
		switch {
		case n == 0:
			out = out[:at]
		case n>>(8*c.lengthSize) > 0:
			return nil, closeError("its length does not fit")
		}
		for i := range out[at:min(at+c.lengthSize, len(out))] {
			out[at+i] = byte(n >> (8 * (c.lengthSize - 1 - i)))
		}
	}
}

func isSlice(nal []byte) bool { return Type(nal) >= NonIDR && Type(nal) <= IDR }

// read parses a slice of a non-IDR picture without data partitioning.
func (c *Closer) read(nal []byte) error {
	c.payload = appendPayload(c.payload[:0], nal)
	if Type(nal) != NonIDR {
		return closeError("slices of another kind")
	}
	return c.sequence.readHeader(&c.header, nal[0]>>5, c.payload, c.sets)
}

// countFrame records the frame number of the picture that was read.
func (c *Closer) countFrame() {
	p := &c.position
	shift := 32 - c.sequence.frameNumBits
	step := (c.header.numbers.frame - p.base.frame - p.frame) << shift >> shift
	p.since += uint64(step)
	p.frame += step
}

// ownMarking returns the marking operations of the picture that was read, without those
// that name pictures before the IDR picture.
func (c *Closer) ownMarking() []marking {
	own := c.header.marking[:0]
	for _, m := range c.header.marking {
		if named := m.op == mmcoUnmarkShortTerm || m.op == mmcoShortToLongTerm; named && uint64(m.values[0]) >= c.position.since {
			continue
		}
		own = append(own, m)
	}
	return own
}

// begin writes the slice that was read with other numbers, up to dec_ref_pic_marking.
func (c *Closer) begin(n numbers, idr bool) *rbspWriter {
	h, w := &c.header, &c.out
	w.bytes, w.free = w.bytes[:0], 0
	w.copy(c.payload, 0, h.frameAt)
	w.put(uint64(n.frame), c.sequence.frameNumBits)
	if idr {
		w.golomb(c.position.idr) // idr_pic_id
	}
	w.put(uint64(n.poc), c.sequence.pocBits)
	w.copy(c.payload, h.middleAt, h.markingAt)
	return w
}

// finish writes the rest of the slice.
func (c *Closer) finish(w *rbspWriter) {
	h := &c.header
	w.copy(c.payload, h.restAt, h.dataAt)
	data := h.dataAt
	if h.parameters.cabac {
		w.align()
		data = (data + 7) / 8 * 8
	}
	last := len(c.payload) - 1
	w.copy(c.payload, data, 8*last+8-bits.TrailingZeros8(c.payload[last]))
}
