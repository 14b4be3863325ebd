package archive

import (
	"testing"
	"time"
)

func TestSteadyClock_DoesNotJump(t *testing.T) {
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		jump  time.Duration // of the wall clock after 10 minutes
		back  time.Duration // when the clock is corrected; 0 is never
		wants map[time.Duration]time.Duration
	}{
		"correct":  {0, 0, map[time.Duration]time.Duration{time.Hour: time.Hour}},
		"slewed":   {50 * time.Second, 0, map[time.Duration]time.Duration{time.Hour: time.Hour + 50*time.Second}},
		"forward":  {24 * time.Hour, 0, map[time.Duration]time.Duration{time.Hour: time.Hour, 69 * time.Minute: 69 * time.Minute, 70 * time.Minute: 24*time.Hour + 70*time.Minute}},
		"backward": {-time.Hour, 0, map[time.Duration]time.Duration{11 * time.Minute: -49 * time.Minute, 3 * time.Hour: 2 * time.Hour}},
		"forward and back": {24 * time.Hour, 30 * time.Minute, map[time.Duration]time.Duration{
			20 * time.Minute: 20 * time.Minute, 40 * time.Minute: 40 * time.Minute, 5 * time.Hour: 5 * time.Hour,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var c steadyClock
			for elapsed := time.Duration(0); elapsed <= 5*time.Hour; elapsed += time.Minute {
				wall := began.Add(elapsed)
				if elapsed >= 10*time.Minute && (test.back == 0 || elapsed < test.back) {
					wall = wall.Add(test.jump)
				}
				now, _ := c.now(wall, elapsed)
				if want, ok := test.wants[elapsed]; ok && !now.Equal(began.Add(want)) {
					t.Errorf("after %s now returns %s, want %s", elapsed, now.Sub(began), want)
				}
			}
		})
	}
}
