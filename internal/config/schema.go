package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"golive/internal/setting"
)

// key is one field of a section.
type key struct {
	name  string
	index []int // of reflect.Value.FieldByIndex
	typ   reflect.Type
}

// keysOf returns the keys of a section in the order of its struct. Those of a field that is
// tagged ",inline" belong to the section itself.
func keysOf(section reflect.Type) []key {
	keys := make([]key, 0, section.NumField())
	for i := range section.NumField() {
		f := section.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if _, options, _ := strings.Cut(f.Tag.Get("yaml"), ","); options == "inline" {
			for _, k := range keysOf(f.Type) {
				k.index = append([]int{i}, k.index...)
				keys = append(keys, k)
			}
			continue
		}
		if name == "" {
			panic(fmt.Sprintf("config: %v.%s has no yaml tag", section, f.Name))
		}
		if name == "-" {
			continue
		}
		keys = append(keys, key{name: name, index: []int{i}, typ: f.Type})
	}
	return keys
}

func findKey(section reflect.Type, name string) (key, bool) {
	for _, k := range keysOf(section) {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

// isSection reports whether t is a struct of keys rather than one value.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func isList(t reflect.Type) bool { return t.Kind() == reflect.Slice }

func isSecret(t reflect.Type) bool { return t == reflect.TypeFor[setting.Secret]() }

func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }

// holdsSecret reports whether a key of the section is a secret.
func holdsSecret(section reflect.Type) bool {
	for _, k := range keysOf(section) {
		if isSecret(k.typ) {
			return true
		}
	}
	return false
}

// visit calls leaf for each scalar and each list, in file order.
func visit(v reflect.Value, path string, leaf func(path string, v reflect.Value)) {
	if !isSection(v.Type()) {
		leaf(path, v)
		return
	}
	for _, k := range keysOf(v.Type()) {
		visit(v.FieldByIndex(k.index), join(path, k.name), leaf)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// parentOf returns the path of the list or section that holds path, or "".
func parentOf(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// variable returns the environment variable that sets path: GOLIVE_ and the keys.
func variable(path string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

const variablePrefix = "GOLIVE_"
