package h264

import (
	"bytes"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A decoder shows the same picture for each skipped picture, and all others unchanged.
func TestSkipper_RepeatsAnIDRPictureInARealDecoder(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg")
	}
	for name, options := range map[string]string{
		"baseline":          "-profile:v baseline",
		"main, CABAC":       "-profile:v main -x264-params cabac=1:ref=4:bframes=2",
		"main, CAVLC":       "-profile:v main -x264-params cabac=0:ref=2:bframes=0",
		"high":              "-profile:v high -x264-params 8x8dct=1:ref=3:weightp=2",
		"zero latency":      "-tune zerolatency -preset ultrafast",
		"low quantiser":     "-x264-params qp=1:cabac=1",
		"high quantiser":    "-x264-params qp=51:cabac=1",
		"weightp 0":         "-x264-params weightp=0",
		"weightp 1":         "-x264-params weightp=1:weightb=1",
		"no deblocking":     "-x264-params no-deblock=1",
		"many references":   "-x264-params ref=16:bframes=3:b-pyramid=normal",
		"several slices":    "-x264-params slices=4",
		"10 bits":           "-pix_fmt yuv420p10le -x264-params ref=2",
		"4:2:2":             "-pix_fmt yuv422p",
		"4:4:4":             "-pix_fmt yuv444p",
		"monochrome":        "-pix_fmt gray",
		"constrained intra": "-x264-params constrained-intra=1",
		"cropped":           "-s 322x182",
		"tiny":              "-s 16x16",
		"odd":               "-s 50x34 -x264-params cabac=0",
		"1080p":             "-s 1920x1080",
		"HRD":               "-b:v 300k -maxrate 300k -bufsize 300k -x264-params nal-hrd=cbr:aud=1:pic-struct=1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := encode(t, strings.Fields(options)...)
			var out [][]byte
			var sps, pps []byte
			skipped, idr := false, 0
			for _, nal := range stream {
				switch Type(nal) {
				case SPS:
					sps = nal
				case PPS:
					pps = nal
				case IDR:
					idr++
					skipped = false
				case NonIDR:
					if skipped {
						break
					}
					skipped = true
					s, err := NewSkipper(sps, pps)
					if err != nil {
						t.Fatal(err)
					}
					if size := len(s.NAL()); size > 300 {
						t.Errorf("the skipped picture has %d bytes, want 300 at most", size)
					}
					for range repeats {
						out = append(out, []byte{byte(AUD), 0xf0}, s.NAL())
					}
				default: // other units are copied
				}
				out = append(out, nal)
			}
			if idr < 3 {
				t.Fatalf("%d slices of IDR pictures, want 3 at least", idr)
			}
			var want []string
			for i, sum := range decode(t, stream) {
				want = append(want, sum)
				if i%gop == 0 {
					want = append(want, slices.Repeat([]string{sum}, repeats)...)
				}
			}
			if diff := cmp.Diff(want, decode(t, out)); diff != "" {
				t.Errorf("pictures (-want +got):\n%s", diff)
			}
		})
	}
}

// x264 declares no reference frames if all pictures are IDR pictures.
func TestSkipper_RepeatsPicturesOfAnIntraOnlyStream(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg")
	}
	stream := encode(t, "-g", "1", "-keyint_min", "1")
	var out [][]byte
	var sps, pps []byte
	for _, nal := range stream {
		out = append(out, nal)
		switch Type(nal) {
		case SPS:
			sps = nal
		case PPS:
			pps = nal
		case IDR:
			s, err := NewSkipper(sps, pps)
			if err != nil {
				t.Fatal(err)
			}
			for range repeats {
				out = append(out, []byte{byte(AUD), 0xf0}, s.NAL())
			}
		default: // other units are copied
		}
	}
	var want []string
	for _, sum := range decode(t, stream) {
		want = append(want, slices.Repeat([]string{sum}, 1+repeats)...)
	}
	if diff := cmp.Diff(want, decode(t, out)); diff != "" {
		t.Errorf("pictures (-want +got):\n%s", diff)
	}
}

