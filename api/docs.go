package api

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsPage string

// docsView is what the readable page shows of the OpenAPI document.
type docsView struct {
	Version    string
	Operations []docsOperation
	Types      []docsType
}

type docsOperation struct {
	Method, Path, Summary, Description string
	// Body and Answer are the types of what is sent and answered; empty without one.
	Body, Answer string
	Needs        bool // credentials
	Parameters   []docsField
	Errors       []string
}

type docsType struct {
	Name   string
	Fields []docsField
}

type docsField struct{ Name, Type, Doc string }

// renderDocs writes the OpenAPI document as a page that loads nothing from other hosts.
func renderDocs(doc *huma.OpenAPI) ([]byte, error) {
	t, err := template.New("docs").Parse(docsPage)
	if err != nil {
		return nil, fmt.Errorf("parse page: %w", err)
	}
	view := docsView{Version: doc.Info.Version}
	for path, item := range doc.Paths {
		for _, o := range []struct {
			method    string
			operation *huma.Operation
		}{{http.MethodGet, item.Get}, {http.MethodPost, item.Post}, {http.MethodPatch, item.Patch}, {http.MethodDelete, item.Delete}} {
			if o.operation != nil {
				view.Operations = append(view.Operations, operationOf(o.method, path, o.operation))
			}
		}
	}
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete}
	slices.SortFunc(view.Operations, func(a, b docsOperation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(slices.Index(methods, a.Method), slices.Index(methods, b.Method)))
	})
	for name, schema := range doc.Components.Schemas.Map() {
		if strings.HasPrefix(name, "Error") {
			continue
		}
		view.Types = append(view.Types, typeOf(name, schema))
	}
	slices.SortFunc(view.Types, func(a, b docsType) int { return strings.Compare(a.Name, b.Name) })
	var b bytes.Buffer
	if err := t.Execute(&b, view); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}
	return b.Bytes(), nil
}

func operationOf(method, path string, op *huma.Operation) docsOperation {
	o := docsOperation{Method: method, Path: path, Summary: op.Summary, Description: op.Description}
	for _, s := range op.Security {
		o.Needs = len(op.Security) == 1 && len(s) > 0
	}
	if op.RequestBody != nil {
		for _, m := range op.RequestBody.Content {
			o.Body = typeName(m.Schema)
		}
	}
	for _, p := range op.Parameters {
		if p.In != "path" {
			o.Parameters = append(o.Parameters, docsField{Name: p.Name, Type: p.In + ", " + typeName(p.Schema), Doc: p.Description})
		}
	}
	for code, r := range op.Responses {
		if strings.HasPrefix(code, "2") {
			for _, m := range r.Content {
				o.Answer = typeName(m.Schema)
			}
		} else if code != "default" {
			o.Errors = append(o.Errors, code)
		}
	}
	slices.Sort(o.Errors)
	return o
}

func typeOf(name string, s *huma.Schema) docsType {
	t := docsType{Name: name}
	for field, p := range s.Properties {
		t.Fields = append(t.Fields, docsField{Name: field, Type: typeName(p), Doc: p.Description})
	}
	slices.SortFunc(t.Fields, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
	return t
}

// typeName returns a schema's type in words.
func typeName(s *huma.Schema) string {
	if s.Nullable {
		plain := *s
		plain.Nullable = false
		return typeName(&plain) + " or null"
	}
	switch {
	case len(s.OneOf) > 0:
		names := make([]string, len(s.OneOf))
		for i, one := range s.OneOf {
			names[i] = typeName(one)
		}
		return strings.Join(names, " | ")
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Type == "array" && s.Items != nil:
		return "list of " + typeName(s.Items)
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		return strings.Join(words, " | ")
	case s.Format != "":
		return s.Type + " (" + s.Format + ")"
	}
	return s.Type
}
