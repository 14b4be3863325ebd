package hlscheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asticode/go-astits"
)

// PacketSize is the size of a transport stream packet (ISO 13818-1 section 2.4.3.2).
const PacketSize = 188

// The stream types of a PMT that are known here (ISO 13818-1 table 2-34).
const (
	TypeADTS = 0x0f
	TypeH264 = 0x1b
	TypeHEVC = 0x24
)

// ticksPerWrap is how many 90 kHz ticks 33 bits hold.
const ticksPerWrap = int64(1) << 33

// Transport is a demultiplexed transport stream.
type Transport struct {
	// Streams are the elementary streams of the PMT, by PID.
	Streams []*Stream
}

// Stream is one elementary stream.
type Stream struct {
	PID  uint16
	Type uint8
	// PES are its packets in order: for video one access unit each, for ADTS
	// audio one or more frames.
	PES []PES
}

// PES is one PES packet.
type PES struct {
	// PTS and DTS are in 90 kHz ticks. The first ones of a Demux call are as written; the
	// others are unwrapped from 33 bits.
	PTS, DTS int64
	// RandomAccess is the random_access_indicator of the first packet.
	RandomAccess bool
	Data         []byte
}

// Video returns the first video stream; nil when there is none.
func (t *Transport) Video() *Stream { return t.find(TypeH264, TypeHEVC) }

// Audio returns the first audio stream; nil when there is none.
func (t *Transport) Audio() *Stream { return t.find(TypeADTS) }

// first returns the video stream, or else the audio stream; nil if it is empty.
func (t *Transport) first() *Stream {
	s := t.Video()
	if s == nil {
		s = t.Audio()
	}
	if s == nil || len(s.PES) == 0 {
		return nil
	}
	return s
}

func (t *Transport) find(types ...uint8) *Stream {
	for _, s := range t.Streams {
		if slices.Contains(types, s.Type) {
			return s
		}
	}
	return nil
}

// Demux demultiplexes MPEG-TS with go-astits. It fails if data is not a whole number of
// packets, has no PAT and PMT, or has a packet that go-astits refuses.
func Demux(ctx context.Context, data []byte) (*Transport, error) {
	if len(data) == 0 || len(data)%PacketSize != 0 {
		return nil, fmt.Errorf("%d bytes are not a whole number of %d-byte packets", len(data), PacketSize)
	}
	data, err := unboundPESLengths(data)
	if err != nil {
		return nil, err
	}
	d := astits.NewDemuxer(ctx, bytes.NewReader(data), astits.DemuxerOptPacketSize(PacketSize))
	t := &Transport{}
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
		p, err := newPES(unit)
		if err != nil {
			return nil, err
		}
		s.add(p)
	}
	if len(t.Streams) == 0 {
		return nil, errors.New("no PAT and PMT with elementary streams")
	}
	// go-astits silently drops packets that it cannot assign.
	begun := payloadStarts(data)
	for _, s := range t.Streams {
		if begun[s.PID] != len(s.PES) {
			return nil, fmt.Errorf("%d PES begin on PID %d and %d could be read: some stand before the PMT or are broken", begun[s.PID], s.PID, len(s.PES))
		}
	}
	slices.SortFunc(t.Streams, func(a, b *Stream) int { return int(a.PID) - int(b.PID) })
	return t, nil
}

// list adds the new streams of a PMT.
func (t *Transport) list(pmt *astits.PMTData, known map[uint16]*Stream) {
	for _, es := range pmt.ElementaryStreams {
		if known[es.ElementaryPID] == nil {
			s := &Stream{PID: es.ElementaryPID, Type: uint8(es.StreamType)}
			known[s.PID] = s
			t.Streams = append(t.Streams, s)
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

func newPES(unit *astits.DemuxerData) (PES, error) {
	h := unit.PES.Header.OptionalHeader
	if h == nil || h.PTS == nil {
		return PES{}, fmt.Errorf("PES on PID %d has no PTS", unit.PID)
	}
	p := PES{PTS: h.PTS.Base, DTS: h.PTS.Base, Data: unit.PES.Data}
	if h.DTS != nil {
		p.DTS = h.DTS.Base
	}
	if a := unit.FirstPacket.AdaptationField; a != nil {
		p.RandomAccess = a.RandomAccessIndicator
	}
	return p, nil
}

// add appends p with its times unwrapped.
func (s *Stream) add(p PES) {
	if n := len(s.PES); n > 0 {
		p.DTS = near(s.PES[n-1].DTS, p.DTS)
	}
	p.PTS = near(p.DTS, p.PTS)
	s.PES = append(s.PES, p)
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
