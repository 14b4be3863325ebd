package aac

import (
	"errors"
	"slices"
	"strings"
)

// The id_syn_ele of the elements of a raw_data_block (ISO 14496-3 table 4.85).
const (
	idSCE = 0
	idCPE = 1
	idLFE = 3
	idPCE = 5
	idFIL = 6
	idEND = 7
)

// element is an audio element in a program config element: a channel pair or a single
// channel.
type element struct {
	pair bool
	tag  int
}

// programConfig is a program_config_element (ISO 14496-3 section 4.4.1.1, table
// 4.2) without its comment.
type programConfig struct {
	tag, profile, rateIndex int
	front, side, back       []element
	lfe, assoc              []int // tags
	coupling                []element
	// The elements to mix down from; -1 if there are none.
	monoMixdown, stereoMixdown, matrixMixdown int
}

// readProgramConfig reads a program_config_element. Its comment is aligned to a
// byte, counted from the beginning of r.
func readProgramConfig(r *bitReader) (*programConfig, error) {
	p := &programConfig{tag: r.u(4), profile: r.u(2), rateIndex: r.u(4)}
	front, side, back := r.u(4), r.u(4), r.u(4)
	lfe, assoc, coupling := r.u(2), r.u(3), r.u(4)
	optional := func(n int) int {
		if !r.flag() {
			return -1
		}
		return r.u(n)
	}
	p.monoMixdown, p.stereoMixdown, p.matrixMixdown = optional(4), optional(4), optional(3)
	elements := func(n int) (list []element) {
		for range n {
			list = append(list, element{pair: r.flag(), tag: r.u(4)})
		}
		return list
	}
	tags := func(n int) (list []int) {
		for range n {
			list = append(list, r.u(4))
		}
		return list
	}
	p.front, p.side, p.back = elements(front), elements(side), elements(back)
	p.lfe, p.assoc = tags(lfe), tags(assoc)
	p.coupling = elements(coupling)
	r.align()
	for range r.u(8) {
		r.u(8)
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case p.channels() == 0:
		return nil, errors.New("program config element without channels")
	}
	return p, nil
}

// channels returns the number of channels.
func (p *programConfig) channels() int {
	n := len(p.lfe)
	for _, list := range [][]element{p.front, p.side, p.back} {
		for _, e := range list {
			n++
			if e.pair {
				n++
			}
		}
	}
	return n
}

// configuration returns the channel configuration (ISO 14496-3 table 1.19) with these
// elements in this order, or 0. A decoder maps elements to speakers by their order, so
// the same speakers in another order are another layout. The surround pair may be at the
// side or in the back.
func (p *programConfig) configuration() int {
	var order strings.Builder
	for i, list := range [][]element{p.front, p.side, p.back} {
		for _, e := range list {
			switch {
			case !e.pair:
				order.WriteByte('c')
			case i == 0:
				order.WriteByte('F')
			default:
				order.WriteByte('S')
			}
		}
		if i == 0 {
			order.WriteByte('|')
		}
	}
	if len(p.coupling) > 0 || len(p.lfe) > 1 {
		return 0
	}
	if len(p.lfe) == 1 {
		order.WriteByte('l')
	}
	switch order.String() {
	case "c|":
		return 1
	case "F|":
		return 2
	case "cF|":
		return 3
	case "cF|c":
		return 4
	case "cF|S":
		return 5
	case "cF|Sl":
		return 6
	case "cFF|Sl", "cF|SSl":
		// The standard's 7 is the first; encoders and decoders use the second.
		return 7
	}
	return 0
}

// element returns the bytes of the program config element, as at the beginning of a
// raw_data_block.
func (p *programConfig) element() []byte {
	w := &bitWriter{}
	w.u(3, idPCE)
	p.write(w)
	return w.b
}

// write writes a program_config_element with an empty comment.
func (p *programConfig) write(w *bitWriter) {
	w.u(4, p.tag)
	w.u(2, p.profile)
	w.u(4, p.rateIndex)
	w.u(4, len(p.front))
	w.u(4, len(p.side))
	w.u(4, len(p.back))
	w.u(2, len(p.lfe))
	w.u(3, len(p.assoc))
	w.u(4, len(p.coupling))
	optional := func(n, v int) {
		if v < 0 {
			w.u(1, 0)
			return
		}
		w.u(1, 1)
		w.u(n, v)
	}
	optional(4, p.monoMixdown)
	optional(4, p.stereoMixdown)
	optional(3, p.matrixMixdown)
	elements := func(list []element) {
		for _, e := range list {
			pair := 0
			if e.pair {
				pair = 1
			}
			w.u(1, pair)
			w.u(4, e.tag)
		}
	}
	elements(p.front)
	elements(p.side)
	elements(p.back)
	for _, tag := range slices.Concat(p.lfe, p.assoc) {
		w.u(4, tag)
	}
	elements(p.coupling)
	w.align()
	w.u(8, 0) // no comment
}

// HasProgramConfig reports whether a raw AAC frame begins with a program config
// element.
func HasProgramConfig(frame []byte) bool { return len(frame) > 0 && frame[0]>>5 == idPCE }

// cutProgramConfig parses the program config element at the beginning of frame and
// returns the rest of the frame.
func cutProgramConfig(frame []byte) (p *programConfig, rest []byte, err error) {
	r := &bitReader{b: frame}
	r.u(3)
	p, err = readProgramConfig(r)
	if err != nil {
		return nil, nil, err
	}
	return p, frame[r.at/8:], nil
}
