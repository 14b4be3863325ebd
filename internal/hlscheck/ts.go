package hlscheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/asticode/go-astits"
)

// PacketSize is the size of a transport stream packet (ISO 13818-1 section 2.4.3.2).
const PacketSize = 188

// codecOf returns the codec of a stream type in a PMT (ISO 13818-1 table 2-34).
func codecOf(streamType uint8) Codec {
	switch streamType {
	case 0x0f:
		return AAC
	case 0x1b:
		return H264
	case 0x24:
		return HEVC
	case 0x03, 0x04: // MPEG-1 and MPEG-2 audio
		return OtherAudio
	}
	return OtherCodec
}

// ticksPerWrap is how many 90 kHz ticks 33 bits hold.
const ticksPerWrap = int64(1) << 33

// demuxTS demultiplexes MPEG-TS with go-astits. It fails if data is not a whole number of
// packets, has no PAT and PMT, or has a packet that go-astits refuses.
func demuxTS(ctx context.Context, data []byte) (*Contents, error) {
	if len(data) == 0 || len(data)%PacketSize != 0 {
		return nil, fmt.Errorf("%d bytes are not a whole number of %d-byte packets", len(data), PacketSize)
	}
	data, err := unboundPESLengths(data)
	if err != nil {
		return nil, err
	}
	d := astits.NewDemuxer(ctx, bytes.NewReader(data), astits.DemuxerOptPacketSize(PacketSize))
	t := &Contents{}
	streams := map[uint16]*Stream{}
	for {
		unit, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("demux MPEG-TS: %w", err)
		}
		if unit.PMT != nil {
			t.list(unit.PMT, streams)
		}
		if unit.PES == nil {
			continue
		}
		s := streams[unit.PID]
		if s == nil {
			return nil, fmt.Errorf("PES on PID %d, which no PMT before it names", unit.PID)
		}
		u, err := newUnit(unit)
		if err != nil {
			return nil, err
		}
		s.add(u)
	}
	if len(t.Streams) == 0 {
		return nil, errors.New("no PAT and PMT with elementary streams")
	}
	// go-astits silently drops packets that it cannot assign.
	begun := payloadStarts(data)
	for _, s := range t.Streams {
		if n := begun[uint16(s.ID)]; n != len(s.Units) {
			return nil, fmt.Errorf("%d PES begin on PID %d and %d could be read: some stand before the PMT or are broken", n, s.ID, len(s.Units))
		}
		s.describe()
	}
	slices.SortFunc(t.Streams, func(a, b *Stream) int { return int(a.ID) - int(b.ID) })
	return t, nil
}

// list adds the new streams of a PMT.
func (c *Contents) list(pmt *astits.PMTData, known map[uint16]*Stream) {
	for _, es := range pmt.ElementaryStreams {
		if known[es.ElementaryPID] == nil {
			codec := codecOf(uint8(es.StreamType))
			s := &Stream{ID: uint32(es.ElementaryPID), Codec: codec, Timescale: second, ADTS: codec == AAC, wraps: true}
			known[es.ElementaryPID] = s
			c.Streams = append(c.Streams, s)
		}
	}
}

// payloadStarts counts the packets with payload_unit_start_indicator per PID.
func payloadStarts(data []byte) map[uint16]int {
	n := map[uint16]int{}
	for at := 0; at+PacketSize <= len(data); at += PacketSize {
		if p := data[at:]; p[1]&0x40 != 0 {
			n[uint16(p[1]&0x1f)<<8|uint16(p[2])]++
		}
	}
	return n
}

func newUnit(unit *astits.DemuxerData) (Unit, error) {
	h := unit.PES.Header.OptionalHeader
	if h == nil || h.PTS == nil {
		return Unit{}, fmt.Errorf("PES on PID %d has no PTS", unit.PID)
	}
	u := Unit{PTS: h.PTS.Base, DTS: h.PTS.Base, Data: unit.PES.Data}
	if h.DTS != nil {
		u.DTS = h.DTS.Base
	}
	if a := unit.FirstPacket.AdaptationField; a != nil {
		u.Key = a.RandomAccessIndicator
	}
	return u, nil
}

// add appends u with its times unwrapped.
func (s *Stream) add(u Unit) {
	if n := len(s.Units); n > 0 {
		u.DTS = near(s.Units[n-1].DTS, u.DTS)
	}
	u.PTS = near(u.DTS, u.PTS)
	s.Units = append(s.Units, u)
}

// describe sets the stream's codec string and parameters by its first unit, if that has them.
func (s *Stream) describe() {
	if len(s.Units) == 0 {
		return
	}
	first := s.Units[0].Data
	switch s.Codec {
	case H264:
		var sets []string
		for _, nal := range NALs(first) {
			if nal[0]&0x1f != nalSPS {
				continue
			}
			sets = append(sets, fmt.Sprintf("SPS %x", nal))
			if len(nal) > 3 {
				s.CodecString = fmt.Sprintf("avc1.%02X%02X%02X", nal[1], nal[2], nal[3])
			}
		}
		s.parameters = strings.Join(sets, " ")
	case AAC:
		// Profile, sampling frequency and channels: the header's fixed part.
		if len(first) > 4 {
			s.CodecString = fmt.Sprintf("mp4a.40.%d", first[2]>>6+1)
			s.parameters = fmt.Sprintf("ADTS %x", []byte{first[2] & 0xfd, first[3] & 0xc0})
		}
	default: // not known
	}
}

// near returns the time that equals raw modulo 2^33 and lies nearest to reference.
func near(reference, raw int64) int64 {
	diff := (raw - reference) % ticksPerWrap
	switch {
	case diff > ticksPerWrap/2:
		diff -= ticksPerWrap
	case diff < -ticksPerWrap/2:
		diff += ticksPerWrap
	}
	return reference + diff
}

// Continuity checks the continuity counters of a transport stream, piece by piece (ISO
// 13818-1 section 2.4.3.3). The zero value is ready.
type Continuity struct {
	last map[uint16]uint8
	seen map[uint16]bool
}

// Check checks the next piece and returns its faults.
func (c *Continuity) Check(data []byte) []string {
	if c.last == nil {
		c.last, c.seen = map[uint16]uint8{}, map[uint16]bool{}
	}
	var faults []string
	for at := 0; at+PacketSize <= len(data); at += PacketSize {
		p := data[at : at+PacketSize]
		if p[0] != 0x47 {
			return append(faults, fmt.Sprintf("no sync byte at offset %d", at))
		}
		pid := uint16(p[1]&0x1f)<<8 | uint16(p[2])
		if pid == 0x1fff { // null packets have no defined counter
			continue
		}
		counter, hasPayload := p[3]&0x0f, p[3]&0x10 != 0
		announced := p[3]&0x20 != 0 && p[4] > 0 && p[5]&0x80 != 0 // discontinuity_indicator
		want := c.last[pid]
		if hasPayload {
			want = (want + 1) & 0x0f
		}
		if c.seen[pid] && counter != want && !announced {
			faults = append(faults, fmt.Sprintf("PID %d has continuity counter %d at offset %d, want %d", pid, counter, at, want))
		}
		c.last[pid], c.seen[pid] = counter, true
	}
	return faults
}

// Reset must be called at a discontinuity, after which the counters may restart.
func (c *Continuity) Reset() { c.last, c.seen = nil, nil }
