package setting

import (
	"strings"
	"testing"
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
			t.Errorf("%q: error is %v, want one that says it is no bit rate", text, err)
		}
	}
}
