package aac

// ADTSHeaderSize is the size of the header in bytes.
const ADTSHeaderSize = 7

// MaxFrameSize is the longest raw frame in bytes that fits behind an ADTS
// header: its length field of 13 bits counts the header too. AAC's own limit,
// 768 bytes a channel, is below.
const MaxFrameSize = 1<<13 - 1 - ADTSHeaderSize

// AppendADTSHeader appends the header of one raw AAC frame of frameLen bytes (at
// most MaxFrameSize) to dst: adts_fixed_header and adts_variable_header of ISO
// 13818-7 section 6.2, 7 bytes, without CRC. objectType, sampleRate (Hz) and
// channels are those of a Config.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-----------------------+-+---+-+---+-------+-+-----+-+-+-+-+---+
//	|     sync: 0xfff       |V| 0 |1|pro| rate  |0| ch  |0|0|0|0| fr|
//	+-----------------------+-+---+-+---+-------+-+-----+-+-+-+-+---+
//	|ame length           |  fullness: 0x7ff    | 0 |
//	+---------------------+---------------------+---+
func AppendADTSHeader(dst []byte, objectType, sampleRate, channels, frameLen int) []byte {
	profile := uint8(objectType-1) & 3
	rate := uint8(max(sampleRateIndex(sampleRate), 0))
	layout := uint8(channels)
	if channels == 8 {
		layout = 7
	}
	n := frameLen + ADTSHeaderSize
	return append(dst,
		0xff, 0xf1, // MPEG-4, layer 0, no CRC
		profile<<6|rate<<2|layout>>2&1,
		layout&3<<6|uint8(n>>11)&3,
		uint8(n>>3),
		uint8(n&7)<<5|0x1f, // a fullness of 0x7ff is "variable bit rate"
		0xfc)               // one frame in this header
}

// sampleRateIndex is the sampling_frequency_index of ISO 14496-3 table 1.18, or
// -1.
func sampleRateIndex(rate int) int {
	switch rate {
	case 96000:
		return 0
	case 88200:
		return 1
	case 64000:
		return 2
	case 48000:
		return 3
	case 44100:
		return 4
	case 32000:
		return 5
	case 24000:
		return 6
	case 22050:
		return 7
	case 16000:
		return 8
	case 12000:
		return 9
	case 11025:
		return 10
	case 8000:
		return 11
	case 7350:
		return 12
	}
	return -1
}
