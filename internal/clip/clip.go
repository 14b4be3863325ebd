package clip

import (
	_ "embed"
	"slices"
)

//go:embed clip.flv
var flv []byte

// FLV returns the clip as an FLV file: 640x360 pixels, 30 frames per second, a key
// frame every 2 s, and 48 kHz stereo sound, both exactly 16 s long. The bytes
// are shared and must not be modified.
func FLV() []byte { return slices.Clip(flv) }
