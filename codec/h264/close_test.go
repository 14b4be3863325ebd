package h264

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Two streams of x264, each with three groups of pictures, the first of them closed: one has three
// B-pictures in a row and a pyramid, the other four, a strict pyramid, two slices and CAVLC.
var openGOPs = []string{"opengop_cabac", "opengop_cavlc"}

// openGOP reads a stream's parameter sets, and its access units with NAL unit lengths of 4
// bytes.
func openGOP(tb testing.TB, name string) (sps, pps []byte, units [][]byte) {
	tb.Helper()
	stream, err := os.ReadFile("testdata/" + name + ".h264")
	if err != nil {
		tb.Fatal(err)
	}
	complete := true
	for nal := range bytes.SplitSeq(stream, []byte{0, 0, 1}) {
		if len(nal) == 0 {
			continue
		}
		s, _ := ReadSlice(nal)
		slice := isSlice(nal)
		if complete && (!slice || s.First) {
			units, complete = append(units, nil), false
		}
		complete = complete || slice
		switch Type(nal) {
		case SPS:
			sps = nal
		case PPS:
			pps = nal
		default:
			last := &units[len(units)-1]
			*last = append(binary.BigEndian.AppendUint32(*last, uint32(len(nal))), nal...)
		}
	}
	return sps, pps, units
}

// closeAll closes the open groups of a stream, as a segmenter would. It reports which pictures were
// replaced.
func closeAll(tb testing.TB, name string) (f parameters, closed [][]byte, replaced []bool) {
	tb.Helper()
	sps, pps, units := openGOP(tb, name)
	c, err := NewCloser(sps, [][]byte{pps}, 4)
	if err != nil {
		tb.Fatal(err)
	}
	f = parametersOf(sps, pps)
	leading, intra := false, 0
	for i, data := range units {
		p := f.picture(data)
		recovery := bytes.Contains(data, []byte{byte(SEI), 6})
		if recovery {
			leading, intra = true, p.poc
		}
		// Neighbouring pictures' counts differ by less than half of the modulus.
		half := 1 << (f.pocBits - 1)
		before := (p.poc-intra+half)&(2*half-1) < half
		leading = leading && (recovery || before)
		replaced = append(replaced, leading && !recovery)
		step := c.Follow
		if replaced[i] {
			step = c.Replace
		}
		out, err := step(data)
		if recovery && err == nil {
			out, err = c.Close(out)
		}
		if err != nil {
			tb.Fatalf("picture %d: %v", i, err)
		}
		closed = append(closed, out)
	}
	return f, closed, replaced
}

// Pictures and their operations refer to reference pictures that a decoder has, whether it groups
// with this group or with an earlier one.
func TestCloser_Row58_MakesGroupsThatReferOnlyToTheirOwnPictures(t *testing.T) {
	for _, name := range openGOPs {
		t.Run(name, func(t *testing.T) {
			params, closed, replaced := closeAll(t, name)
			groups := 0
			var have []int // frame_num of reference pictures since the IDR picture
			last := 0
			for i, data := range closed {
				p := params.picture(data)
				if p.idr {
					groups++
					have, last = []int{0}, 0
					if p.frame != 0 || p.poc != 0 {
						t.Errorf("picture %d: an IDR picture with frame_num %d and count %d, want 0", i, p.frame, p.poc)
					}
					continue
				}
				if want := (last + 1) % params.frames; p.frame != want {
					t.Errorf("picture %d: frame_num %d, want %d", i, p.frame, want)
				}
				for _, distance := range append(p.reordered, p.unmarked...) {
					if n := (p.frame - distance + params.frames) % params.frames; !slices.Contains(have, n) {
						t.Errorf("picture %d refers to frame %d, the decoder has %v", i, n, have)
					}
				}
				if p.refIDC == 0 {
					continue
				}
				for _, distance := range p.unmarked {
					n := (p.frame - distance + params.frames) % params.frames
					have = slices.DeleteFunc(have, func(f int) bool { return f == n })
				}
				if len(p.unmarked) == 0 && len(have) == params.refs {
					have = have[1:]
				}
				if have = append(have, p.frame); len(have) > params.refs {
					t.Errorf("picture %d: %d reference pictures, want %d at most", i, len(have), params.refs)
				}
				last = p.frame
			}
			if want := 3; groups != want || !slices.Contains(replaced, true) {
				t.Errorf("%d groups, want %d; the replaced pictures are %v, want some", groups, want, replaced)
			}
		})
	}
}

// Only headers of slices change, except in replaced pictures.
func TestCloser_Row58_KeepsTheDataOfSlices(t *testing.T) {
	for _, name := range openGOPs {
		_, _, units := openGOP(t, name)
		params, closed, replaced := closeAll(t, name)
		for i := range units {
			before, after := params.picture(units[i]), params.picture(closed[i])
			if !replaced[i] && after.data != before.data {
				t.Errorf("%s: picture %d: the slice data changed", name, i)
			}
		}
	}
}

