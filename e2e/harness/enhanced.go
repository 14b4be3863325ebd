package harness

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
)

// Clip is what an encoder sends. FFmpeg can write these codecs into FLV only from version
// 6.1 on, so the tags are made here from its MP4.
type Clip struct {
	// Video and Audio are codec options of ffmpeg, without -c:v and -c:a; either may be empty.
	Video, Audio string
	// More are the codec options of additional video tracks, numbered from 1 on; -s sets their
	// size.
	More []string
	// Plain is set for RTMP's own codec ids instead of those of Enhanced RTMP.
	Plain bool
	// Seconds is how long it lasts.
	Seconds int
}

// The options of ffmpeg's encoders: a key frame every 2 s of 30 frames, and for HEVC open groups
// of pictures.
const (
	H264 = "libx264 -preset veryfast -pix_fmt yuv420p -g 60 -keyint_min 60 -sc_threshold 0 -bf 2"
	HEVC = "libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:keyint=60:min-keyint=60:scenecut=0:open-gop=1:bframes=3 -tag:v hvc1"
	AV1  = "libsvtav1 -preset 12 -pix_fmt yuv420p -g 60"
	AAC  = "aac -b:a 96k"
	Opus = "libopus -b:a 96k"
	MP3  = "libmp3lame -b:a 96k"
)

// Enhanced returns an FLV file of the clips, one after the other on one timeline: the codecs
// change in the middle.
func (s *Sources) Enhanced(tb testing.TB, clips ...Clip) string {
	tb.Helper()
	s.making.Lock()
	defer s.making.Unlock()
	name := sha256.Sum256(fmt.Append(nil, clips))
	path := filepath.Join(s.Dir, fmt.Sprintf("enhanced-%x.flv", name[:8]))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	file := []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")
	begin := int64(0)
	for _, c := range clips {
		file = c.appendTags(tb, file, begin)
		begin += int64(c.Seconds) * 1000
	}
	if err := os.WriteFile(path+".part", file, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		tb.Fatal(err)
	}
	return path
}

