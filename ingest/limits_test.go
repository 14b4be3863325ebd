package ingest

import (
	"strings"
	"testing"
	"time"
)

func TestBitRate_ReadsAndWritesUnits(t *testing.T) {
	for text, want := range map[string]BitRate{
		"0": 0, "800000": 800_000, "2500k": 2_500_000, "2500K": 2_500_000, "8M": 8_000_000, "1 G": 1_000_000_000,
	} {
		var b BitRate
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q is %d, %v; want %d", text, b, err, want)
		}
		var again BitRate
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%d is written %q and read %d, %v", b, b, again, err)
		}
	}
	for _, text := range []string{"", "M", "8Mbit", "-1", "1.5M", "9999999999999G", "8MM"} {
		var b BitRate
		if err := b.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "is not a bit rate") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLimits_ValidateNamesEachWrongValue(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Limits.Sessions, cfg.Limits.SessionsPerAddress = -1, -1
	cfg.Limits.Width, cfg.Limits.Height, cfg.Limits.FrameRate = -1, -1, -1
	cfg.Limits.GOPWarn, cfg.Limits.GOPMax, cfg.Limits.Duration = time.Minute, 30*time.Second, time.Millisecond
	err := cfg.Validate()
	if err == nil {
		t.Fatal("valid")
	}
	for _, key := range []string{"sessions", "sessions_per_address", "width", "height", "frame_rate", "gop_max", "duration"} {
		if !strings.Contains(err.Error(), "limits."+key) {
			t.Errorf("%s is not among:\n%v", key, err)
		}
	}
}
