package aac

import (
	"encoding/hex"
	"testing"
)

func TestIsSilent_FindsDigitalSilenceOfEncoders(t *testing.T) {
	for name, frame := range map[string]string{
		"FFmpeg, stereo":              "211004608c1c",
		"FFmpeg, mono":                "01182007",
		"vo-aacenc, stereo, padded":   "21100520a41bffc00000",
		"vo-aacenc, mono, padded":     "01482006fff000000000",
		"Silence, one channel":        hex.EncodeToString(Silence(1, nil)),
		"Silence, two channels":       hex.EncodeToString(Silence(2, nil)),
		"short windows, two channels": "21200000",
	} {
		b, err := hex.DecodeString(frame)
		if err != nil {
			t.Fatal(err)
		}
		if !IsSilent(b) {
			t.Errorf("%s: not silent", name)
		}
	}
}

func TestIsSilent_IsFalseForSoundAndForWhatItDoesNotKnow(t *testing.T) {
	second := Silence(2, nil)
	second[5] |= 0x20 // a bit of the second channel's max_sfb
	for name, frame := range map[string]string{
		"noise of 0.0001 from FFmpeg":      "211a8fffffffe000e696",
		"a tone from FFmpeg":               "217a8ffffffffc01056f",
		"one channel with sound":           "01182a07",
		"the second channel has sound":     hex.EncodeToString(second),
		"TNS in the first of two channels": "20000008000000",
		"a fill element first":             "c0000000",
		"nothing":                          "",
		"two bytes":                        "2110",
	} {
		b, err := hex.DecodeString(frame)
		if err != nil {
			t.Fatal(err)
		}
		if IsSilent(b) {
			t.Errorf("%s: silent", name)
		}
	}
}
