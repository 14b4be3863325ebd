package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"golive/internal/setting"
)

// Input holds the sources of a configuration.
type Input struct {
	// File is the name of the YAML file; empty for none.
	File string
	// Env is the environment in the form of os.Environ.
	Env []string
	// Overrides are the values set by flags.
	Overrides []Override
	// Reload is true if the configuration is to replace another one: then an empty file is an error,
	// since it may be one that is being written, and would set every key to its default.
	Reload bool
}

// errEmpty refuses an empty file at a reload.
var errEmpty = errors.New("the file is empty")

// Override is a value that a flag sets.
type Override struct {
	// Flag is the flag as the operator wrote it: "--demo".
	Flag string
	// Path is the key with its sections: "storage.backend".
	Path string
	// Value is the value as it would be written in the file.
	Value string
}

// Loaded is a valid configuration.
type Loaded struct {
	Config Config
	// Origins holds the origin of each value that is not a default, by path:
	// "ingest.publish.keys[0].id".
	Origins map[string]Origin
	// Warnings are to be logged: GOLIVE_… variables that are not settings.
	Warnings []string
}

// Load loads the configuration. The error is an *Error with all problems, or the reason why
// the file cannot be read.
func Load(in Input) (*Loaded, error) {
	l := newLoader(in.Env)
	if in.File != "" {
		content, err := os.ReadFile(in.File)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		if in.Reload && len(strings.TrimSpace(string(content))) == 0 {
			return nil, fmt.Errorf("read configuration %s: %w", in.File, errEmpty)
		}
		if l.readFile(in.File, content); len(l.problems) > 0 && len(l.origins) == 0 {
			return nil, l.fail() // not YAML: further problems would be misleading
		}
	}
	l.readEnv()
	l.readOverrides(in.Overrides)
	l.readSecretFiles(reflect.ValueOf(&l.cfg).Elem(), "")
	l.validate()
	if len(l.problems) > 0 {
		return nil, l.fail()
	}
	return &Loaded{Config: l.cfg, Origins: l.origins, Warnings: l.unknownVariables()}, nil
}

// loader is the state of Load.
type loader struct {
	cfg     Config
	env     map[string]string
	src     *source
	origins map[string]Origin
	// expanded holds the variables that the file refers to.
	expanded map[string]bool
	problems []Problem
	// rejected holds the paths whose value was invalid: they keep their previous value.
	rejected map[string]bool
}

func newLoader(env []string) *loader {
	l := &loader{
		cfg:      Default(),
		env:      make(map[string]string, len(env)),
		origins:  make(map[string]Origin),
		expanded: make(map[string]bool),
		rejected: make(map[string]bool),
	}
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok {
			l.env[name] = value
		}
	}
	return l
}

func (l *loader) lookup(name string) (string, bool) {
	value, ok := l.env[name]
	l.expanded[name] = true
	return value, ok
}

func (l *loader) report(path string, o Origin, hint, text string) {
	l.problems = append(l.problems, Problem{Path: path, Origin: o, Text: text, Hint: hint})
}

// reject reports an invalid value.
func (l *loader) reject(path string, o Origin, hint, text string) {
	l.rejected[path] = true
	l.report(path, o, hint, text)
}

// isRejected reports whether the value at path, or one that contains it, was invalid: then no
// further problem is reported for it.
func (l *loader) isRejected(path string) bool {
	for at := path; at != ""; at = parentOf(at) {
		if l.rejected[at] {
			return true
		}
	}
	return false
}

// validate validates each section, and then the whole configuration.
func (l *loader) validate() {
	v := reflect.ValueOf(l.cfg)
	for _, k := range keysOf(v.Type()) {
		if section, ok := reflect.TypeAssert[interface{ Validate() error }](v.FieldByIndex(k.index)); ok {
			l.addFieldErrors(k.name, section.Validate())
		}
	}
	l.addFieldErrors("", l.cfg.Validate())
}

// addFieldErrors reports the errors of a section's Validate.
func (l *loader) addFieldErrors(section string, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			l.addFieldErrors(section, e)
		}
		return
	}
	path, text, hint := section, err.Error(), ""
	if fe, ok := errors.AsType[*setting.FieldError](err); ok {
		path, text, hint = join(section, fe.Path), fe.Problem, fe.Hint
	}
	if !l.isRejected(path) {
		l.report(path, l.originOf(path), hint, text)
	}
}

// originOf returns the origin of the value at path. For a key that is missing in an element
// of a list it is that of the element.
func (l *loader) originOf(path string) Origin {
	for at := path; at != ""; at = parentOf(at) {
		if o, ok := l.origins[at]; ok && (at == path || strings.HasSuffix(at, "]")) {
			return o
		}
	}
	return Origin{}
}

// fail returns an *Error with all problems.
func (l *loader) fail() *Error {
	for i, p := range l.problems {
		if p.Origin.Line > 0 {
			l.problems[i].snippet = l.src.snippet(p.Origin.Line, p.Origin.Column)
		}
	}
	sortProblems(l.problems)
	return &Error{Problems: l.problems}
}