// encode returns the clip as fragmented MP4.
func (c Clip) encode(tb testing.TB) *mp4.File {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "clip.mp4")
	args := []string{"ffmpeg", "-v", "error", "-y"}
	if c.Video != "" {
		args = append(args, "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30")
	}
	if c.Audio != "" {
		args = append(args, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
	}
	args = append(args, "-t", fmt.Sprint(c.Seconds))
	if c.Video != "" {
		args = append(append(args, "-c:v"), strings.Fields(c.Video)...)
	}
	if c.Audio != "" {
		args = append(append(args, "-c:a"), strings.Fields(c.Audio+" -ac 2")...)
	}
	Run(tb, append(args, "-movflags", "frag_keyframe+empty_moov+default_base_moof", path)...)
	f, err := mp4.ReadMP4File(path)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// tag is an FLV tag; at is in milliseconds.
type tag struct {
	kind byte
	at   int64
	body []byte
}

// appendTags appends the tags of the clip, from begin on, in milliseconds.
func (c Clip) appendTags(tb testing.TB, file []byte, begin int64) []byte {
	tb.Helper()
	tags := c.tags(tb, begin, 0)
	for i, video := range c.More {
		more := Clip{Video: video, Seconds: c.Seconds}
		tags = append(tags, more.tags(tb, begin, byte(i+1))...)
	}
	slices.SortStableFunc(tags, func(a, b tag) int { return int(a.at - b.at) })
	for _, t := range tags {
		if len(t.body) == 0 {
			continue
		}
		size := len(t.body)
		file = append(file, t.kind, byte(size>>16), byte(size>>8), byte(size), byte(t.at>>16), byte(t.at>>8), byte(t.at), byte(t.at>>24), 0, 0, 0)
		file = binary.BigEndian.AppendUint32(append(file, t.body...), uint32(11+size))
	}
	return file
}

// tags returns the tags of the clip, from begin on, in milliseconds; those of an additional
// video track if number is not 0.
func (c Clip) tags(tb testing.TB, begin int64, number byte) (tags []tag) {
	tb.Helper()
	f := c.encode(tb)
	for _, trak := range f.Moov.Traks {
		form := formOf(tb, trak, c.Plain)
		if number != 0 {
			form.setNumber(number)
		}
		tags = append(tags, tag{form.kind, begin, form.configuration})
		trex, _ := f.Moov.Mvex.GetTrex(trak.Tkhd.TrackID)
		for _, segment := range f.Segments {
			for _, fragment := range segment.Fragments {
				samples, err := fragment.GetFullSamples(trex)
				if err != nil {
					tb.Fatal(err)
				}
				for i := range samples {
					milliseconds := func(n int64) int64 { return n * 1000 / int64(trak.Mdia.Mdhd.Timescale) }
					dts := milliseconds(int64(samples[i].DecodeTime))
					offset := milliseconds(samples[i].PresentationTime()) - dts
					tags = append(tags, tag{form.kind, begin + dts, form.frame(&samples[i], offset)})
				}
			}
		}
	}
	return tags
}

// form is how a track's tags are made.
type form struct {
	kind          byte   // of the tags
	head          []byte // of a frame's body
	configuration []byte // the whole body; nil if there is none
	composed      bool   // the head is followed by the composition time
	video         bool
}

const (
	audioTag = 8
	videoTag = 9
)

// setNumber makes the tags multitrack packets of one track.
func (f *form) setNumber(n byte) {
	const header = 5 // the packet type and the FourCC
	number := func(body []byte) []byte {
		packet, fourCC := body[0]&0x0f, body[1:header]
		return slices.Concat([]byte{body[0]&0xf0 | 6, packet}, fourCC, []byte{n}, body[header:])
	}
	f.head, f.configuration = number(f.head), number(f.configuration)
}

func (f *form) frame(s *mp4.FullSample, offset int64) []byte {
	body := bytes.Clone(f.head)
	if f.video && !s.IsSync() {
		body[0] += 0x10 // the frame type of other frames
	}
	if f.composed {
		body = append(body, byte(offset>>16), byte(offset>>8), byte(offset))
	}
	return append(body, s.Data...)
}

// formOf returns the form of a track, from the sample entry.
func formOf(tb testing.TB, trak *mp4.TrakBox, plain bool) form {
	tb.Helper()
	stsd := trak.Mdia.Minf.Stbl.Stsd
	video := func(id byte, fourCC string, box mp4.Box, composed bool) form {
		record := bodyOf(tb, box)
		if plain {
			return form{kind: videoTag, video: true, composed: true, head: []byte{0x10 | id, 1}, configuration: append([]byte{0x10 | id, 0, 0, 0, 0}, record...)}
		}
		return form{kind: videoTag, video: true, composed: composed, head: append([]byte{0x91}, fourCC...), configuration: append(append([]byte{0x90}, fourCC...), record...)}
	}
	audio := func(fourCC string, record []byte) form {
		return form{kind: audioTag, head: append([]byte{0x91}, fourCC...), configuration: append(append([]byte{0x90}, fourCC...), record...)}
	}
	switch {
	case stsd.AvcX != nil:
		return video(7, "avc1", stsd.AvcX.AvcC, true)
	case stsd.HvcX != nil:
		return video(12, "hvc1", stsd.HvcX.HvcC, true)
	case stsd.Av01 != nil:
		return video(13, "av01", stsd.Av01.Av1C, false)
	case stsd.Opus != nil:
		d := stsd.Opus.Dops
		head := append([]byte("OpusHead"), 1, d.OutputChannelCount)
		head = binary.LittleEndian.AppendUint16(head, d.PreSkip)
		head = binary.LittleEndian.AppendUint32(head, d.InputSampleRate)
		return audio("Opus", append(head, 0, 0, 0))
	}
	config := stsd.Mp4a.Esds.DecConfigDescriptor
	switch {
	case config.ObjectType != mp4.ObjectTypeAAC && plain:
		return form{kind: audioTag, head: []byte{0x2f}}
	case config.ObjectType != mp4.ObjectTypeAAC:
		f := audio(".mp3", nil)
		f.configuration = nil
		return f
	case plain:
		return form{kind: audioTag, head: []byte{0xaf, 1}, configuration: append([]byte{0xaf, 0}, config.DecSpecificInfo.DecConfig...)}
	}
	return audio("mp4a", config.DecSpecificInfo.DecConfig)
}

// bodyOf returns the bytes of a box without its header.
func bodyOf(tb testing.TB, box mp4.Box) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := box.Encode(&b); err != nil {
		tb.Fatal(err)
	}
	const header = 8
	return b.Bytes()[header:]
}
