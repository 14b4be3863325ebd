package config

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"golive/internal/setting"
)

// Check loads the configuration and writes it to w as YAML, each value with its origin. If
// the configuration has problems it writes nothing and returns an *Error with all of them.
func Check(w io.Writer, in Input) error {
	loaded, err := Load(in)
	if err != nil {
		return err
	}
	return loaded.Dump(w)
}

// Dump writes the effective values as YAML, with secrets masked and the origin after each
// value.
func (l *Loaded) Dump(w io.Writer) error {
	for _, warning := range l.Warnings {
		if _, err := fmt.Fprintf(w, "# warning: %s\n", warning); err != nil {
			return err
		}
	}
	d := dumper{origins: l.Origins}
	d.section(reflect.ValueOf(l.Config), "", "", "")
	_, err := io.WriteString(w, d.text())
	return err
}

// dumper writes YAML.
type dumper struct {
	origins map[string]Origin
	lines   []dumpLine
}

// dumpLine is a line of YAML and the comment after it, which may be empty.
type dumpLine struct{ yaml, comment string }

// section writes the keys of v, indented by indent. The first key is preceded by first
// instead, which holds the dash in a list.
func (d *dumper) section(v reflect.Value, path, indent, first string) {
	lead := first
	for _, k := range keysOf(v.Type()) {
		at, field, name := join(path, k.name), v.FieldByIndex(k.index), lead+k.name+":"
		switch {
		case isSection(k.typ):
			d.lines = append(d.lines, dumpLine{yaml: name})
			d.section(field, at, indent+"  ", indent+"  ")
		case isList(k.typ) && field.Len() > 0:
			d.lines = append(d.lines, dumpLine{yaml: name})
			d.list(field, at, indent+"  ")
		default:
			d.lines = append(d.lines, dumpLine{name + " " + yamlText(field), d.origins[at].String()})
		}
		lead = indent
	}
}

func (d *dumper) list(v reflect.Value, path, indent string) {
	for i := range v.Len() {
		at, e := element(path, i), v.Index(i)
		if isSection(e.Type()) {
			d.section(e, at, indent+"  ", indent+"- ")
			continue
		}
		d.lines = append(d.lines, dumpLine{indent + "- " + yamlText(e), d.origins[at].String()})
	}
}

// text returns all lines, with their comments in one column.
func (d *dumper) text() string {
	width := 0
	for _, l := range d.lines {
		width = max(width, min(utf8.RuneCountInString(l.yaml), maxCommentColumn))
	}
	var b strings.Builder
	for _, l := range d.lines {
		if l.comment == "" {
			fmt.Fprintln(&b, l.yaml)
			continue
		}
		fmt.Fprintf(&b, "%-*s  # %s\n", width, l.yaml, l.comment)
	}
	return b.String()
}

// maxCommentColumn bounds the column of the comments.
const maxCommentColumn = 48

// yamlText returns the value as it would be written in the file.
func yamlText(v reflect.Value) string {
	if isList(v.Type()) {
		return "[]"
	}
	if isDuration(v.Type()) {
		return text(time.Duration(v.Int()))
	}
	if size, ok := reflect.TypeAssert[setting.Bytes](v); ok {
		return size.String()
	}
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](v); ok {
		b, err := m.MarshalText()
		if err != nil {
			panic(fmt.Sprintf("config: a %v cannot be written: %v", v.Type(), err))
		}
		return quoteUnlessPlain(string(b))
	}
	if v.Kind() == reflect.String {
		return quoteUnlessPlain(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// quoteUnlessPlain quotes text that YAML may not read as the same text, and escapes ${.
func quoteUnlessPlain(s string) string {
	if isPlain(s) {
		return s
	}
	return fmt.Sprintf("%q", strings.ReplaceAll(s, "${", "$${"))
}

// isPlain reports whether YAML reads s, unquoted, as the same text.
func isPlain(s string) bool {
	switch strings.ToLower(s) {
	case "", "true", "false", "null", "yes", "no", "on", "off":
		return false
	}
	for i, r := range strings.TrimPrefix(s, "./") {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r == '/', r == '_':
		case ('0' <= r && r <= '9' || r == '.' || r == '-') && i > 0:
		default:
			return false
		}
	}
	return true
}
