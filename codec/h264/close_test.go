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

// Two streams of x264, three groups of pictures each, all but the first open: one of
// three B-pictures in a row with a pyramid, and one of four with a strict pyramid, two
// slices and CAVLC.
var openGOPs = []string{"opengop_cabac", "opengop_cavlc"}

// openGOP reads a stream: its parameter sets, and its access units with lengths of 4
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

// closeAll makes closed groups of the open ones; some pictures are replaced.
func closeAll(tb testing.TB, name string) (f facts, closed [][]byte, replaced []bool) {
	tb.Helper()
	sps, pps, units := openGOP(tb, name)
	c, err := NewCloser(sps, [][]byte{pps}, 4)
	if err != nil {
		tb.Fatal(err)
	}
	f = factsOf(sps, pps)
	leading, intra := false, 0
	for i, data := range units {
		p := f.picture(data)
		recovery := bytes.Contains(data, []byte{byte(SEI), 6})
		if recovery {
			leading, intra = true, p.poc
		}
		// The counts of pictures so near are less than half of the modulus apart.
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

// What a decoder that begins at any of the groups, or comes from the one before, has as
// reference pictures is what the pictures and their operations name.
func TestCloser_Row58_MakesGroupsThatNameOnlyTheirOwnPictures(t *testing.T) {
	for _, name := range openGOPs {
		t.Run(name, func(t *testing.T) {
			facts, closed, replaced := closeAll(t, name)
			begins := 0
			var have []int // frame_num of reference pictures since the IDR picture
			last := 0
			for i, data := range closed {
				p := facts.picture(data)
				if p.idr {
					begins++
					have, last = []int{0}, 0
					if p.frame != 0 || p.poc != 0 {
						t.Errorf("picture %d: an IDR picture with frame_num %d and count %d", i, p.frame, p.poc)
					}
					continue
				}
				if want := (last + 1) % facts.frames; p.frame != want {
					t.Errorf("picture %d: frame_num %d, want %d", i, p.frame, want)
				}
				for _, distance := range append(p.reordered, p.forgotten...) {
					if n := (p.frame - distance + facts.frames) % facts.frames; !slices.Contains(have, n) {
						t.Errorf("picture %d: names frame %d, there are %v", i, n, have)
					}
				}
				if p.refIDC == 0 {
					continue
				}
				for _, distance := range p.forgotten {
					n := (p.frame - distance + facts.frames) % facts.frames
					have = slices.DeleteFunc(have, func(f int) bool { return f == n })
				}
				if len(p.forgotten) == 0 && len(have) == facts.refs {
					have = have[1:]
				}
				if have = append(have, p.frame); len(have) > facts.refs {
					t.Errorf("picture %d: %d reference pictures of %d", i, len(have), facts.refs)
				}
				last = p.frame
			}
			if want := 3; begins != want || !slices.Contains(replaced, true) {
				t.Errorf("%d groups, want %d, of pictures replaced are %v", begins, want, replaced)
			}
		})
	}
}

// What is not said of earlier pictures stays as it was.
func TestCloser_Row58_KeepsTheDataOfSlices(t *testing.T) {
	for _, name := range openGOPs {
		_, _, units := openGOP(t, name)
		facts, closed, replaced := closeAll(t, name)
		for i := range units {
			was, is := facts.picture(units[i]), facts.picture(closed[i])
			if !replaced[i] && is.data != was.data {
				t.Errorf("%s: picture %d: the data are others", name, i)
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

func TestCloser_RefusesOtherThanRecoveryPoints(t *testing.T) {
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
				t.Errorf("the picture behind it was changed, error %v", err)
			}
		})
	}
}

// facts are those of a stream that x264 made of frames.
type facts struct {
	frames    int // MaxFrameNum
	frameBits int
	pocBits   int
	refs      int
	cabac     bool
	sizes     [2]int // of the lists of references
	weighted  bool
}

// shown is a picture as its first slice tells it.
type shown struct {
	kind, refIDC, frame, poc int
	idr                      bool
	reordered, forgotten     []int // differences of frame_num
	data                     string
}

// bitString reads bits from text of 0 and 1: another reader than the package's.
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

// skip passes n numbers.
func (b *bitString) skip(n int) {
	for range n {
		b.ue()
	}
}

func factsOf(sps, pps []byte) (f facts) {
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

// picture reads the first slice.
func (f facts) picture(data []byte) (p shown) {
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
			p.forgotten = append(p.forgotten, b.ue()+1) // x264 has no other
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

// references reads what stands between pic_order_cnt_lsb and dec_ref_pic_marking. x264
// weights by explicit numbers in P-pictures only.
func (f facts) references(p *shown, b bitString) bitString {
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
		at := 0 // a difference to the picture, and then to the one before
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
