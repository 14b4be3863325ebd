package hlscheck

import (
	"bytes"
	"testing"

	"github.com/asticode/go-astits"
)

const (
	videoPID = 256
	audioPID = 257
	fps      = 30
)

var (
	testSPS = []byte{0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8}
	testPPS = []byte{0x68, 0xce, 0x3c, 0x80}
)

// tsStream writes MPEG-TS with go-astits: 30 pictures a second, each an
// access unit of a few hundred bytes, and AAC at 48 kHz.
type tsStream struct {
	t     *testing.T
	buf   bytes.Buffer
	mux   *astits.Muxer
	sps   []byte
	frame int64
	audio int64
	// offset is added to every time, in ticks.
	offset int64
}

func newTSStream(t *testing.T, videoType astits.StreamType) *tsStream {
	t.Helper()
	s := &tsStream{t: t, sps: testSPS, offset: 126_000}
	s.mux = astits.NewMuxer(t.Context(), &s.buf, astits.MuxerOptTablesRetransmitPeriod(1<<30))
	for _, es := range []astits.PMTElementaryStream{
		{ElementaryPID: videoPID, StreamType: videoType},
		{ElementaryPID: audioPID, StreamType: astits.StreamTypeAACAudio},
	} {
		if err := s.mux.AddElementaryStream(es); err != nil {
			t.Fatal(err)
		}
	}
	s.mux.SetPCRPID(videoPID)
	return s
}

// part returns that many pictures with their audio, after PAT and PMT. key makes the first an IDR
// picture with its parameter sets.
func (s *tsStream) part(frames int, key bool) []byte {
	s.t.Helper()
	s.buf.Reset()
	if !key { // before a key frame, astits writes them itself
		if _, err := s.mux.WriteTables(); err != nil {
			s.t.Fatal(err)
		}
	}
	for i := range frames {
		au := annexB([]byte{9, 0xf0})
		if key && i == 0 {
			au = append(au, annexB(s.sps, testPPS, picture(0x65, s.frame))...)
		} else {
			au = append(au, annexB(picture(0x41, s.frame))...)
		}
		at := s.offset + s.frame*90_000/fps
		s.pes(videoPID, 0xe0, at, at+90_000/fps, au, key && i == 0)
		s.frame++
		for ; s.audio*1024*fps < s.frame*48_000; s.audio++ {
			pts := s.offset + s.audio*1024*90_000/48_000
			s.pes(audioPID, 0xc0, pts, pts, adts(48_000, []byte{1, 2, byte(s.audio)}), false)
		}
	}
	return bytes.Clone(s.buf.Bytes())
}

// segment returns seconds of pictures, the first an IDR picture.
func (s *tsStream) segment(seconds int) []byte { return s.part(seconds*fps, true) }

func (s *tsStream) pes(pid uint16, id uint8, dts, pts int64, data []byte, key bool) {
	s.t.Helper()
	h := &astits.PESOptionalHeader{
		MarkerBits: 2, PTSDTSIndicator: astits.PTSDTSIndicatorBothPresent,
		PTS: &astits.ClockReference{Base: pts & (ticksPerWrap - 1)},
		DTS: &astits.ClockReference{Base: dts & (ticksPerWrap - 1)},
	}
	if dts == pts {
		h.PTSDTSIndicator, h.DTS = astits.PTSDTSIndicatorOnlyPTS, nil
	}
	_, err := s.mux.WriteData(&astits.MuxerData{
		PID:             pid,
		AdaptationField: &astits.PacketAdaptationField{RandomAccessIndicator: key},
		PES:             &astits.PESData{Data: data, Header: &astits.PESHeader{StreamID: id, OptionalHeader: h}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// picture returns a NAL unit that differs from frame to frame and holds no start code.
func picture(header byte, frame int64) []byte {
	nal := bytes.Repeat([]byte{0xaa}, 300)
	nal[0], nal[1], nal[2] = header, byte(frame)|0x80, byte(frame>>7)|0x80
	return nal
}

func annexB(nals ...[]byte) []byte {
	var b []byte
	for _, n := range nals {
		b = append(append(b, 0, 0, 0, 1), n...)
	}
	return b
}

// adts returns one AAC-LC stereo frame. The payload is not real audio.
func adts(rate int, payload []byte) []byte {
	index := map[int]byte{48_000: 3, 44_100: 4}[rate]
	n := 7 + len(payload)
	return append([]byte{
		0xff, 0xf1, 1<<6 | index<<2, 2<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc,
	}, payload...)
}
