package config

import (
	"errors"
	"fmt"
	"strings"
)

// errOpenBrace is returned for a ${ without }.
var errOpenBrace = errors.New(`"${" is not closed with "}"`)

// expand replaces each ${NAME} in text by the variable, and $${ by a literal ${. Values are
// not expanded again. It returns the references that it replaced, for the origin.
func expand(text string, lookup func(name string) (string, bool)) (expanded string, references []string, err error) {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), references, nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1])
			b.WriteString("${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		name, rest, closed := strings.Cut(text[i+2:], "}")
		if !closed {
			return "", references, errOpenBrace
		}
		if !isVariableName(name) {
			return "", references, fmt.Errorf("%q is not the name of an environment variable", name)
		}
		value, ok := lookup(name)
		if !ok {
			return "", references, fmt.Errorf("environment variable %s is not set", name)
		}
		b.WriteString(value)
		references = append(references, "${"+name+"}")
		text = rest
	}
}

func isVariableName(name string) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case '0' <= c && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}
