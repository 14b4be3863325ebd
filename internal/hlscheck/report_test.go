package hlscheck

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// check runs the broadcast and checks it for the given time.
func (s testBroadcast) check(t *testing.T, path string, duration time.Duration) (r *Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		url, client := s.start(t)
		pause(t.Context(), 5*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), duration)
		defer cancel()
		r = Check(ctx, client, url+path)
	})
	return r
}

func text(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCheck_ReportsWhatWasFollowed(t *testing.T) {
	r := testBroadcast{length: 40 * time.Second}.check(t, "/index.m3u8", 20*time.Second)
	if !r.Clean || r.Err() != nil || r.Error != "" || r.Seconds != 20 {
		t.Errorf("clean %t, error %v, %g s: %v", r.Clean, r.Err(), r.Seconds, r.Violations)
	}
	s := r.Renditions[0]
	if s.Name != "live/a/source/index.m3u8" || s.Segments != 12 || s.MediaSeconds != 24 || s.Parts < 48 || s.Bytes == 0 || s.BlockingReloads != s.Playlists-1 || s.Ended {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{"12 segments (24.0 s", "no rule broken in 20.0 s\n"} {
		if !strings.Contains(text(t, r), want) {
			t.Errorf("the text has no %q:\n%s", want, text(t, r))
		}
	}
}

func TestCheck_NamesRuleRenditionAndLine(t *testing.T) {
	r := testBroadcast{plain: true, fault: both(substitute("VERSION:6", "VERSION:7"), substitute(`,HOLD-BACK`, ""))}.check(t, "/index.m3u8", 3*time.Second)
	if r.Clean || r.Err() == nil || r.Err().Error() != "rule 49 broken" || !slices.Equal(r.BrokenRules, []int{49}) {
		t.Errorf("clean %t, error %v, rules %v", r.Clean, r.Err(), r.BrokenRules)
	}
	const url = "http://golive.test/live/a/source/index.m3u8"
	want := Violation{
		Rule: 49, Rendition: "live/a/source/index.m3u8", URL: url, Line: 2, Quote: "#EXT-X-VERSION:7",
		Text: "EXT-X-VERSION is 7, the tags need no more than 6",
	}
	if len(r.Violations) != 1 || r.Violations[0] != want {
		t.Errorf("%+v, want %+v", r.Violations, want)
	}
	line := "rule 49 [live/a/source/index.m3u8] " + url + ":2: EXT-X-VERSION is 7, the tags need no more than 6: #EXT-X-VERSION:7\n"
	if got := text(t, r); !strings.HasPrefix(got, line) || !strings.HasSuffix(got, "rule 49 broken (violations: 1) in 3.0 s\n") {
		t.Errorf("text:\n%s", got)
	}
}

// Scripts depend on the keys.
func TestReport_JSONKeysAreStable(t *testing.T) {
	r := &Report{
		URL: "u", Error: "e", Seconds: 1.5, BrokenRules: []int{2},
		Violations: []Violation{{Rule: 2, Rendition: "n", URL: "u", Line: 3, Quote: "q", Text: "t"}},
		Renditions: []Summary{{Name: "n", URL: "u", Ended: true, Playlists: 1, BlockingReloads: 2, Segments: 3, Parts: 4, MediaSeconds: 5, Bytes: 6, MissedSegments: 7}},
	}
	const want = `{"url":"u","clean":false,"error":"e","seconds":1.5,"broken_rules":[2],` +
		`"violations":[{"rule":2,"rendition":"n","url":"u","line":3,"quote":"q","text":"t"}],` +
		`"renditions":[{"name":"n","url":"u","ended":true,"playlists":1,"blocking_reloads":2,"segments":3,"parts":4,"media_seconds":5,"bytes":6,"missed_segments":7}]}`
	if got, err := json.Marshal(r); err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	if got, err := json.Marshal(newReport("u", nil, nil, 0)); err != nil || strings.Contains(string(got), "null") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestCheck_IsNotCleanIfSomethingCouldNotBeRead(t *testing.T) {
	r := testBroadcast{}.check(t, "/live/nobody/index.m3u8", 3*time.Second)
	if r.Clean || !strings.Contains(r.Error, "HTTP status 404") || text(t, r) != "" {
		t.Errorf("no stream: clean %t, error %q, text %q", r.Clean, r.Error, text(t, r))
	}
	r = testBroadcast{pair: true, plain: true, fault: refuse(404, pathMatches("/b/source/"))}.check(t, "/index.m3u8", 3*time.Second)
	if r.Clean || !strings.Contains(r.Error, "/live/b/source/index.m3u8: HTTP status 404") || len(r.Violations) > 0 ||
		!strings.Contains(text(t, r), "not all could be checked") {
		t.Errorf("no second rendition: clean %t, error %q, text:\n%s%v", r.Clean, r.Error, text(t, r), r.Violations)
	}
	r = testBroadcast{plain: true, fault: substitute(`(?s)#EXT-X-PROGRAM.*`, "")}.check(t, "/index.m3u8", 3*time.Second)
	if r.Clean || !strings.Contains(r.Error, "nothing of") {
		t.Errorf("no segments: clean %t, error %q, violations %v", r.Clean, r.Error, r.Violations)
	}
}
