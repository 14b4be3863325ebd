package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar is one value as it was written.
type scalar struct {
	text string
	// isText is set if YAML reads it as text: "8080" is text, 8080 is not.
	isText bool
	// isUnquoted is set if it came from a variable or a flag, where quotes do not distinguish text
	// from numbers.
	isUnquoted bool
}

// scalarOf returns the node as a scalar, if it is one.
func scalarOf(n ast.Node) (scalar, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return scalar{text: n.Value, isText: true}, true
	case *ast.LiteralNode:
		return scalar{text: n.Value.Value, isText: true}, true
	case ast.ScalarNode:
		return scalar{text: n.GetToken().Value}, true
	default:
		return scalar{}, false
	}
}

// setScalar sets v from the scalar, or reports a problem.
func (l *loader) setScalar(v reflect.Value, s scalar, path string, o Origin) {
	l.origins[path] = o
	if text, hint := assign(v, s); text != "" {
		l.reject(path, o, hint, text)
	}
}

// assign sets v, or returns a problem and a hint.
func assign(v reflect.Value, s scalar) (problem, hint string) {
	t := v.Type()
	quoted := s.isText && !s.isUnquoted
	switch {
	case isSecret(t), t.Kind() == reflect.String:
		if !s.isText && !s.isUnquoted {
			return "must be text", "put it in quotes: " + quotedIfPublic(t, s.text)
		}
	case isDuration(t):
		d, err := time.ParseDuration(s.text)
		if err != nil {
			return fmt.Sprintf("%q is not a duration", s.text), durationHint(s.text)
		}
		v.SetInt(int64(d))
		return "", ""
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		if err := u.UnmarshalText([]byte(s.text)); err != nil {
			return err.Error(), ""
		}
		return "", ""
	}
	switch {
	case t.Kind() == reflect.String:
		v.SetString(s.text)
	case t.Kind() == reflect.Bool:
		if quoted || s.text != "true" && s.text != "false" {
			return "must be true or false, without quotes", ""
		}
		v.SetBool(s.text == "true")
	case v.CanInt():
		n, err := strconv.ParseInt(s.text, 10, t.Bits())
		if quoted || err != nil {
			return fmt.Sprintf("must be a whole number, not %q", s.text), ""
		}
		v.SetInt(n)
	case v.CanFloat():
		f, err := strconv.ParseFloat(s.text, t.Bits())
		if quoted || err != nil {
			return fmt.Sprintf("must be a number, not %q", s.text), ""
		}
		v.SetFloat(f)
	default:
		panic(fmt.Sprintf("config: no way to read a %v", t))
	}
	return "", ""
}

func quotedIfPublic(t reflect.Type, text string) string {
	if isSecret(t) {
		return `"..."`
	}
	return strconv.Quote(text)
}

// durationHint returns a hint for an invalid duration. A bare number may mean seconds.
func durationHint(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return fmt.Sprintf("write it with its unit: %ss", text)
	}
	return "write a number with its unit: 250ms, 15s, 1h30m"
}
