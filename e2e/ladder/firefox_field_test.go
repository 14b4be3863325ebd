//go:build e2e && field

package ladder

import (
	"testing"
	"time"

	"golive/e2e/harness"
)

func TestFirefox_SwitchesQualities(t *testing.T) {
	s := startLadder(t, smallLadder)
	p := harness.OpenFirefox(t).Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.WaitUntil(20*time.Second, qualityMenu+".options.length === 5")
	mustSwitch(t, p, "live", []quality{
		{"160p", "160p", 160},
		{"source", "Source · 360p", 360},
		{"240p", "240p", 240},
		{"", "Auto · 360p", 360},
	})
	p.Screenshot("firefox-quality")
	if lines := p.FatalErrors(); len(lines) > 0 {
		t.Errorf("hls.js reports fatal errors: %q", lines)
	}
}