const (
	gop     = 10
	repeats = 23
)

// encode returns the NAL units of three groups of moving pictures.
func encode(t *testing.T, options ...string) (nals [][]byte) {
	t.Helper()
	args := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25,fade=in:0:30", "-frames:v", "30"}
	args = append(args, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-threads", "1", "-g", "10", "-sc_threshold", "0")
	args = append(append(args, options...), "-f", "h264", "-")
	out, err := exec.Command("ffmpeg", args...).Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	for nal := range bytes.SplitSeq(out, []byte{0, 0, 1}) {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			nals = append(nals, nal)
		}
	}
	return nals
}

// decode returns the checksum of each picture, in the order of presentation.
func decode(t *testing.T, nals [][]byte) (sums []string) {
	t.Helper()
	var in bytes.Buffer
	for _, nal := range nals {
		in.Write([]byte{0, 0, 0, 1})
		in.Write(nal)
	}
	cmd := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-err_detect", "explode", "-f", "h264", "-i", "-", "-fps_mode", "passthrough", "-f", "framemd5", "-")
	var warnings bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &warnings
	out, err := cmd.Output()
	for line := range strings.Lines(warnings.String()) {
		if !strings.Contains(line, "Timestamps are unset") && !strings.Contains(line, "Estimating duration") {
			t.Error(line)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			sums = append(sums, line[strings.LastIndex(line, ",")+1:])
		}
	}
	return sums
}

func TestNewSkipper_RefusesUnsupportedParameterSets(t *testing.T) {
	for name, c := range map[string]struct {
		sps, pps []byte
		want     string
	}{
		"nothing":    {want: "SPS: unreadable"},
		"interlaced": {sps: setsOf(t, "interlaced")[0], pps: setsOf(t, "interlaced")[1], want: "may be fields"},
		"no PPS":     {sps: setsOf(t, "high")[0], want: "has another type"},
		"a PPS cut":  {sps: setsOf(t, "high")[0], pps: setsOf(t, "high")[1][:2], want: "cut off"},
		"slice groups": {
			sps:  setsOf(t, "high")[0],
			pps:  []byte{0x68, 0b1_1_0_0_010_1, 0b1_0_00_1_1_1_0, 0b0_0_100000},
			want: "several slice groups",
		},
		"another SPS": {
			sps:  setsOf(t, "high")[0],
			pps:  []byte{0x68, 0b1_010_0_0_1_1, 0b1_0_00_1_1_1_0, 0b0_0_100000},
			want: "refers to another SPS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := NewSkipper(c.sps, c.pps)
			if _, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("skipper %v, error %v, want %q", s, err, c.want)
			}
		})
	}
}

// setsOf returns the SPS and PPS of a record.
func setsOf(tb testing.TB, name string) [2][]byte {
	tb.Helper()
	c, err := ParseAVCC(record(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return [2][]byte{c.SPS[0], c.PPS[0]}
}

func FuzzNewSkipper(f *testing.F) {
	for name := range records {
		sets := setsOf(f, name)
		f.Add(sets[0], sets[1])
	}
	f.Fuzz(func(t *testing.T, sps, pps []byte) {
		s, err := NewSkipper(sps, pps)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("error is a %T", err)
			}
			return
		}
		nal := s.NAL()
		if Type(nal) != NonIDR || len(nal) > 16<<10 {
			t.Fatalf("NAL unit of %d bytes and type %d", len(nal), Type(nal))
		}
		for _, code := range [][]byte{{0, 0, 0}, {0, 0, 1}, {0, 0, 2}} {
			if bytes.Contains(nal, code) {
				t.Errorf("% x is in the NAL unit", code)
			}
		}
		if nal[len(nal)-1] == 0 {
			t.Error("the NAL unit ends with a byte of 0")
		}
	})
}
