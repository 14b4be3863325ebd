package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Origin is the source of a value. The zero Origin is the default.
type Origin struct {
	// From is the file, "env NAME" or the flag; empty for a default.
	From string
	// Line and Column are the position in the file, from 1; 0 outside of files.
	Line, Column int
	// Via is the indirection of the value: "${NAME}", or the file of a secret.
	Via string
}

// String returns a readable form: "default", "golive.yaml:7", "env GOLIVE_DATA_DIR".
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

// Place returns the origin with its column, in the form that editors and terminals recognise.
func (o Origin) Place() string {
	switch {
	case o.Line > 0:
		return fmt.Sprintf("%s:%d:%d", o.From, o.Line, o.Column)
	case o.From != "":
		return o.From
	default:
		return "default"
	}
}

// Problem is one problem of a configuration.
type Problem struct {
	// Path is the key with its sections: "ingest.publish.keys[1].key". It is
	// empty if the file could not be parsed that far.
	Path string
	// Origin is the origin of the invalid value.
	Origin Origin
	// Text describes what is wrong, as a predicate of the value.
	Text string
	// Hint tells how to fix it; may be empty.
	Hint string
	// snippet is the line of the file with a caret below it; may be empty.
	snippet string
}

// String returns the full text of the problem: position, path, text, line, caret, hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Origin.Place())
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

// Error holds all problems of a configuration.
type Error struct{ Problems []Problem }

// Error returns the texts of all problems.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sortProblems sorts the problems of the file by line, before the others in their order.
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
