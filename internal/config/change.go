package config

import (
	"reflect"
	"strings"
)

// Changes returns the keys whose values differ, in file order. A list is one key.
func Changes(a, b Config) []string {
	before := make(map[string]any)
	visit(reflect.ValueOf(a), "", func(path string, v reflect.Value) { before[path] = v.Interface() })
	var paths []string
	visit(reflect.ValueOf(b), "", func(path string, v reflect.Value) {
		if isList(v.Type()) && v.Len() == 0 && reflect.ValueOf(before[path]).Len() == 0 {
			return // [] and absent mean the same
		}
		if !reflect.DeepEqual(before[path], v.Interface()) {
			paths = append(paths, path)
		}
	})
	return paths
}

// Take sets the key at path, and those below it, to their values in from.
func (c *Config) Take(from Config, path string) {
	values := make(map[string]reflect.Value)
	visit(reflect.ValueOf(from), "", func(at string, v reflect.Value) { values[at] = v })
	visit(reflect.ValueOf(c).Elem(), "", func(at string, v reflect.Value) {
		if Within(at, path) {
			v.Set(values[at])
		}
	})
}

// KeysWithin returns the keys at and below path.
func KeysWithin(path string) []string {
	var keys []string
	visit(reflect.ValueOf(Default()), "", func(at string, _ reflect.Value) {
		if Within(at, path) {
			keys = append(keys, at)
		}
	})
	return keys
}

// Within reports whether the key at is path, or is below it.
func Within(at, path string) bool { return at == path || strings.HasPrefix(at, path+".") }
