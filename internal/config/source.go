package config

import (
	"fmt"
	"slices"
	"strings"
)

// source is the file's text, to show lines of it. It records the positions of secrets, since
// a line with an invalid value may also hold a secret.
type source struct {
	name    string
	lines   []string
	secrets map[int][]span
}

// span is the range [from, to) of columns of a line, from 0.
type span struct{ from, to int }

func newSource(name string, content []byte) *source {
	return &source{name: name, lines: strings.Split(string(content), "\n"), secrets: make(map[int][]span)}
}

// hide masks the scalar that begins at line and column. In a flow collection it ends at a
// comma or a bracket.
func (s *source) hide(line, column int, flow bool) {
	if line < 1 || line > len(s.lines) {
		return
	}
	text := []rune(s.lines[line-1])
	from := column - 1
	if from < 0 || from >= len(text) {
		return
	}
	s.secrets[line] = append(s.secrets[line], span{from, from + scalarLength(text[from:], flow)})
}

// hideRest masks the line from the column on.
func (s *source) hideRest(line, column int) {
	if line < 1 || line > len(s.lines) {
		return
	}
	if length := len([]rune(s.lines[line-1])); column <= length {
		s.secrets[line] = append(s.secrets[line], span{column - 1, length})
	}
}

// before returns the letter before the column, or 0.
func (s *source) before(line, column int) rune {
	text := []rune(s.lines[line-1])
	if column < 2 || column-2 >= len(text) {
		return 0
	}
	return text[column-2]
}

// tabIndented returns the first line that is indented with a tab, which YAML forbids, or 0.
func (s *source) tabIndented() int {
	for i, line := range s.lines {
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
			return i + 1
		}
	}
	return 0
}

// scalarLength returns the length of the scalar that text begins with.
func scalarLength(text []rune, flow bool) int {
	if quote := text[0]; quote == '"' || quote == '\'' {
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == '\\' && quote == '"':
				i++
			case text[i] == quote && i+1 < len(text) && text[i+1] == quote && quote == '\'':
				i++
			case text[i] == quote:
				return i + 1
			}
		}
		return len(text)
	}
	for i, r := range text {
		if r == '#' && i > 0 && text[i-1] == ' ' || flow && strings.ContainsRune(",]}", r) {
			for i > 0 && text[i-1] == ' ' {
				i--
			}
			return i
		}
	}
	return len(text)
}

// snippet returns the line with its number, and a caret below the column.
func (s *source) snippet(line, column int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	text, at := s.masked(line, column-1)
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text[:at]))
	gutter := fmt.Sprintf("%5d | ", line)
	return fmt.Sprintf("\n%s%s\n%s| %s^", gutter, strings.TrimRight(string(text), " \t"), strings.Repeat(" ", len(gutter)-2), pad)
}

// masked returns the line with its secrets masked, and the new position of column at.
func (s *source) masked(line, at int) ([]rune, int) {
	const mask = "***"
	text := []rune(s.lines[line-1])
	at = max(0, min(at, len(text)))
	spans := slices.SortedFunc(slices.Values(s.secrets[line]), func(a, b span) int { return b.from - a.from })
	end := len(text)
	for _, sp := range spans {
		to := min(sp.to, end)
		if sp.from >= to {
			continue
		}
		text = slices.Replace(text, sp.from, to, []rune(mask)...)
		switch {
		case at >= to:
			at += len(mask) - (to - sp.from)
		case at > sp.from:
			at = sp.from
		}
		end = sp.from
	}
	return text, at
}
