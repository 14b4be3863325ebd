package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"

	"golive/internal/setting"
)

// readEnv applies the GOLIVE_… variables, which override the file.
func (l *loader) readEnv() {
	visit(reflect.ValueOf(&l.cfg).Elem(), "", func(path string, v reflect.Value) {
		if value, ok := l.env[variable(path)]; ok {
			l.setUnquoted(v, value, path, Origin{From: "env " + variable(path)})
		}
	})
}

// readOverrides applies the values of flags, which override everything else.
func (l *loader) readOverrides(overrides []Override) {
	for _, o := range overrides {
		found := false
		visit(reflect.ValueOf(&l.cfg).Elem(), "", func(path string, v reflect.Value) {
			if path == o.Path {
				found = true
				l.setUnquoted(v, o.Value, path, Origin{From: o.Flag})
			}
		})
		if !found {
			panic("config: flag " + o.Flag + " sets " + o.Path + ", which is no key")
		}
	}
}

// setUnquoted sets v from a variable or a flag. Lists are written as YAML: [{ id: studio }].
func (l *loader) setUnquoted(v reflect.Value, value, path string, o Origin) {
	// The origins of the elements of a list in the file are obsolete. Their problems stay
	// reported, because the file would fail without the override.
	maps.DeleteFunc(l.origins, func(at string, _ Origin) bool { return strings.HasPrefix(at, path+"[") })
	if !isList(v.Type()) {
		l.setScalar(v, scalar{text: value, isUnquoted: true}, path, o)
		return
	}
	l.origins[path] = o
	d := &decoder{loader: l, originAt: func(*token.Token) Origin { return o }}
	if body := d.parse(path, value); body != nil {
		d.decode(body, v, path, false)
	}
}

// unknownVariables returns warnings about GOLIVE_… variables that are not settings. They are not
// errors: Kubernetes sets GOLIVE_PORT and others for a service named golive.
func (l *loader) unknownVariables() []string {
	known := make(map[string]bool)
	visit(reflect.ValueOf(&l.cfg).Elem(), "", func(path string, _ reflect.Value) { known[variable(path)] = true })
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	var warnings []string
	for name := range l.env {
		if !strings.HasPrefix(name, variablePrefix) || known[name] || l.expanded[name] {
			continue
		}
		warning := "environment variable " + name + " is not a setting"
		if near := nearest(name, names); near != "" {
			warning += "; did you mean " + strings.ToUpper(near) + "?"
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings
}

// fileSuffix is the suffix of the key that names the file of a secret.
const fileSuffix = "_file"

// readSecretFiles reads each secret whose …_file key names a file.
func (l *loader) readSecretFiles(v reflect.Value, path string) {
	eachSecretFile(v, path, func(secret, file reflect.Value, path string) {
		at := path + fileSuffix
		if file.String() == "" {
			return
		}
		o := l.originOf(at)
		if l.isRejected(path) || l.isRejected(at) {
			return
		}
		if s, _ := reflect.TypeAssert[setting.Secret](secret); !s.Empty() {
			l.reject(at, o, "keep one of them", path+" is set too")
			return
		}
		text, err := setting.ReadSecretFile(file.String())
		if err != nil {
			l.rejected[path] = true
			l.reject(at, o, "", err.Error())
			return
		}
		o.Via = "file " + file.String()
		secret.Set(reflect.ValueOf(text))
		file.SetString("") // from here on the secret is like one in the file
		l.origins[path] = o
		delete(l.origins, at)
	})
}

// eachSecretFile calls f for each secret that has a …_file key.
func eachSecretFile(v reflect.Value, path string, f func(secret, file reflect.Value, path string)) {
	switch {
	case isList(v.Type()):
		for i := range v.Len() {
			eachSecretFile(v.Index(i), element(path, i), f)
		}
	case isSection(v.Type()):
		for _, k := range keysOf(v.Type()) {
			at := join(path, k.name)
			if twin, ok := findKey(v.Type(), k.name+fileSuffix); ok && isSecret(k.typ) {
				f(v.FieldByIndex(k.index), v.FieldByIndex(twin.index), at)
				continue
			}
			eachSecretFile(v.FieldByIndex(k.index), at, f)
		}
	}
}
