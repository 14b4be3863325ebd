package mediatest

import (
	"encoding/hex"

	"golive/media"
)

// HEVC returns a new video track with parameter sets of x265.
func HEVC() *media.Track {
	return &media.Track{
		Codec:         media.HEVC,
		CodecString:   "hvc1.1.6.L30.90",
		VPS:           [][]byte{unhex("40010c01ffff01600000030090000003000003001e959809")},
		SPS:           [][]byte{unhex("42010101600000030090000003000003001ea0162069f796566924caf0168080000003008000000c84")},
		PPS:           [][]byte{unhex("4401c172b46240")},
		NALLengthSize: 4,
		Width:         176,
		Height:        100,
	}
}

// AV1 returns a new video track with the sequence header of SVT-AV1. Its units have no OBUs.
func AV1() *media.Track {
	return &media.Track{
		Codec: media.AV1, CodecString: "av01.0.00M.08",
		Config: unhex("81000c000a0a000000032dffc02f8004"), Width: 96, Height: 64,
	}
}

// Opus returns a new audio track of stereo in packets of 20 ms.
func Opus() *media.Track {
	return &media.Track{
		Codec: media.Opus, CodecString: "Opus", Config: unhex("000201380000bb80000000"),
		SampleRate: 48000, Channels: 2, SamplesPerUnit: 960,
	}
}

// MP3 returns a new audio track of 48 kHz stereo.
func MP3() *media.Track {
	return &media.Track{Codec: media.MP3, CodecString: "mp4a.40.34", SampleRate: 48000, Channels: 2, SamplesPerUnit: 1152}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
