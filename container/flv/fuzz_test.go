package flv_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"golive/codec/av1"
	"golive/codec/h264"
	"golive/codec/hevc"
	"golive/container/flv"
	"golive/media"
)

// checkError fails if err is none of the documented errors.
func checkError(t *testing.T, err error) {
	t.Helper()
	_, unsupported := errors.AsType[*flv.UnsupportedError](err)
	if err != nil && !unsupported && !isSyntax(err) && !errors.Is(err, flv.ErrNoConfig) {
		t.Fatalf("error of an unknown kind: %v", err)
	}
}

// FuzzDemuxerVideo reads two bodies, one after the other, with or without a configuration before
// them. The units must be valid input for the muxers.
func FuzzDemuxerVideo(f *testing.F) {
	for _, body := range [][]byte{
		config(large(f)), config(avcc(f, 2, nil, nil)), frame(nals(f, 4, spsSmall, ppsSmall, idr)),
		frame(cat(f, "00000001", spsSmall, "000001", ppsSmall, "000001", idr)),
		ex(f, "97"+"02"+"00ffff"+"03"+hexAVC1, nals(f, 4, idr)),
		multi(f, 0x96, manyTracks|3, entry{track: 1}, entry{data: nals(f, 4, idr)}),
		video(1, -40, nals(f, 4, inter)),
		frame(nals(f, 4, aud, compact(captions), compact(recovery))), frame(nals(f, 4, compact(gradual), intra)),
	} {
		f.Add(true, body, frame(nals(f, 4, idr)))
		f.Add(false, body, frame(nals(f, 1, idr)))
	}
	f.Add(false, hvc1(f, 0, hevcRecord(f)), hvc1(f, 1, append([]byte{0, 0, 40}, nals(f, 4, hevcAUD, hevcCRA)...)))
	f.Add(true, hvc1(f, 3, nals(f, 4, vpsMain, spsMain, ppsMain, hevcIDR)), hvc1(f, 3, nals(f, 4, hevcRASL)))
	f.Add(false, av01(f, 0, av1Record), av01(f, 1, av1Delim, av1Key))
	f.Add(true, av01(f, 1, av1Header, av1Key), av01(f, 1, av1Header10, av1Forward, av1Delim))
	f.Fuzz(func(t *testing.T, known bool, first, second []byte) {
		d := flv.NewDemuxer()
		if known {
			feed(t, d, config(large(t)))
		}
		for _, body := range [][]byte{first, second} {
			before := bytes.Clone(body)
			u, ok, err := d.Video(900_000, body)
			checkError(t, err)
			if !bytes.Equal(before, body) {
				t.Fatal("the body was changed")
			}
			if ok != (u.Track != nil) || ok && err != nil {
				t.Fatalf("unit %v, %v, %v", u, ok, err)
			}
			if ok {
				checkVideo(t, u)
			}
		}
	})
}

func checkVideo(t *testing.T, u media.AccessUnit) {
	t.Helper()
	if c := u.PTS - u.DTS; c < -1<<23*media.Millisecond || c > 1<<23*media.Millisecond {
		t.Fatalf("composition time %d does not fit 24 bits of milliseconds", c)
	}
	if u.Track.Width == 0 || u.Track.CodecString == "" {
		t.Fatalf("track %+v cannot be decoded", u.Track)
	}
	if u.Track.Codec == media.AV1 {
		checkOBUs(t, u)
		return
	}
	if len(u.Track.SPS) == 0 || len(u.Track.PPS) == 0 || u.Track.Codec == media.HEVC && len(u.Track.VPS) == 0 {
		t.Fatalf("track %+v cannot be decoded", u.Track)
	}
	rest, pictures := u.Data, 0
	for {
		nal, next, ok := h264.Next(rest, u.Track.NALLengthSize)
		if !ok {
			rest = next
			break
		}
		if n := h264.Type(nal); u.Track.Codec == media.H264 && n >= h264.NonIDR && n <= h264.IDR {
			pictures++
		}
		if n, ok := hevc.Type(nal); u.Track.Codec == media.HEVC && ok && n.Picture() {
			pictures++
		}
		rest = next
	}
	if len(rest) != 0 || pictures == 0 {
		t.Fatalf("%x: %d bytes left, %d slices", u.Data, len(rest), pictures)
	}
}

// checkOBUs checks that a unit is a valid sample of an ISO base media file.
func checkOBUs(t *testing.T, u media.AccessUnit) {
	t.Helper()
	frames, headers := 0, 0
	for rest := u.Data; len(rest) > 0; {
		obu, next, err := av1.Next(rest)
		if err != nil || obu.Type == av1.TemporalDelimiter {
			t.Fatalf("%x: %v, %v", u.Data, obu, err)
		}
		switch obu.Type {
		case av1.SequenceHeader:
			headers++
		case av1.Frame, av1.FrameHeader:
			frames++
		default:
		}
		rest = next
	}
	if frames == 0 || u.Key && headers == 0 {
		t.Fatalf("%x: %d frames, %d sequence headers", u.Data, frames, headers)
	}
}

// FuzzDemuxerAudio reads two bodies, one after the other.
func FuzzDemuxerAudio(f *testing.F) {
	f.Add(audio(0, raw(f, ascLC48k)), audio(1, []byte{0x21}))
	f.Add(ex(f, "90"+hexMP4A, raw(f, ascLC48k)), ex(f, "97"+"00"+"00"+"01"+hexMP4A, []byte{0x21}))
	f.Add(ex(f, "95"+"00"+hexMP4A+"00", raw(f, ascLC48k)), ex(f, "95"+"01"+hexMP4A+"01", []byte{0x21}))
	f.Add(audio(1, append(adts(48000, 2, 0x21), adts(44100, 1, 0x01)...)), audio(1, adts(48000, 7, 0x21)))
	f.Add(audio(0, raw(f, "fff14c80013ffc")), audio(1, adts(48000, 7, raw(f, "a099088004001880002110")...)))
	f.Add(enhancedAudio(f, "Opus", 0, opusStereo), enhancedAudio(f, "Opus", 1, opus20ms))
	f.Add(append([]byte{0x2f}, append(mp3Frame(), mp3Frame()...)...), append([]byte{0x2f}, mp3Frame()...))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d := flv.NewDemuxer()
		for _, body := range [][]byte{first, second} {
			u, ok, err := d.Audio(0, body)
			checkError(t, err)
			for total := 0; ok; u, ok = d.MoreAudio() {
				if total += len(u.Data); err != nil || len(u.Data) == 0 || total > len(body) || u.DTS < 0 || u.Track.SampleRate == 0 || u.Track.Channels == 0 {
					t.Fatalf("unit %+v, %v, %v", u, ok, err)
				}
			}
		}
	})
}

// FuzzReader reads a file. Its tags must not have more bytes than the file.
func FuzzReader(f *testing.F) {
	f.Add(file(someTags()[0], someTags()[3]))
	f.Add(file())
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x0a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tags, err := readAll(bytes.NewReader(b))
		if !errors.Is(err, io.EOF) && !isSyntax(err) {
			t.Fatalf("ended with %v", err)
		}
		total := 13
		for _, tag := range tags {
			total += 11 + len(tag.Body)
		}
		if len(tags) > 0 && total > len(b) {
			t.Fatalf("%d bytes of tags in a file of %d", total, len(b))
		}
	})
}
