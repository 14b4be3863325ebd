package aac

import (
	"encoding/hex"
	"testing"
)

// filled returns a frame that begins with a fill element of n bytes.
func filled(n int, frame []byte) []byte {
	var w bitWriter
	w.u(3, idFIL)
	if n < 15 {
		w.u(4, n)
	} else {
		w.u(4, 15)
		w.u(8, n-14)
	}
	for range n {
		w.u(8, 0xff)
	}
	for _, b := range frame {
		w.u(8, int(b))
	}
	return w.b
}

func TestIsSilent_FindsDigitalSilenceOfEncoders(t *testing.T) {
	for name, frame := range map[string]string{
		"FFmpeg, stereo": "211004608c1c",
		"FFmpeg, after its name in a fill element": "de02004c61766335392e33372e31303000422008c118",
		"a fill element of 14 bytes":               hex.EncodeToString(filled(14, Silence(2, nil))),
		"a fill element of 15 bytes":               hex.EncodeToString(filled(15, Silence(1, nil))),
		"a fill element of 200 bytes":              hex.EncodeToString(filled(200, filled(0, Silence(2, nil)))),
		"FFmpeg, mono":                             "01182007",
		"vo-aacenc, stereo, padded":                "21100520a41bffc00000",
		"vo-aacenc, mono, padded":                  "01482006fff000000000",
		"Silence, one channel":                     hex.EncodeToString(Silence(1, nil)),
		"Silence, two channels":                    hex.EncodeToString(Silence(2, nil)),
		"short windows, two channels":              "21200000",
	} {
		b, err := hex.DecodeString(frame)
		if err != nil {
			t.Fatal(err)
		}
		if !IsSilent(b) {
			t.Errorf("%s: IsSilent is false, want true", name)
		}
	}
}

func TestIsSilent_IsFalseForSoundAndUnknownFrames(t *testing.T) {
	second := Silence(2, nil)
	second[5] |= 0x20 // a bit of the second channel's max_sfb
	for name, frame := range map[string]string{
		"noise of 0.0001 from FFmpeg":      "211a8fffffffe000e696",
		"a tone from FFmpeg":               "217a8ffffffffc01056f",
		"one channel with sound":           "01182a07",
		"the second channel has sound":     hex.EncodeToString(second),
		"TNS in the first of two channels": "20000008000000",
		"sound after a fill element":       hex.EncodeToString(filled(20, []byte("\x21\x1a\x8f\xff\xff\xff"))),
		"nothing but a fill element":       "c6000000",
		"a fill element that is cut":       "dffff000",
		"nothing":                          "",
		"two bytes":                        "2110",
	} {
		b, err := hex.DecodeString(frame)
		if err != nil {
			t.Fatal(err)
		}
		if IsSilent(b) {
			t.Errorf("%s: IsSilent is true, want false", name)
		}
	}
}
