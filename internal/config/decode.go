package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readFile applies the file's values to the configuration.
func (l *loader) readFile(name string, content []byte) {
	text := strings.ReplaceAll(strings.TrimPrefix(string(content), "\ufeff"), "\r\n", "\n")
	l.src = newSource(name, []byte(text))
	origin := func(t *token.Token) Origin {
		if t == nil {
			return Origin{From: name}
		}
		return Origin{From: name, Line: t.Position.Line, Column: t.Position.Column}
	}
	d := &decoder{loader: l, originAt: origin, expands: true}
	if body := d.parse("", text); body != nil {
		d.decode(body, reflect.ValueOf(&l.cfg).Elem(), "", false)
	}
}

// decoder applies one YAML text to the configuration.
type decoder struct {
	*loader
	// originAt returns the origin of a token; nil stands for the whole text.
	originAt func(*token.Token) Origin
	// expands is set if ${NAME} is replaced.
	expands bool
}

// parse parses the text, which must be one document. It returns nil if it is empty or
// invalid.
func (d *decoder) parse(path, text string) ast.Node {
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.reportSyntax(path, err)
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			d.report(path, d.originAt(firstToken(doc.Body)), "write one document, without ---", "a second document is not allowed")
		default:
			body = doc.Body
		}
	}
	return body
}

func (d *decoder) reportSyntax(path string, err error) {
	syntax, ok := errors.AsType[yaml.Error](err)
	if !ok || syntax.GetToken() == nil {
		d.report(path, d.originAt(nil), "", "not YAML: "+err.Error())
		return
	}
	o, text, hint := d.originAt(syntax.GetToken()), syntax.GetMessage(), ""
	if o.Line > 0 {
		if line := d.src.tabIndented(); line > 0 {
			o.Line, o.Column, text, hint = line, 1, "a tab indents the line", "indent with spaces"
		}
		d.hideWrongLine(o.Line)
	}
	if o.Line > 0 && d.src.before(o.Line, o.Column) == '$' {
		hint = `inside { } or [ ] write "${NAME}" with quotes`
	}
	d.report(path, o, hint, "not YAML: "+text)
}

// hideWrongLine masks what follows the name of the first secret in a line that could not be
// parsed.
func (d *decoder) hideWrongLine(line int) {
	text := d.src.lines[line-1]
	for i := range text {
		name, value, ok := strings.Cut(text[i:], ":")
		if ok && isSecretName(strings.Trim(name, ` "'`), reflect.TypeFor[Config]()) {
			shown := text[:len(text)-len(strings.TrimLeft(value, " "))]
			d.src.hideRest(line, len([]rune(shown))+1)
			return
		}
	}
}

// isSecretName reports whether a section has a secret with that name.
func isSecretName(name string, section reflect.Type) bool {
	for _, k := range keysOf(section) {
		t := k.typ
		if isList(t) {
			t = t.Elem()
		}
		if isSecret(t) && k.name == name || isSection(t) && isSecretName(name, t) {
			return true
		}
	}
	return false
}

// decode sets v from the node.
func (d *decoder) decode(n ast.Node, v reflect.Value, path string, flow bool) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.reject(path, d.originAt(n.GetToken()), "write the value out", "anchors, aliases and tags are not supported")
		return
	}
	switch {
	case isSection(v.Type()):
		d.decodeSection(n, v, path)
	case isList(v.Type()):
		d.decodeList(n, v, path)
	default:
		d.decodeScalar(n, v, path, flow)
	}
}

