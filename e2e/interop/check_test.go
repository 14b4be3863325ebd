//go:build e2e

package interop

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// golive check finds no violation in a stream whose picture size changes every 6 s, and whose
// encoder disconnects and reconnects repeatedly.
func TestCheck_FindsNothingWhileEncodersReconnect(t *testing.T) {
	length := time.Duration(*minutes * float64(time.Minute))
	file := joined(t, "sizes", sources.Plain(t), sources.FLV(t, "-bf", "2", "-t", "10", "-s", "480x270"), 6)
	for _, c := range []struct {
		name, config string
		// leave ends the old encoder before the next one connects; with nil the next one
		// takes over.
		leave   func(*harness.Process)
		excused []int
	}{
		{"plain", "playlist: { low_latency: false }\n", (*harness.Process).Kill, nil},
		{"low", "ingest: { publish: { takeover: always } }\n", nil, nil},
		// While nobody publishes there is no part to list (docs/decisions/0008).
		{"low-killed", "", (*harness.Process).Kill, []int{12}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Options{Config: c.config})
			encoder := harness.PublishLooped(t, file, s.PublishURL("show"))
			s.WaitForState("show", "live", 10*time.Second)
			check := harness.Launch(t, nil, s.Program(), "check", "--json", "--duration", length.String(), s.PlaylistURL("show"))
			reconnects := 0
			for end := time.Now().Add(length - 5*time.Second); ; reconnects++ {
				harness.Pause(t.Context(), min(11*time.Second, time.Until(end)))
				if !time.Now().Before(end) {
					break
				}
				old := encoder
				if c.leave != nil {
					c.leave(old)
					harness.Pause(t.Context(), 200*time.Millisecond)
				}
				encoder = harness.PublishLooped(t, file, s.PublishURL("show"))
			}
			<-check.Done()
			var report hlscheck.Report
			// The text after the report is not checked.
			if err := json.NewDecoder(strings.NewReader(check.Logs.String())).Decode(&report); err != nil {
				t.Fatalf("%v: %s", err, check.Logs)
			}
			excused := 0
			for _, v := range report.Violations {
				switch {
				case harness.Late(v):
				case slices.Contains(c.excused, v.Rule):
					excused++
				default:
					t.Error(v)
				}
			}
			if reconnects == 0 || excused > reconnects {
				t.Errorf("%d violations are excused, with %d reconnects", excused, reconnects)
			}
			var text strings.Builder
			if err := report.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d reconnects\n%s", reconnects, &text)
			least := length / 2 // a slow machine takes long for each reconnect
			if harness.Strict() {
				least = length * 9 / 10
			}
			if report.Error != "" || len(report.Renditions) != 1 || report.Renditions[0].MediaSeconds < least.Seconds() {
				t.Errorf("the stream was not followed for long enough: %s", report.Error)
			}
		})
	}
}
