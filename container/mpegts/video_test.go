package mpegts

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golive/codec/h264"
	"golive/media"
)

func TestPart_SetsThePESLengthIfItFits(t *testing.T) {
	v := videoTrack(4)
	for _, c := range []struct {
		size int // the largest NAL unit that fits beside header, delimiter and start code
		want uint16
	}{{100, 118}, {65517, 65535}, {65518, 0}, {70_000, 0}} {
		units := []media.AccessUnit{slice(v, 0, false, c.size)}
		part := pack(NewMuxer(), v, nil, units)
		s := readParts(t, part)
		s.checkUnits(t, units)
		header := part[2*packetSize+headerSize:]
		header = header[1+int(header[0]):] // after the adaptation field
		if got := binary.BigEndian.Uint16(header[4:]); got != c.want {
			t.Errorf("slice of %d bytes: PES_packet_length %d, want %d", c.size, got, c.want)
		}
	}
}

func TestPart_WritesDelimiterAndParameterSetsOnce(t *testing.T) {
	v := videoTrack(4)
	const key, idr = true, byte(h264.IDR)
	aud, sei := []byte{0x09, 0x10}, nal(byte(h264.SEI), 20)
	sps, pps := nal(byte(h264.SPS), 12), nal(byte(h264.PPS), 5)
	for _, c := range []struct {
		name string
		key  bool
		nals [][]byte
		want []byte // the NAL unit types
	}{
		{"key", key, [][]byte{sei, nal(idr, 30)}, []byte{9, 7, 8, 8, 6, 5}},
		{"not key", false, [][]byte{nal(1, 30)}, []byte{9, 1}},
		{"OBS and GStreamer: all in band", key, [][]byte{aud, sps, pps, sei, nal(idr, 30)}, []byte{9, 7, 8, 6, 5}},
		{"delimiter in band", key, [][]byte{aud, nal(idr, 30)}, []byte{9, 7, 8, 8, 5}},
		{"delimiter in the middle", key, [][]byte{sps, pps, aud, nal(idr, 30)}, []byte{9, 7, 8, 5}},
		{"two delimiters", false, [][]byte{aud, nal(1, 30), aud, nal(1, 31)}, []byte{9, 1, 1}},
		{"captions before the delimiter", false, [][]byte{sei, aud, sei, nal(1, 30)}, []byte{9, 6, 6, 1}},
		{"recovery point after captions", key, [][]byte{sei, sei, nal(1, 30)}, []byte{9, 7, 8, 8, 6, 6, 1}},
		{"SPS without PPS", key, [][]byte{sps, nal(idr, 30)}, []byte{9, 7, 8, 8, 7, 5}},
		{"empty NAL units", false, [][]byte{{}, nal(1, 30), {}}, []byte{9, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			units := []media.AccessUnit{{Track: v, Key: c.key, Data: nals(4, c.nals...)}}
			s := readParts(t, pack(NewMuxer(), v, nil, units))
			s.checkUnits(t, units)
			var types []byte
			for _, n := range bytes.Split(s.video[0].Data, []byte{0, 0, 0, 1})[1:] {
				types = append(types, n[0]&0x1f)
			}
			if !bytes.Equal(types, c.want) {
				t.Errorf("NAL unit types %v, want %v", types, c.want)
			}
		})
	}
}

func TestPart_LeavesOutInvalidUnits(t *testing.T) {
	v, a := videoTrack(4), audioTrack(48000, 2)
	whole := nals(4, nal(1, 30))
	units := []media.AccessUnit{
		{Track: v, Data: nil},
		{Track: v, Data: []byte{0, 0}},
		{Track: v, Data: []byte{0xff, 0xff, 0xff, 0xff, 1, 2, 3}},
		{Track: v, Data: nals(4, []byte{0x09, 0xf0})},
		{Track: v, DTS: 3000, PTS: 3000, Data: append(whole, 0, 0, 1, 0, 0x41)},
		{Track: a, Data: nil},
	}
	s := readParts(t, pack(NewMuxer(), v, a, units))
	s.checkUnits(t, units)
	if len(s.video) != 1 || len(s.audio) != 0 {
		t.Errorf("%d pictures and %d audio PES packets, want 1 and 0", len(s.video), len(s.audio))
	}
}
