package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Origin is where a value came from. The zero Origin is the default.
type Origin struct {
	// From is the file, "env NAME" or the flag; empty for a default.
	From string
	// Line and Column are the place in the file, from 1; 0 outside of files.
	Line, Column int
	// Via is what the value passed through: "${NAME}", or the file of a secret.
	Via string
}

// String is the origin for a person: "default", "golive.yaml:7", "env GOLIVE_DATA_DIR".
func (o Origin) String() string {
	s := o.From
	if s == "" {
		s = "default"
	}
	if o.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, o.Line)
	}
	if o.Via != "" {
		s += " (" + o.Via + ")"
	}
	return s
}

// place is the origin with its column, as editors and terminals link it.
func (o Origin) place() string {
	switch {
	case o.Line > 0:
		return fmt.Sprintf("%s:%d:%d", o.From, o.Line, o.Column)
	case o.From != "":
		return o.From
	default:
		return "default"
	}
}

// Problem is one thing that is wrong.
type Problem struct {
	// Path is the key with its sections: "ingest.publish.keys[1].key". It is
	// empty when the file could not be read that far.
	Path string
	// Origin is where the wrong value came from.
	Origin Origin
	// Text says what is wrong, as a predicate of the value.
	Text string
	// Hint says what to do about it; may be empty.
	Hint string
	// snippet is the line of the file with a caret below; may be empty.
	snippet string
}

// String is the problem as it is shown: place, path, text, line, caret, hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Origin.place())
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	b.WriteString(p.snippet)
	if p.Hint != "" {
		b.WriteString("\n    hint: ")
		b.WriteString(p.Hint)
	}
	return b.String()
}

// Error is every problem of a configuration.
type Error struct{ Problems []Problem }

// Error is all problems, one after the other.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sortProblems puts those of the file first, by line, then the others in the
// order they were found.
func sortProblems(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if inA, inB := a.Origin.Line > 0, b.Origin.Line > 0; inA != inB {
			if inA {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Origin.Line, b.Origin.Line), cmp.Compare(a.Origin.Column, b.Origin.Column))
	})
}
