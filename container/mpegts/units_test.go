package mpegts

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"golive/codec/aac"
	"golive/codec/h264"
	"golive/media"
)

// videoTrack returns a track with made-up parameter sets.
func videoTrack(lengthSize int) *media.Track {
	return &media.Track{
		Codec:         media.H264,
		CodecString:   "avc1.64000d",
		NALLengthSize: lengthSize,
		SPS:           [][]byte{{0x67, 0x64, 0x00, 0x0d, 0xac, 0x01, 0x02, 0x03}},
		PPS:           [][]byte{{0x68, 0xee, 0x3c, 0x80}, {0x68, 0xee, 0x3c, 0x81, 0x01}},
	}
}

func audioTrack(sampleRate, channels int) *media.Track {
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

// pack packs units into a part that ends with the last picture, or the last audio frame if there is
// no video.
func pack(m *Muxer, v, a *media.Track, units []media.AccessUnit) []byte {
	return mustBegin(m).Part(v, a, units, 0, endOf(v != nil, units))
}

func endOf(video bool, units []media.AccessUnit) (end media.Ticks) {
	for _, u := range units {
		if u.Track.Video() == video {
			end = u.DTS
		}
	}
	return end
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

// sample reads testdata/sample.flv: 2 s of a test picture of 160x90 at 25 Hz with
// B-frames, and a tone, by
//
//	ffmpeg -f lavfi -i testsrc2=size=160x90:rate=25 \
//	  -f lavfi -i sine=frequency=440:sample_rate=48000 -t 2 \
//	  -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -b:v 80k \
//	  -c:a aac -ac 2 -b:a 32k -flvflags no_duration_filesize sample.flv
func sample(tb testing.TB) (v, a *media.Track, units []media.AccessUnit) {
	tb.Helper()
	flv, err := os.ReadFile("testdata/sample.flv")
	if err != nil {
		tb.Fatal(err)
	}
	const fileHeader, tagHeader, tagFooter = 13, 11, 4
	for b := flv[fileHeader:]; len(b) > 0; {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		ms := int64(b[7])<<24 | int64(b[4])<<16 | int64(b[5])<<8 | int64(b[6])
		kind, body := b[0], b[tagHeader:tagHeader+size]
		b = b[tagHeader+size+tagFooter:]
		u := media.AccessUnit{DTS: media.TicksFromMillis(ms), PTS: media.TicksFromMillis(ms)}
		switch {
		case kind == 9 && body[1] == 0:
			v = sampleVideo(tb, body[5:])
		case kind == 9 && body[1] == 1:
			u.Track, u.Key, u.Data = v, body[0]>>4 == 1, body[5:]
			u.PTS += media.TicksFromMillis(int64(body[2])<<16 | int64(body[3])<<8 | int64(body[4]))
			units = append(units, u)
		case kind == 8 && body[1] == 0:
			a = sampleAudio(tb, body[2:])
		case kind == 8:
			u.Track, u.Key, u.Data = a, true, body[2:]
			units = append(units, u)
		}
	}
	return v, a, units
}

func sampleVideo(tb testing.TB, record []byte) *media.Track {
	tb.Helper()
	c, err := h264.ParseAVCC(record)
	if err != nil {
		tb.Fatal(err)
	}
	return &media.Track{
		Codec: media.H264, CodecString: c.CodecString, SPS: c.SPS, PPS: c.PPS,
		NALLengthSize: c.NALLengthSize, Width: c.Width, Height: c.Height, FrameRate: c.FrameRate,
	}
}

func sampleAudio(tb testing.TB, config []byte) *media.Track {
	tb.Helper()
	c, err := aac.ParseASC(bytes.Clone(config))
	if err != nil {
		tb.Fatal(err)
	}
	return &media.Track{
		Codec: media.AAC, CodecString: c.CodecString, ObjectType: c.ObjectType,
		SampleRate: c.SampleRate, Channels: c.Channels, SamplesPerUnit: c.SamplesPerUnit,
	}
}

// mustBegin begins a segment with the next part, so that each part can be read alone.
func mustBegin(m *Muxer) *Muxer {
	if _, err := m.Begin(nil, nil); err != nil {
		panic(err)
	}
	return m
}
