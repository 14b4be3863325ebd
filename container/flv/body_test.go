package flv_test

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"golive/container/flv"
	"golive/media"
)

// Parameter sets by x264: High profile with 320x240, and Baseline profile with 160x120.
const (
	spsLarge = "6764000dacd94141fb011000000300100000030320f1429960"
	ppsLarge = "68ebe3cb22c0"
	spsSmall = "6742c00bd902847e5c0440000003004000000c83c50a92"
	ppsSmall = "68cb83cb20"
	ascLC48k = "1190" // AAC-LC, 48 kHz, stereo
	ascLC44k = "1210"
)

// NAL units that are cut short: the demuxer reads only their first bytes.
const (
	idr   = "65888400"
	inter = "419a2400"
	sei   = "0605ffff"
	aud   = "09f0"
)

func raw(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cat joins hex strings to bytes.
func cat(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b []byte
	for _, p := range parts {
		b = append(b, raw(t, p)...)
	}
	return b
}

// avcc returns an AVCDecoderConfigurationRecord.
func avcc(t testing.TB, lengthSize int, sps, pps []string) []byte {
	t.Helper()
	b := []byte{1, 0x64, 0, 0x0d, 0xfc | byte(lengthSize-1), 0xe0 | byte(len(sps))}
	add := func(nal string) {
		n := raw(t, nal)
		b = binary.BigEndian.AppendUint16(b, uint16(len(n)))
		b = append(b, n...)
	}
	for _, s := range sps {
		add(s)
	}
	b = append(b, byte(len(pps)))
	for _, p := range pps {
		add(p)
	}
	return b
}

func large(t testing.TB) []byte { return avcc(t, 4, []string{spsLarge}, []string{ppsLarge}) }
func small(t testing.TB) []byte { return avcc(t, 4, []string{spsSmall}, []string{ppsSmall}) }

// nals returns NAL units, each after its length in lengthSize bytes.
func nals(t testing.TB, lengthSize int, units ...string) []byte {
	t.Helper()
	var b []byte
	for _, u := range units {
		n := raw(t, u)
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(n)))
		b = append(b, length[4-lengthSize:]...)
		b = append(b, n...)
	}
	return b
}

// video returns a legacy AVC body; composition is in milliseconds.
func video(packet byte, composition int, data []byte) []byte {
	return append([]byte{0x17, packet, byte(composition >> 16), byte(composition >> 8), byte(composition)}, data...)
}

func config(record []byte) []byte           { return video(0, 0, record) }
func frame(data []byte) []byte              { return video(1, 0, data) }
func audio(packet byte, data []byte) []byte { return append([]byte{0xaf, packet}, data...) }

// feed demuxes a body that must return neither a unit nor an error.
func feed(t testing.TB, d *flv.Demuxer, body []byte) {
	t.Helper()
	u, ok, err := d.Video(0, body)
	if ok || err != nil {
		t.Fatalf("Video(%x) = %v, %v, %v; want no unit and no error", body, u, ok, err)
	}
}

// unit demuxes a body that must return a unit.
func unit(t testing.TB, d *flv.Demuxer, dts media.Ticks, body []byte) media.AccessUnit {
	t.Helper()
	u, ok, err := d.Video(dts, body)
	if !ok || err != nil {
		t.Fatalf("Video(%x) = %v, %v; want a unit", body, ok, err)
	}
	return u
}

// configured returns a demuxer that has read the large configuration.
func configured(t testing.TB) *flv.Demuxer {
	t.Helper()
	d := flv.NewDemuxer()
	feed(t, d, config(large(t)))
	return d
}
