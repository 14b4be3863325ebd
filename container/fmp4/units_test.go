package fmp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"

	"golive/codec/h264"
	"golive/container/flv"
	"golive/media"
)

// h264Track returns a track with parameter sets by x264 for 160x90. lengthSize is the size of NAL
// unit lengths.
func h264Track(lengthSize int) *media.Track {
	return &media.Track{
		Codec:         media.H264,
		CodecString:   "avc1.64000b",
		SPS:           [][]byte{{0x67, 0x64, 0x00, 0x0b, 0xac, 0xd9, 0x42, 0x8d, 0xf9, 0x30, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x14, 0x29, 0x96}},
		PPS:           [][]byte{{0x68, 0xef, 0xbc, 0xb0}},
		NALLengthSize: lengthSize,
		Width:         160,
		Height:        90,
	}
}

func aacTrack(sampleRate, channels int) *media.Track {
	return &media.Track{
		Codec:          media.AAC,
		CodecString:    "mp4a.40.2",
		ObjectType:     2,
		SampleRate:     sampleRate,
		Channels:       channels,
		SamplesPerUnit: 1024,
	}
}

// nals returns NAL units, each after its length.
func nals(lengthSize int, units ...[]byte) []byte {
	var b []byte
	for _, n := range units {
		length := binary.BigEndian.AppendUint32(nil, uint32(len(n)))
		b = append(append(b, length[4-lengthSize:]...), n...)
	}
	return b
}

// nal returns a NAL unit of a type and size, whose bytes differ from those of other sizes.
func nal(kind byte, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + size)
	}
	if size > 0 {
		b[0] = 0x60 | kind
	}
	return b
}

// slice returns a video unit of one slice.
func slice(t *media.Track, dts media.Ticks, key bool, size int) media.AccessUnit {
	kind := byte(h264.NonIDR)
	if key {
		kind = byte(h264.IDR)
	}
	return media.AccessUnit{Track: t, DTS: dts, PTS: dts, Key: key, Data: nals(t.NALLengthSize, nal(kind, size))}
}

// frame returns an audio unit.
func frame(t *media.Track, pts media.Ticks, size int) media.AccessUnit {
	return media.AccessUnit{Track: t, DTS: pts, PTS: pts, Key: true, Data: nal(1, size)}
}

// interleaved returns pictures and audio frames in the order of DTS,
// as a publisher sends them: the video at fps, the audio in whole milliseconds.
func interleaved(v, a *media.Track, from, length media.Ticks, fps, videoSize, audioSize int) []media.AccessUnit {
	var units []media.AccessUnit
	video := media.Ticks(0)
	for n := range 1 << 20 {
		ms := int64(n) * int64(a.SamplesPerUnit) * 1000 / int64(a.SampleRate)
		audio := media.TicksFromMillis(ms)
		for video <= audio && video < length {
			units = append(units, slice(v, from+video, video == 0, videoSize))
			video += media.Second / media.Ticks(fps)
		}
		if audio >= length {
			break
		}
		units = append(units, frame(a, from+audio, audioSize))
	}
	return units
}

// recording reads the sample of package mpegts: 2 s of a test picture of 160x90 at 25 Hz with
// B-frames, and a tone.
func recording(tb testing.TB) (v, a *media.Track, units []media.AccessUnit) {
	tb.Helper()
	file, err := os.ReadFile("../mpegts/testdata/sample.flv")
	if err != nil {
		tb.Fatal(err)
	}
	r, d := flv.NewReader(bytes.NewReader(file)), flv.NewDemuxer()
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			return v, a, units
		}
		if err != nil {
			tb.Fatal(err)
		}
		at := media.TicksFromMillis(int64(tag.Timestamp))
		var u media.AccessUnit
		ok := false
		switch tag.Type {
		case flv.TagVideo:
			u, ok, err = d.Video(at, tag.Body)
		case flv.TagAudio:
			u, ok, err = d.Audio(at, tag.Body)
		}
		if err != nil {
			tb.Fatal(err)
		}
		if !ok {
			continue
		}
		if u.Track.Video() {
			v = u.Track
		} else {
			a = u.Track
		}
		units = append(units, u)
	}
}
