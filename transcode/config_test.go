package transcode

import (
	"strings"
	"testing"
)

func TestConfig_RefusesReservedNamesOfRungs(t *testing.T) {
	for name, want := range map[string]bool{"source": false, "video1": false, "video12": false, "video": true, "video-low": true, "720p": true} {
		c := DefaultConfig()
		c.Ladder = Ladder{{Name: name, Height: 360, VideoBitrate: 800_000, AudioBitrate: 64_000, Preset: "veryfast", Profile: "high"}}
		err := c.Validate()
		if valid := err == nil; valid != want {
			t.Errorf("%s: error is %v, want it to be valid: %t", name, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