func TestCloser_LeavesStreamsOfIDRPicturesAlone(t *testing.T) {
	sps, pps, units := openGOP(t, openGOPs[0])
	c, err := NewCloser(sps, [][]byte{pps}, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range units {
		out, err := c.Follow(data)
		if err != nil || &out[0] != &data[0] {
			t.Fatalf("picture %d was changed, error %v", i, err)
		}
	}
}

func TestCloser_RefusesPicturesThatAreNoRecoveryPoint(t *testing.T) {
	sps, pps, units := openGOP(t, openGOPs[0])
	recovery := slices.IndexFunc(units, func(u []byte) bool { return bytes.Contains(u, []byte{byte(SEI), 6}) })
	sei, rest, _ := Next(units[recovery], 4)
	for name, c := range map[string]struct {
		data []byte
		pps  [][]byte
		want string
	}{
		"a P picture":       {units[recovery+2], [][]byte{pps}, "cannot be an IDR picture"},
		"no recovery point": {rest, [][]byte{pps}, "no recovery point"},
		"no picture":        {units[recovery][:4+len(sei)], [][]byte{pps}, "no recovery point"},
		"no PPS":            {units[recovery], nil, "PPS is unknown"},
		"cut off":           {units[recovery][:len(units[recovery])-1], [][]byte{pps}, "no recovery point"},
		"an IDR picture":    {units[0], [][]byte{pps}, "slices of another kind"},
	} {
		t.Run(name, func(t *testing.T) {
			closer, err := NewCloser(sps, c.pps, 4)
			if err != nil {
				t.Fatal(err)
			}
			out, err := closer.Close(c.data)
			if _, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%d bytes, error %v, want %q", len(out), err, c.want)
			}
			if out, err := closer.Follow(units[1]); err != nil || !cmp.Equal(out, units[1]) {
				t.Errorf("the next picture was changed, error %v", err)
			}
		})
	}
}

// parameters are what is needed to read the slice headers of a stream of frames by x264.
type parameters struct {
	frames    int // MaxFrameNum
	frameBits int
	pocBits   int
	refs      int
	cabac     bool
	sizes     [2]int // of the lists of references
	weighted  bool
}

// firstSlice is the first slice of a picture.
type firstSlice struct {
	kind, refIDC, frame, poc int
	idr                      bool
	reordered, unmarked      []int // differences of frame_num
	data                     string
}

// bitString reads bits from a text of 0 and 1. It is independent of the package's own reader.
type bitString string

func bitsOf(nal []byte) bitString {
	payload := bytes.ReplaceAll(nal[1:], []byte{0, 0, 3}, []byte{0, 0})
	text := new(big.Int).SetBytes(append([]byte{1}, payload...)).Text(2)
	return bitString(text[1:])
}

func (b *bitString) u(n int) (v int) {
	for _, bit := range (*b)[:n] {
		v = 2*v + int(bit-'0')
	}
	*b = (*b)[n:]
	return v
}

func (b *bitString) ue() int {
	n := strings.IndexByte(string(*b), '1')
	*b = (*b)[n:]
	return b.u(n+1) - 1
}

// skip skips n Exp-Golomb numbers.
func (b *bitString) skip(n int) {
	for range n {
		b.ue()
	}
}

func parametersOf(sps, pps []byte) (f parameters) {
	b := bitsOf(sps)
	b.u(24)
	b.ue()
	if sps[1] == 100 {
		b.skip(3) // chroma and depths
		b.u(2)
	}
	f.frameBits = b.ue() + 4
	f.frames = 1 << f.frameBits
	b.ue()
	f.pocBits = b.ue() + 4
	f.refs = b.ue()
	b = bitsOf(pps)
	b.skip(2)
	f.cabac = b.u(1) == 1
	b.u(1)
	b.ue()
	f.sizes = [2]int{b.ue() + 1, b.ue() + 1}
	f.weighted = b.u(1) == 1
	return f
}

// picture reads the first slice of an access unit.
func (f parameters) picture(data []byte) (p firstSlice) {
	var nal []byte
	for rest, ok := data, true; ok; {
		if nal, rest, ok = Next(rest, 4); ok && isSlice(nal) {
			break
		}
	}
	p.idr, p.refIDC = Type(nal) == IDR, int(nal[0]>>5)
	b := bitsOf(nal)
	b.ue()
	p.kind = b.ue()
	b.ue()
	p.frame = b.u(f.frameBits)
	if p.idr {
		b.ue()
	}
	p.poc = b.u(f.pocBits)
	b = f.references(&p, b)
	if p.idr {
		b.u(2)
	} else if p.refIDC > 0 && b.u(1) == 1 {
		for op := b.ue(); op != 0; op = b.ue() {
			p.unmarked = append(p.unmarked, b.ue()+1) // x264 writes no other operation
		}
	}
	if !f.cabac {
		p.data = strings.TrimRight(string(b), "0")
		return p
	}
	if p.kind%5 != 2 {
		b.ue()
	}
	b.ue()
	if b.ue() != 1 {
		b.skip(2)
	}
	p.data = strings.TrimRight(string(b[len(b)%8:]), "0")
	return p
}

// references reads the syntax elements between pic_order_cnt_lsb and dec_ref_pic_marking. x264
// writes explicit weights in P-pictures only.
func (f parameters) references(p *firstSlice, b bitString) bitString {
	lists := map[int]int{0: 1, 1: 2, 2: 0}[p.kind%5]
	if lists == 2 {
		b.u(1)
	}
	sizes := f.sizes
	if lists > 0 && b.u(1) == 1 {
		for i := range lists {
			sizes[i] = b.ue() + 1
		}
	}
	for range lists {
		if b.u(1) == 0 {
			continue
		}
		at := 0 // the first difference is to this picture, each further one to the reference before
		for op := b.ue(); op != 3; op = b.ue() {
			step := b.ue() + 1
			if op == 1 {
				step = -step
			}
			at += step
			p.reordered = append(p.reordered, at)
		}
	}
	if lists != 1 || !f.weighted {
		return b
	}
	b.skip(2)
	for range sizes[0] {
		if b.u(1) == 1 {
			b.skip(2)
		}
		if b.u(1) == 1 {
			b.skip(4)
		}
	}
	return b
}
