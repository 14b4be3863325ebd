package aac

// ADTSHeaderSize is the size in bytes of the header that AppendADTSHeader appends.
const ADTSHeaderSize = 7

// MaxFrameSize is the longest raw frame in bytes that fits after an ADTS
// header: the header's length field of 13 bits counts the header too. AAC's own limit,
// 768 bytes a channel, is lower for up to ten channels.
const MaxFrameSize = 1<<13 - 1 - ADTSHeaderSize

// AppendADTSHeader appends the header of one raw AAC frame of frameLen bytes (at
// most MaxFrameSize) to dst: adts_fixed_header and adts_variable_header of ISO
// 13818-7 section 6.2, 7 bytes, without CRC. objectType, sampleRate (Hz) and
// channels are those of a Config; a Config's ProgramConfig is part of the frame.
//
// The channel configuration is set also where a program config element describes the
// channels: players that read only the header need it. It is 0 if no configuration has
// that number of channels.
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
	layout := uint8(ChannelConfiguration(channels))
	n := frameLen + ADTSHeaderSize
	return append(dst,
		0xff, 0xf1, // MPEG-4, layer 0, no CRC
		profile<<6|rate<<2|layout>>2&1,
		layout&3<<6|uint8(n>>11)&3,
		uint8(n>>3),
		uint8(n&7)<<5|0x1f, // a fullness of 0x7ff is "variable bit rate"
		0xfc)               // one frame in this header
}

// ChannelConfiguration returns the channel configuration (ISO 14496-3 table 1.19) with that number of
// channels, up to 7; 0 if there is none.
func ChannelConfiguration(channels int) int {
	switch {
	case 1 <= channels && channels <= 6:
		return channels
	case channels == 8:
		return 7
	}
	return 0
}

// numRates is the number of values of sampling_frequency_index that are not reserved.
const numRates = 13

// sampleRates returns the rates in Hz by sampling_frequency_index (ISO 14496-3 table
// 1.18).
func sampleRates() [numRates]int {
	return [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
}

// sampleRateIndex returns the sampling_frequency_index of a rate in Hz, or -1. A rate up
// to 0.5 % from a standard one has its index: so do the pull-down rates of film (44056,
// 47952). The difference is inaudible.
func sampleRateIndex(rate int) int {
	switch rate { // the usual rates
	case 48000:
		return 3
	case 44100:
		return 4
	}
	for i, standard := range sampleRates() {
		if off := rate - standard; -standard <= 200*off && 200*off <= standard {
			return i
		}
	}
	return -1
}
