package hlscheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is the result of checking a stream. golive check --json prints it as JSON: fields may
// be added, existing ones keep their meaning.
type Report struct {
	// URL is the URL that was checked.
	URL string `json:"url"`
	// Clean is set if the stream could be followed and broke no rule.
	Clean bool `json:"clean"`
	// Error is why it could not be followed completely; empty if it could.
	Error string `json:"error,omitempty"`
	// Seconds is how long it was followed.
	Seconds float64 `json:"seconds"`
	// BrokenRules are the numbers of the broken rules, in order.
	BrokenRules []int `json:"broken_rules"`
	// Violations are sorted by rule, and in the order of discovery within each.
	Violations []Violation `json:"violations"`
	// Renditions are in the order of the multivariant playlist.
	Renditions []Summary `json:"renditions"`
}

// Summary is the summary of a rendition.
type Summary struct {
	// Name is its URI in the multivariant playlist, or the last element of URL.
	Name string `json:"name"`
	URL  string `json:"url"`
	// Ended is set if EXT-X-ENDLIST was seen.
	Ended bool `json:"ended"`
	// Playlists is the number of playlists read, BlockingReloads that of blocking reloads among
	// them.
	Playlists       int `json:"playlists"`
	BlockingReloads int `json:"blocking_reloads"`
	// Segments and Parts are the numbers of those that were fetched; MediaSeconds and Bytes are
	// sums over the segments.
	Segments     int     `json:"segments"`
	Parts        int     `json:"parts"`
	MediaSeconds float64 `json:"media_seconds"`
	Bytes        int64   `json:"bytes"`
	// MissedSegments is the number of segments that were added and removed between two reloads.
	MissedSegments int64 `json:"missed_segments"`
}

// behind is how far before the end of the first playlist a check begins.
const behind = 30 * time.Second

// Check follows the stream at url as a strict low-latency player until its end or that of
// ctx, and returns a report.
func Check(ctx context.Context, client *http.Client, url string) *Report {
	begun := time.Now()
	f, err := Open(ctx, client, url, Options{LowLatency: true, Probe: true, Behind: behind, Discard: true})
	if err != nil {
		return newReport(url, nil, err, time.Since(begun))
	}
	recording, err := f.Follow(ctx)
	return newReport(url, recording, err, time.Since(begun))
}

func newReport(url string, recording *Recording, err error, took time.Duration) *Report {
	r := &Report{
		URL: url, Seconds: took.Round(time.Millisecond).Seconds(),
		BrokenRules: []int{}, Violations: []Violation{}, Renditions: []Summary{},
	}
	errs := []error{err}
	if recording != nil {
		r.Violations = append(r.Violations, recording.Violations...)
		for _, rendition := range recording.Renditions {
			s := rendition.summary()
			r.Renditions = append(r.Renditions, s)
			if s.Playlists > 0 && s.Segments+s.Parts == 0 {
				errs = append(errs, fmt.Errorf("nothing of %s could be read", s.URL))
			}
		}
	}
	for _, v := range r.Violations {
		if !slices.Contains(r.BrokenRules, v.Rule) {
			r.BrokenRules = append(r.BrokenRules, v.Rule)
		}
	}
	if err := errors.Join(errs...); err != nil {
		r.Error = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	r.Clean = r.Error == "" && len(r.Violations) == 0
	return r
}

func (r *Rendition) summary() Summary {
	s := Summary{
		Name: r.Name, URL: r.URL, Ended: r.Ended, Playlists: r.Reloads, BlockingReloads: r.Waited, MissedSegments: r.Missed,
	}
	var length time.Duration
	for _, f := range r.Segments {
		if f.Err == nil {
			s.Segments++
			s.Bytes += int64(f.Size)
			length += f.Duration
		}
	}
	for _, p := range r.Parts {
		if p.Err == nil {
			s.Parts++
		}
	}
	s.MediaSeconds = length.Round(time.Millisecond).Seconds()
	return s
}

// WriteText writes the report as text: a line for each violation, one for each rendition, and
// the result.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, v := range r.Violations {
		fmt.Fprintln(&b, v)
	}
	for _, s := range r.Renditions {
		fmt.Fprintln(&b, s)
	}
	if len(r.Renditions) > 0 {
		fmt.Fprintf(&b, "%s in %.1f s\n", r.verdict(), r.Seconds)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// verdict returns the result in a few words.
func (r *Report) verdict() string {
	switch {
	case len(r.BrokenRules) > 0:
		return fmt.Sprintf("%s broken (violations: %d)", listed(r.BrokenRules), len(r.Violations))
	case r.Error != "":
		return "not all could be checked"
	}
	return "no rule broken"
}

// Err returns why the stream is not clean, or nil if it is.
func (r *Report) Err() error {
	switch {
	case r.Error != "":
		return errors.New(r.Error)
	case len(r.BrokenRules) > 0:
		return fmt.Errorf("%s broken", listed(r.BrokenRules))
	}
	return nil
}

// listed returns a text with the numbers of rules.
func listed(rules []int) string {
	if len(rules) == 1 {
		return "rule " + strconv.Itoa(rules[0])
	}
	words := make([]string, len(rules))
	for i, n := range rules {
		words[i] = strconv.Itoa(n)
	}
	return "rules " + strings.Join(words, ", ")
}

// String returns the summary on one line.
func (s Summary) String() string {
	text := fmt.Sprintf("%s: %d segments (%.1f s, %d bytes) and %d parts read, %d playlists, %d of them by blocking reloads",
		s.Name, s.Segments, s.MediaSeconds, s.Bytes, s.Parts, s.Playlists, s.BlockingReloads)
	if s.MissedSegments > 0 {
		text += fmt.Sprintf(", %d segments missed", s.MissedSegments)
	}
	if s.Ended {
		text += ", ended"
	}
	return text
}
