package transcode

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/google/go-cmp/cmp"

	"golive/container/flv"
	"golive/media"
)

// enhancedClip encodes 2 s with Opus and a video codec that ffmpeg 5 cannot write to FLV, and
// returns the units as they come over Enhanced RTMP.
func enhancedClip(t *testing.T, fourCC, config string, options ...string) []media.AccessUnit {
	t.Helper()
	file := filepath.Join(t.TempDir(), "source.mp4")
	args := []string{
		"-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "2", "-pix_fmt", "yuv420p", "-g", "30", "-b:v", "300k", "-c:a", "libopus", "-ac", "2",
		"-movflags", "frag_every_frame+empty_moov+default_base_moof", "-use_editlist", "0",
	}
	args = append(append(args, options...), file)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	// The first byte of a tag of Enhanced RTMP, for key pictures and for audio.
	const sequenceStart, enhanced = 0, 0x90
	demuxer := flv.NewDemuxer()
	at := bytes.Index(b, []byte(config))
	record := b[at+4 : at-4+int(binary.BigEndian.Uint32(b[at-4:]))]
	header := func(kind byte, fourCC string) []byte { return append([]byte{enhanced | kind}, fourCC...) }
	if _, _, err := demuxer.Video(0, append(header(sequenceStart, fourCC), record...)); err != nil {
		t.Fatal(err)
	}
	head := append([]byte("OpusHead\x01\x02\x38\x01"), 0x80, 0xbb, 0, 0, 0, 0, 0)
	if _, _, err := demuxer.Audio(0, append(header(sequenceStart, "Opus"), head...)); err != nil {
		t.Fatal(err)
	}
	var units []media.AccessUnit
	var packets uint64
	for _, segment := range f.Segments {
		for _, fragment := range segment.Fragments {
			id := fragment.Moof.Traf.Tfhd.TrackID
			trex, _ := f.Init.Moov.Mvex.GetTrex(id)
			samples, err := fragment.GetFullSamples(trex)
			if err != nil {
				t.Fatal(err)
			}
			scale := int64(f.Init.Moov.Traks[id-1].Mdia.Mdhd.Timescale)
			for _, s := range samples {
				if id != 1 { // ffmpeg's own times of fragments have gaps
					const packet = 960
					s.DecodeTime = packets * packet
					packets++
				}
				units = append(units, enhancedUnit(t, demuxer, s, scale, id == 1, fourCC, header))
			}
		}
	}
	return units
}

// enhancedUnit passes a sample through the demuxer.
func enhancedUnit(t *testing.T, d *flv.Demuxer, s mp4.FullSample, scale int64, video bool, fourCC string, header func(byte, string) []byte) media.AccessUnit {
	t.Helper()
	const codedFrames = 1
	dts := media.Ticks(int64(s.DecodeTime) * int64(media.Second) / scale)
	var u media.AccessUnit
	var ok bool
	var err error
	if video {
		body := header(codedFrames, fourCC)
		if fourCC == "hvc1" {
			ms := int64(s.CompositionTimeOffset) * 1000 / scale
			body = append(body, byte(ms>>16), byte(ms>>8), byte(ms))
		}
		u, ok, err = d.Video(dts, append(body, s.Data...))
	} else {
		u, ok, err = d.Audio(dts, append(header(codedFrames, "Opus"), s.Data...))
	}
	if err != nil || !ok {
		t.Fatalf("read a sample: %v", err)
	}
	return u
}

func TestJob_TranscodesOtherCodecs(t *testing.T) {
	for name, source := range map[string]func(t *testing.T) []media.AccessUnit{
		"HEVC": func(t *testing.T) []media.AccessUnit {
			t.Helper()
			return enhancedClip(t, "hvc1", "hvcC", "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "log-level=error:open-gop=1:bframes=2")
		},
		"AV1": func(t *testing.T) []media.AccessUnit {
			t.Helper()
			return enhancedClip(t, "av01", "av1C", "-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "pred-struct=1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, ladderOf(lowRung()))
			units := source(t)
			b.write(units...)
			b.finish(t)
			got := b.units("low", true)
			if diff := cmp.Diff(inOrder(pictureTimes(units, false)), pictureTimes(got, false)); diff != "" {
				t.Errorf("pictures (-source +rung):\n%s", diff)
			}
			if diff := cmp.Diff(pictureTimes(units, true), pictureTimes(got, true)); diff != "" {
				t.Errorf("key pictures (-source +rung):\n%s", diff)
			}
			sound := b.units("low", false)
			if len(sound) == 0 || sound[0].Track.Codec != media.AAC {
				t.Fatalf("%d units of sound, want some in AAC", len(sound))
			}
			checkSound(t, "low", units, sound)
		})
	}
}
