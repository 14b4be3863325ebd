package h264

import "math/bits"

// Closer makes the open groups of pictures of a stream closed ones. It turns the intra
// picture of a recovery point into an IDR picture, numbers the pictures behind it from
// there, and replaces those that refer back to what came before.
//
// Pictures refer to each other by differences of their numbers, so nothing but the
// beginning of slices changes. What the encoder says there of pictures before the
// recovery point (memory management control operations that unmark them) is left out:
// the IDR picture does that. So a decoder that begins there and one that comes from the
// group before have the same reference pictures, and no operation names a picture that
// they lack.
type Closer struct {
	sequence   *sequence
	sets       map[uint32]*pictureParameters
	lengthSize int
	position   position
	header     sliceHeader // of the slice that was read last
	payload    []byte      // of that
	out        rbspWriter
}

// position is where a Closer is in a stream.
type position struct {
	active bool    // behind an IDR picture that was made
	base   numbers // of that, as the encoder sent them
	frame  uint32  // frame_num of the newest picture, counted from base
	since  uint64  // the same, without a modulus
	idr    uint32  // idr_pic_id of the newest IDR picture that was made
}

// NewCloser makes a Closer for access units with lengths of lengthSize bytes (1, 2 or
// 4). It fails where NewSkipper does. A PPS that cannot be read is left out; slices
// that refer to it are errors.
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

// Close returns the access unit with an IDR picture in place of its intra picture. It
// fails, and changes nothing, when that is not at a recovery point where decoding is
// right at once. The access unit is one that Follow has returned.
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

// Follow returns the access unit with its picture numbered from the IDR picture that
// Close made. Before the first of those, and from the encoder's own next IDR picture on,
// it returns data.
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
		restarts = restarts || c.header.has(forgetAll)
		return out, err
	})
	if restarts {
		c.position = position{idr: c.position.idr}
	}
	return out, err
}

// Replace returns the access unit with a picture that repeats the IDR picture that
// Close made. It is for pictures that are shown before that: they may refer back beyond it.
// The new one takes their place as reference pictures.
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
		if h.has(forgetAll) {
			return nil, noClose("its picture starts numbers again")
		}
		c.count()
		n := numbers{frame: c.position.frame, poc: h.numbers.poc - c.position.base.poc}
		return append(out, c.sequence.skipped(h.parameters, nal[0]>>5, n, c.ownMarking())...), nil
	})
}

func noClose(problem string) error { return &SyntaxError{In: "access unit", Problem: problem} }

// rebase begins to count at the intra picture in data.
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
		if h.kind != sliceI || nal[0]>>5 == 0 || h.has(forgetAll) {
			return noClose("its picture cannot be an IDR picture")
		}
		if slices++; slices == 1 {
			first = h.numbers
			first.poc += uint32(min(h.bottom, 0)) // the lower of the two fields' counts is 0
		}
	}
	if slices == 0 || !said.RecoveryPoint || said.RecoveryFrames > 0 {
		return noClose("no recovery point")
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

// renumber appends a slice with its numbers counted from the IDR picture.
func (c *Closer) renumber(out, nal []byte) ([]byte, error) {
	if err := c.read(nal); err != nil {
		return nil, err
	}
	c.count()
	h := &c.header
	w := c.begin(numbers{frame: c.position.frame, poc: h.numbers.poc - c.position.base.poc}, false)
	if nal[0]>>5 > 0 {
		w.marking(c.ownMarking())
	}
	c.finish(w)
	return appendNAL(out, nal[0], w.bytes), nil
}

// rewrite returns data with its slices rewritten by slice, which appends to what it is
// given. Other NAL units stay.
func (c *Closer) rewrite(data []byte, slice func(out, nal []byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(data)+len(data)/64+64)
	rest := data
	for {
		nal, next, ok := Next(rest, c.lengthSize)
		if !ok && len(next) > 0 {
			return nil, noClose("cut off")
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
			return nil, noClose("its length does not fit")
		}
		for i := range out[at:min(at+c.lengthSize, len(out))] {
			out[at+i] = byte(n >> (8 * (c.lengthSize - 1 - i)))
		}
	}
}

func isSlice(nal []byte) bool { return Type(nal) >= NonIDR && Type(nal) <= IDR }

// read reads a slice of a picture that is no IDR picture, its data not split up.
func (c *Closer) read(nal []byte) error {
	c.payload = appendPayload(c.payload[:0], nal)
	if Type(nal) != NonIDR {
		return noClose("slices of another kind")
	}
	return c.sequence.readHeader(&c.header, nal[0]>>5, c.payload, c.sets)
}

// count notes the number of the picture that was read.
func (c *Closer) count() {
	p := &c.position
	shift := 32 - c.sequence.frameNumBits
	step := (c.header.numbers.frame - p.base.frame - p.frame) << shift >> shift
	p.since += uint64(step)
	p.frame += step
}

// ownMarking is the operations of the picture that was read without those that name
// pictures before the IDR picture.
func (c *Closer) ownMarking() []marking {
	own := c.header.marking[:0]
	for _, m := range c.header.marking {
		if named := m.op == forgetShort || m.op == shortToLong; named && uint64(m.values[0]) >= c.position.since {
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
