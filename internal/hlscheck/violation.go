package hlscheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Violation is one violation of a rule.
type Violation struct {
	// Rule is the number in the table of the package comment.
	Rule int `json:"rule"`
	// Rendition is the Rendition.Name of the media playlist; empty for the multivariant
	// playlist.
	Rendition string `json:"rendition,omitempty"`
	// URL is that of the playlist, segment or part; may be empty.
	URL string `json:"url,omitempty"`
	// Line is the line in the playlist, from 1; 0 if it is not about a line.
	Line int `json:"line,omitempty"`
	// Quote is the text of that line.
	Quote string `json:"quote,omitempty"`
	// Text describes what was observed.
	Text string `json:"text"`
}

// String returns the violation on one line.
func (v Violation) String() string {
	s := fmt.Sprintf("rule %d", v.Rule)
	if v.Rendition != "" {
		s += " [" + v.Rendition + "]"
	}
	if v.URL != "" {
		s += " " + v.URL
	}
	if v.Line > 0 {
		s += fmt.Sprintf(":%d", v.Line)
	}
	s += ": " + v.Text
	if v.Quote != "" {
		s += ": " + cutTo(v.Quote, 200)
	}
	return s
}

// violations collects violations from several goroutines. Equal ones are kept once: a live
// playlist repeats its faults at every reload.
type violations struct {
	mu   sync.Mutex
	list []Violation
	seen map[Violation]bool
}

func (c *violations) add(v Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := v
	key.Line, key.Quote = 0, "" // the line moves as the playlist slides
	if c.seen[key] {
		return
	}
	if c.seen == nil {
		c.seen = map[Violation]bool{}
	}
	c.seen[key] = true
	c.list = append(c.list, v)
}

// addAll adds a list of violations in a text, with their quotes.
func (c *violations) addAll(rendition string, text []byte, list []Violation) {
	if len(list) == 0 {
		return
	}
	lines := strings.Split(string(text), "\n")
	for _, v := range list {
		v.Rendition = rendition
		if v.Line > 0 && v.Line <= len(lines) {
			v.Quote = strings.TrimSuffix(lines[v.Line-1], "\r")
		}
		c.add(v)
	}
}

// sorted returns the violations sorted by rule, and in the order of discovery within each.
func (c *violations) sorted() []Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Clone(c.list)
	slices.SortStableFunc(list, func(a, b Violation) int { return cmp.Compare(a.Rule, b.Rule) })
	return list
}

// report collects the violations in one text.
type report struct {
	url  string
	list []Violation
}

func (r *report) add(rule, line int, format string, args ...any) {
	r.list = append(r.list, Violation{Rule: rule, URL: r.url, Line: line, Text: fmt.Sprintf(format, args...)})
}
