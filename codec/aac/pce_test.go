package aac

import (
	"encoding/hex"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/google/go-cmp/cmp"
)

// layout is a channel layout as FFmpeg 5.1 encodes it.
type layout struct {
	name     string
	asc      []byte
	channels int
	explicit bool // each frame needs a program config element
}

// layouts returns the layouts of
//
//	ffmpeg -f lavfi -i anullsrc=cl=LAYOUT:r=48000 -c:a aac -f flv
//
// A program config element of FFmpeg begins with a pair, a standard configuration with the
// centre. Therefore no standard configuration can replace one of these elements.
func layouts() []layout {
	list := []layout{
		{name: "mono", channels: 1, asc: unhex("118856e500")},
		{name: "stereo", channels: 2, asc: unhex("119056e500")},
		{name: "3.0", channels: 3, asc: unhex("119856e500")},
		{name: "4.0", channels: 4, asc: unhex("11a056e500")},
		{name: "5.0", channels: 5, asc: unhex("11a856e500")},
		{name: "5.1", channels: 6, asc: unhex("11b056e500")},
		{name: "7.1", channels: 8, asc: unhex("11b856e500")},
	}
	for _, l := range []struct {
		name, asc string
		channels  int
	}{
		{"2.1", "118004c4010020000d4c61766335392e33372e31303056e500", 3},
		{"3.0(back)", "118004c4040020000d4c61766335392e33372e31303056e500", 3},
		{"quad", "118004c4040021100d4c61766335392e33372e31303056e500", 4},
		{"quad(side)", "118004c4400021100d4c61766335392e33372e31303056e500", 4},
		{"3.1", "118004c8010020000d4c61766335392e33372e31303056e500", 4},
		{"5.0(side)", "118004c840002008800d4c61766335392e33372e31303056e500", 5},
		{"4.1", "118004c844002000880d4c61766335392e33372e31303056e500", 5},
		{"5.1(side)", "118004c844002000c40d4c61766335392e33372e31303056e500", 6},
		{"6.0", "118004c844002008840d4c61766335392e33372e31303056e500", 6},
		{"6.0(front)", "118004c840002309000d4c61766335392e33372e31303056e500", 6},
		{"hexagonal", "118004c808002008840d4c61766335392e33372e31303056e500", 6},
		{"6.1", "118004c848002000c4400d4c61766335392e33372e31303056e500", 7},
		{"7.0", "118004c844002008c80d4c61766335392e33372e31303056e500", 7},
		{"7.1(wide)", "118004c848002000c6400d4c61766335392e33372e31303056e500", 8},
		{"octagonal", "118004c848002008c8200d4c61766335392e33372e31303056e500", 8},
	} {
		list = append(list, layout{l.name, unhex(l.asc), l.channels, true})
	}
	return list
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestParseASC_CarriesEveryLayoutOfFFmpeg(t *testing.T) {
	for _, l := range layouts() {
		t.Run(l.name, func(t *testing.T) {
			c, err := ParseASC(l.asc)
			if err != nil {
				t.Fatal(err)
			}
			if c.Channels != l.channels || c.SampleRate != 48000 || c.CodecString != CodecLC || (c.ProgramConfig != nil) != l.explicit {
				t.Fatalf("config %+v, want %d channels, program config %t", c, l.channels, l.explicit)
			}
			if !l.explicit {
				return
			}
			// The reader of another library takes the element without its id.
			frame := append(append([]byte{}, c.ProgramConfig...), 0x21, 0x10)
			n, err := mpeg4audio.CountChannelsFromRawDataBlock(frame)
			if err != nil || n != l.channels {
				t.Errorf("the layout in the frame has %d channels, %v; want %d", n, err, l.channels)
			}
		})
	}
}

// asc returns AAC-LC at 48 kHz with a program config element.
func (p *programConfig) asc() []byte {
	w := &bitWriter{}
	w.u(5, ObjectTypeLC)
	w.u(4, 3)
	w.u(4, 0)
	w.u(3, 0)
	element := p.element()
	for at := 3; at < len(element)*8; at++ {
		if at == (len(element)-1)*8 { // the comment's length is at a whole byte
			w.u((8-w.n%8)%8, 0)
		}
		w.u(1, int(element[at/8]>>(7-at%8))&1)
	}
	return w.b
}

func TestParseASC_MapsALayoutInStandardOrder(t *testing.T) {
	c, lr, surround := element{}, element{pair: true}, element{pair: true, tag: 1}
	back := element{pair: true, tag: 2}
	for _, l := range []struct {
		name     string
		layout   programConfig
		channels int
		explicit bool
	}{
		{"mono", programConfig{front: []element{c}}, 1, false},
		{"stereo", programConfig{front: []element{lr}}, 2, false},
		{"3.0", programConfig{front: []element{c, lr}}, 3, false},
		{"4.0", programConfig{front: []element{c, lr}, back: []element{{tag: 1}}}, 4, false},
		{"5.0(side)", programConfig{front: []element{c, lr}, side: []element{surround}}, 5, false},
		{"5.0", programConfig{front: []element{c, lr}, back: []element{surround}}, 5, false},
		{"5.1(side)", programConfig{front: []element{c, lr}, side: []element{surround}, lfe: []int{0}}, 6, false},
		{"7.1", programConfig{front: []element{c, lr}, side: []element{surround}, back: []element{back}, lfe: []int{0}}, 8, false},
		{"7.1(wide)", programConfig{front: []element{c, lr, surround}, back: []element{back}, lfe: []int{0}}, 8, false},

		{"stereo at the side", programConfig{side: []element{lr}}, 2, true},
		{"five in front", programConfig{front: []element{c, lr, surround}}, 5, true},
		{"pair before centre", programConfig{front: []element{lr, c}}, 3, true},
		{"two low channels", programConfig{front: []element{c, lr}, side: []element{surround}, lfe: []int{0, 1}}, 7, true},
		{"dependent coupling", programConfig{front: []element{lr}, coupling: []element{{tag: 0}}}, 2, true},
		{"6.1", programConfig{front: []element{c, lr}, side: []element{surround}, back: []element{{tag: 1}}, lfe: []int{0}}, 7, true},
		{"16 channels", programConfig{front: []element{lr, lr, lr, lr}, side: []element{lr, lr}, back: []element{lr, lr}}, 16, true},
	} {
		t.Run(l.name, func(t *testing.T) {
			l.layout.monoMixdown, l.layout.stereoMixdown, l.layout.matrixMixdown = 3, -1, 5
			got, err := ParseASC(l.layout.asc())
			if err != nil {
				t.Fatal(err)
			}
			if got.Channels != l.channels || (got.ProgramConfig != nil) != l.explicit {
				t.Fatalf("config %+v, want %d channels, program config %t", got, l.channels, l.explicit)
			}
			if !l.explicit {
				return
			}
			l.layout.profile, l.layout.rateIndex = 1, 3
			if diff := cmp.Diff(l.layout.element(), got.ProgramConfig); diff != "" {
				t.Errorf("layout (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseASC_CarriesChannelConfiguration11AsALayout(t *testing.T) {
	c, err := ParseASC([]byte{0x11, 0xd8})
	if err != nil {
		t.Fatal(err)
	}
	n, err := mpeg4audio.CountChannelsFromRawDataBlock(append(c.ProgramConfig, 0x01, 0x18))
	if c.Channels != 7 || err != nil || n != 7 {
		t.Errorf("config %+v with a layout of %d channels, want 7: %v", c, n, err)
	}
}
