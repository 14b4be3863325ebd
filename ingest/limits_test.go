package ingest

import (
	"strings"
	"testing"
	"time"
)

func TestLimits_ValidateNamesEachWrongValue(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Limits.Sessions, cfg.Limits.SessionsPerAddress = -1, -1
	cfg.Limits.Width, cfg.Limits.Height, cfg.Limits.FrameRate = -1, -1, -1
	cfg.Limits.GOPWarn, cfg.Limits.GOPMax, cfg.Limits.Duration = time.Minute, 30*time.Second, time.Millisecond
	err := cfg.Validate()
	if err == nil {
		t.Fatal("Validate returned no error")
	}
	for _, key := range []string{"sessions", "sessions_per_address", "width", "height", "frame_rate", "gop_max", "duration"} {
		if !strings.Contains(err.Error(), "limits."+key) {
			t.Errorf("the error does not name %s:\n%v", key, err)
		}
	}
}