func (d *decoder) decodeSection(n ast.Node, v reflect.Value, path string) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.reject(path, d.originAt(firstToken(n)), listKeys(v.Type(), path), "must hold keys")
		return
	}
	seen := make(map[string]int, len(m.Values))
	for _, kv := range m.Values {
		tok := kv.Key.GetToken()
		name := tok.Value
		k, known := findKey(v.Type(), name)
		first, again := seen[name]
		switch {
		case !known:
			d.rejectUnknown(kv, v.Type(), path, m.IsFlowStyle)
			continue
		case again:
			if isSecret(k.typ) {
				d.hide(kv.Value, m.IsFlowStyle)
			}
			d.report(path, d.originAt(tok), "keep one of them", fmt.Sprintf("key %q is set in line %d already", name, first))
			continue
		}
		seen[name] = tok.Position.Line
		at := join(path, name)
		d.origins[at] = d.originAt(tok)
		if isNull(kv.Value) {
			if !isSection(k.typ) {
				d.reject(at, d.originAt(tok), "write a value, or remove the key for the default", "has no value")
			}
			continue
		}
		d.decode(kv.Value, v.FieldByIndex(k.index), at, m.IsFlowStyle)
	}
}

func (d *decoder) rejectUnknown(kv *ast.MappingValueNode, section reflect.Type, path string, flow bool) {
	if holdsSecret(section) {
		d.hide(kv.Value, flow) // it may be a secret whose key was misspelt
	}
	name := kv.Key.GetToken().Value
	near := nearest(name, namesOf(section))
	if near != "" {
		d.rejected[join(path, near)] = true // do not report it as missing too
	}
	d.report(path, d.originAt(kv.Key.GetToken()), suggest(name, near, section, path), fmt.Sprintf("unknown key %q", name))
}

func (d *decoder) decodeList(n ast.Node, v reflect.Value, path string) {
	s, ok := n.(*ast.SequenceNode)
	if text, isScalar := scalarOf(n); isScalar && hasText(v.Type()) {
		d.setNamedList(v, text, path, d.originAt(firstToken(n)))
		return
	}
	if !ok {
		d.reject(path, d.originAt(firstToken(n)), `write each element in its own line after "- ", or [] for none`, "must be a list")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values))
	for i, n := range s.Values {
		at := element(path, i)
		d.origins[at] = d.originAt(firstToken(n))
		if isNull(n) {
			d.reject(at, d.originAt(n.GetToken()), "remove it", "is empty")
			continue
		}
		d.decode(n, list.Index(i), at, s.IsFlowStyle)
	}
	v.Set(list)
}

// hasText reports whether a list may be written as the name of one.
func hasText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// setNamedList sets a list from its name. The origin of all its values is that of the name.
func (d *decoder) setNamedList(v reflect.Value, s scalar, path string, o Origin) {
	d.setScalar(v, s, path, o)
	for i := range v.Len() {
		visit(v.Index(i), element(path, i), func(at string, _ reflect.Value) { d.origins[at] = o })
	}
}

func (d *decoder) decodeScalar(n ast.Node, v reflect.Value, path string, flow bool) {
	if isSecret(v.Type()) {
		d.hide(n, flow)
	}
	s, ok := scalarOf(n)
	if !ok {
		hint := ""
		if n.Type() == ast.MappingValueType || n.Type() == ast.MappingType {
			hint = "if it is text with a colon, put it in quotes" // inside { } the parser takes a:b for a key and its value
		}
		d.reject(path, d.originAt(firstToken(n)), hint, "must be one value")
		return
	}
	o := d.originAt(n.GetToken())
	if d.expands && s.isText {
		text, references, err := expand(s.text, d.lookup)
		if err != nil {
			d.reject(path, o, expandHint(err), err.Error())
			return
		}
		s.text, s.isUnquoted, o.Via = text, len(references) > 0, strings.Join(references, " ")
	}
	d.setScalar(v, s, path, o)
}

func expandHint(err error) string {
	if errors.Is(err, errOpenBrace) {
		return "for a plain ${ write $${"
	}
	return ""
}

// hide masks the node when its line is shown.
func (d *decoder) hide(n ast.Node, flow bool) {
	o := d.originAt(firstToken(n))
	if o.Line == 0 {
		return
	}
	if _, ok := scalarOf(n); ok {
		d.src.hide(o.Line, o.Column, flow)
		return
	}
	d.src.hideRest(o.Line, o.Column)
}

// firstToken returns the first token of the node: that of a block mapping is the colon after
// its first key.
func firstToken(n ast.Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken()
	}
	return n.GetToken()
}

func isNull(n ast.Node) bool { return n.Type() == ast.NullType }
