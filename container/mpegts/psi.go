package mpegts

import (
	"encoding/binary"

	"golive/media"
)

// The PIDs of a programme with at most two streams. Most HLS packagers use
// them. They never change.
const (
	patPID   = 0x0000
	pmtPID   = 0x1000
	videoPID = 0x0100
	audioPID = 0x0101
	noPCR    = 0x1fff
)

// The stream_type of ISO 13818-1 table 2-34.
const (
	streamTypeMPEG1 = 0x03 // ISO 11172-3 audio
	streamTypeMPEG2 = 0x04 // ISO 13818-3 audio, which has the lower sample rates
	streamTypeAAC   = 0x0f // with ADTS
	streamTypeH264  = 0x1b
	streamTypeHEVC  = 0x24
)

// streamType returns the stream_type of a track; 0 if there is none.
func streamType(t *media.Track) uint8 {
	if t == nil {
		return 0
	}
	const lowestMPEG1 = 32000
	switch t.Codec {
	case media.H264:
		return streamTypeH264
	case media.HEVC:
		return streamTypeHEVC
	case media.AAC:
		return streamTypeAAC
	case media.MP3:
		if t.SampleRate < lowestMPEG1 {
			return streamTypeMPEG2
		}
		return streamTypeMPEG1
	default:
		return 0
	}
}

// tablesSize is the size of a PAT and a PMT in bytes.
const tablesSize = 2 * packetSize

// program is the number of the only programme.
const program = 1

// tables holds the transport packets of the PAT and the PMT, without continuity counters.
type tables struct {
	pat, pmt [packetSize]byte
	// made is set once the packets have been made, for streams of these types; 0 is none.
	made         bool
	video, audio uint8
	// version is the version of the PMT, 5 bits; it is incremented if the streams change.
	version uint8
	// counter is the continuity counter of both, which are always written together.
	counter uint8
}

// write writes a PAT and a PMT for the streams.
func (t *tables) write(w *packetWriter, video, audio uint8) {
	if !t.made || t.video != video || t.audio != audio {
		t.make(video, audio)
	}
	const counterAt = 3
	for _, table := range []*[packetSize]byte{&t.pat, &t.pmt} {
		n := copy(w.slab[w.at:], table[:])
		w.slab[w.at+counterAt] |= t.counter & 0x0f
		w.at += n
	}
	w.end = w.at
	t.counter++
}

// make makes the packets for a new set of streams.
func (t *tables) make(video, audio uint8) {
	if t.made {
		t.version = (t.version + 1) & 0x1f
	}
	t.made, t.video, t.audio = true, video, audio

	// program_association_section, ISO 13818-1 section 2.4.4.3.
	section := []byte{0x00, 0, 0, 0, 1, 0xc1, 0, 0}
	section = binary.BigEndian.AppendUint16(section, program)
	section = binary.BigEndian.AppendUint16(section, 0xe000|pmtPID)
	tablePacket(&t.pat, patPID, section)

	// TS_program_map_section, ISO 13818-1 section 2.4.4.8.
	clock := uint16(noPCR)
	switch {
	case video != 0:
		clock = videoPID
	case audio != 0:
		clock = audioPID
	}
	section = []byte{0x02, 0, 0, 0, program, 0xc1 | t.version<<1, 0, 0}
	section = binary.BigEndian.AppendUint16(section, 0xe000|clock)
	section = binary.BigEndian.AppendUint16(section, 0xf000) // no descriptors of the programme
	if video != 0 {
		section = appendStream(section, video, videoPID)
	}
	if audio != 0 {
		section = appendStream(section, audio, audioPID)
	}
	tablePacket(&t.pmt, pmtPID, section)
}

// appendStream appends a stream's entry in the PMT, without descriptors.
func appendStream(section []byte, streamType uint8, pid uint16) []byte {
	section = append(section, streamType)
	section = binary.BigEndian.AppendUint16(section, 0xe000|pid)
	return binary.BigEndian.AppendUint16(section, 0xf000)
}

// tablePacket makes the transport packet that holds section, which has no
// section_length and no CRC yet. The rest of it is stuffing.
func tablePacket(packet *[packetSize]byte, pid uint32, section []byte) {
	const beforeLength, crcSize = 3, 4
	length := len(section) - beforeLength + crcSize
	binary.BigEndian.PutUint16(section[1:], 0xb000|uint16(length))
	section = binary.BigEndian.AppendUint32(section, crc32(section))

	binary.BigEndian.PutUint32(packet[:], syncByte|unitStart|pid<<pidShift|hasPayload)
	packet[headerSize] = 0 // pointer_field: the section begins at once
	n := copy(packet[headerSize+1:], section)
	fillStuffing(packet[headerSize+1+n:])
}

// crc32 returns the CRC of ISO 13818-1 annex A. It differs from hash/crc32, which
// processes the bits of a byte in reverse order. It is only used when streams change, so it
// needs no table.
func crc32(b []byte) uint32 {
	const polynomial = 0x04c11db7
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ polynomial
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
